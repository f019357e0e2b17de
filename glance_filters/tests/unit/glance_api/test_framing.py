# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest
from typing import Any

from glance_filters import errors
from glance_filters.glance_api import framing


class CheckTest(unittest.TestCase):
    def test_framing(self) -> None:
        cases: list[tuple[dict[str, Any], str | None]] = [
            ({}, None),
            ({"CONTENT_LENGTH": ""}, None),
            ({"CONTENT_LENGTH": "0"}, None),
            ({"CONTENT_LENGTH": "007"}, None),
            ({"CONTENT_LENGTH": "123456789012345678"}, None),
            ({"HTTP_TRANSFER_ENCODING": "chunked"}, None),
            ({"HTTP_TRANSFER_ENCODING": "Chunked"}, None),
            ({"HTTP_TRANSFER_ENCODING": ""}, None),
            (
                {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"},
                None,
            ),
            (
                {"CONTENT_LENGTH": "5", "HTTP_TRANSFER_ENCODING": "chunked"},
                "exclude",
            ),
            ({"CONTENT_LENGTH": "9" * 5000}, "Content-Length"),
        ]
        for length in (
            *("-5", "-0", "+5", "5, 5", "5,5", "5 5", "1_0", " 5", "5 "),
            *("0x5", "5.0", "five", "\u0665", "5\n", "\n5"),
        ):
            cases.append(({"CONTENT_LENGTH": length}, "Content-Length"))
        for coding in (
            *("gzip", "identity", "gzip, chunked", "chunked, chunked"),
            *("x", " chunked", "chunked\n"),
        ):
            cases.append(
                ({"HTTP_TRANSFER_ENCODING": coding}, "Transfer-Encoding")
            )
        for environ, wrong in cases:
            with self.subTest(**environ):
                if wrong is None:
                    framing.check(environ)
                    continue
                with self.assertRaisesRegex(errors.BadRequest, wrong):
                    framing.check(environ)
