# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import unittest
from typing import Any

from glance_filters.glance_api import api_calls, image_document, subrequest
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID

PATH = f"/v2/images/{IMAGE_ID}"
VERSION = api_calls.MEDIA_TYPE_PREFIX + "v2"
ACTIVE = b'{"status": "active"}'


class AskTest(unittest.TestCase):
    def setUp(self) -> None:
        self.core = fakes.Core()
        self.addCleanup(self.check_closed)

    def check_closed(self) -> None:
        self.assertEqual(0, self.core.open_bodies)

    def ask(
        self,
        answer: fakes.Answer,
        method: str = "PATCH",
        path: str = PATH,
        **keys: Any,
    ) -> dict[str, Any]:
        self.core.answers["GET"] = answer
        environ = fakes.environ_of(method, path, b"body", **keys)
        match = api_calls.CallMatcher(
            [
                api_calls.UPDATE_IMAGE,
                api_calls.ADD_LOCATION,
                api_calls.DELETE_FROM_STORE,
            ]
        ).match(environ)
        assert match is not None
        return image_document.ask(self.core, environ, match, "a_filter")

    def test_document(self) -> None:
        self.assertEqual(
            {"status": "active"}, self.ask(fakes.Answer(body=ACTIVE))
        )

    def test_question(self) -> None:
        media_type = {"HTTP_ACCEPT": VERSION}
        for method, path, keys, asked, accept in (
            ("PATCH", PATH, {}, PATH, "application/json"),
            ("POST", f"{PATH}/locations", {}, PATH, "application/json"),
            (
                "DELETE",
                f"/v2.6//stores/fast/{IMAGE_ID}",
                {},
                f"/v2.6/images/{IMAGE_ID}",
                "application/json",
            ),
            (
                "PATCH",
                f"/images/{IMAGE_ID}",
                media_type,
                f"/images/{IMAGE_ID}",
                VERSION,
            ),
        ):
            with self.subTest(method, path=path):
                self.core.asked.clear()
                self.core.environs.clear()
                self.ask(fakes.image("active"), method, path, **keys)
                self.assertEqual([("GET", asked, b"")], self.core.asked)
                (child,) = self.core.environs
                self.assertEqual(accept, child["HTTP_ACCEPT"])
                self.assertEqual("a_filter", child["glance_filters.source"])

    def test_hidden(self) -> None:
        for line, code in (
            ("300 Multiple Choices", 300),
            ("401 Unauthorized", 401),
            ("403 Forbidden", 403),
            ("404 Not Found", 404),
        ):
            with self.subTest(line):
                # Whatever else the core says then.
                with self.assertRaises(image_document.Hidden) as caught:
                    self.ask(fakes.Answer(line, ACTIVE))
                self.assertEqual(code, caught.exception.code)

    def test_not_told(self) -> None:
        for answer, reason in (
            (fakes.Answer("201 Created", ACTIVE), "201"),
            (fakes.Answer("500 Internal Server Error", ACTIVE), "500"),
            (fakes.Answer(error=RuntimeError("broken")), "broken"),
            (fakes.Answer(body=b"["), "JSON"),
            (fakes.Answer(body=b"[]"), "list"),
            (fakes.Answer(body=b"[" * 100000), "Recursion"),
        ):
            with self.subTest(reason):
                with self.assertRaisesRegex(image_document.NotTold, reason):
                    self.ask(answer)

    def test_answer_size(self) -> None:
        limit = subrequest.MAX_ANSWER_BYTES
        body = json.dumps({"status": "active", "a": ""}).encode()
        full = body[:-2] + b"x" * (limit - len(body)) + body[-2:]
        self.assertEqual("active", self.ask(fakes.Answer(body=full))["status"])
        with self.assertRaises(image_document.NotTold):
            self.ask(fakes.Answer(body=full + b" "))
