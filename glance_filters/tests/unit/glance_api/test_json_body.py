# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest
from typing import Any

from glance_filters import errors
from glance_filters.glance_api import json_body
from glance_filters.tests.unit import fakes

FORM = "application/x-www-form-urlencoded"


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


class ReadPostedTest(unittest.TestCase):
    def read(self, body: bytes, max_bytes: int = 100, **keys: Any) -> Any:
        environ = fakes.environ_of("POST", "/v2/images", body, **keys)
        found = json_body.read_posted(environ, max_bytes)
        # The core finds what it would have found.
        self.assertEqual(body, environ["wsgi.input"].read())
        return found

    def test_documents(self) -> None:
        for body, expected in (
            (b'{"a": 1}', {"a": 1}),
            (b"[1]", [1]),
            (b"{", None),
            (b"1", None),
            (b"", None),
        ):
            self.assertEqual(expected, self.read(body), str(body))

    def test_forms(self) -> None:
        for body, expected in (
            (b'{"a": "&_method=POST&"}', {"a": "&_method=POST&"}),
            (b'{"a": "&_method=PUT&"}', None),
            (b'{"a": 1}', {"a": 1}),
        ):
            self.assertEqual(expected, self.read(body, CONTENT_TYPE=FORM))

    def test_form_that_the_router_drops(self) -> None:
        environ = fakes.environ_of(
            "POST",
            "/v2/images",
            CONTENT_TYPE=FORM,
            HTTP_TRANSFER_ENCODING="chunked",
        )
        self.assertIsNone(json_body.read_posted(environ, 100))

    def test_too_long(self) -> None:
        with self.assertRaises(errors.BodyTooLarge):
            self.read(b'{"a": 1}', 7)
