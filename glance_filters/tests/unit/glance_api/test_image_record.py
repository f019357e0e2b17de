# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import unittest
from typing import Any

from glance_filters.glance_api import api_calls, image_record
from glance_filters.tests.unit import fakes


class AskTest(unittest.TestCase):
    def ask(self, answer: fakes.Answer) -> image_record.ImageRecord | None:
        core = fakes.Core({"GET": answer})
        environ = fakes.environ_of("GET", "/v2/images/ID/file")
        matcher = api_calls.CallMatcher((api_calls.DOWNLOAD_IMAGE,))
        match = matcher.match(environ)
        assert match is not None
        record = image_record.ask(core, environ, match, "x")
        self.assertEqual([("GET", "/v2/images/ID", b"")], core.asked)
        self.assertEqual(0, core.open_bodies)
        return record

    def test_records(self) -> None:
        full = {
            "size": 10,
            "checksum": "aa",
            "os_hash_algo": "sha512",
            "os_hash_value": "bb",
        }
        cases: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
            (full, (10, "aa", "sha512", "bb")),
            ({}, (None, None, None, None)),
            ({**full, "size": None}, (None, "aa", "sha512", "bb")),
            ({**full, "size": "10"}, (None, "aa", "sha512", "bb")),
            ({**full, "size": True}, (None, "aa", "sha512", "bb")),
            ({**full, "size": -1}, (None, "aa", "sha512", "bb")),
            ({**full, "checksum": ""}, (10, None, "sha512", "bb")),
            ({**full, "checksum": 1}, (10, None, "sha512", "bb")),
        ]
        for document, expected in cases:
            answer = fakes.Answer(body=json.dumps(document).encode())
            with self.subTest(document):
                self.assertEqual(
                    image_record.ImageRecord(*expected), self.ask(answer)
                )

    def test_no_record(self) -> None:
        for answer in (
            fakes.Answer("404 Not Found"),
            fakes.Answer("500 Internal Server Error"),
            fakes.Answer(body=b"["),
            fakes.Answer(body=b"[]"),
            fakes.Answer(body=b"\xff"),
            fakes.Answer(error=OSError("x")),
        ):
            self.assertIsNone(self.ask(answer), str(answer))
