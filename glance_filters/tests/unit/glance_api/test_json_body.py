# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters import errors
from glance_filters.glance_api import json_body


class LoadTest(unittest.TestCase):
    def test_documents(self) -> None:
        for body, expected in (
            (b"[]", []),
            (b' {"a": 1}\n', {"a": 1}),
            (b'{"a": 1, "a": 2}', {"a": 2}),
            (b'{"\\u0061": 1}', {"a": 1}),
            ('{"a": "\u00e9"}'.encode(), {"a": "\u00e9"}),
            (b"[Infinity]", [float("inf")]),
        ):
            with self.subTest(body):
                self.assertEqual(expected, json_body.load(body))

    def test_no_documents(self) -> None:
        for body in (
            b"",
            b"1",
            b"null",
            b'"[]"',
            b"[",
            b"[] []",
            b"\xff",
            "[]".encode("utf-8-sig"),
            "[]".encode("utf-16"),
            '["\u00e9"]'.encode("latin-1"),
        ):
            with self.subTest(body):
                with self.assertRaises(json_body.NotADocument):
                    json_body.load(body)

    def test_too_deep(self) -> None:
        with self.assertRaises(errors.BodyUnreadable):
            json_body.load(b"[" * 200000)
