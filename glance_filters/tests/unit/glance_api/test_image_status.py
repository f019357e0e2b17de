# SPDX-License-Identifier: Apache-2.0


from __future__ import annotations

import logging
import unittest
from typing import Any

from glance_filters import errors
from glance_filters.glance_api import api_calls, image_status
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID

PATH = f"/v2/images/{IMAGE_ID}"
VERSION = api_calls.MEDIA_TYPE_PREFIX + "v2"
ACTIVE = b'{"status": "active"}'


class StatusesTest(unittest.TestCase):
    def test_names(self) -> None:
        """As in the image schema of the Image service API reference."""
        self.assertEqual(
            {
                "active",
                "deactivated",
                "deleted",
                "importing",
                "killed",
                "pending_delete",
                "queued",
                "saving",
                "uploading",
            },
            set(image_status.STATUSES),
        )


class AskTest(unittest.TestCase):
    def setUp(self) -> None:
        self.core = fakes.Core()
        self.addCleanup(self.check_closed)
        # Logging prints to nowhere, rather than to the terminal.
        handler = logging.NullHandler()
        image_status.LOG.logger.addHandler(handler)
        self.addCleanup(image_status.LOG.logger.removeHandler, handler)

    def check_closed(self) -> None:
        self.assertEqual(0, self.core.open_bodies)

    def ask(
        self,
        answer: fakes.Answer,
        method: str = "PATCH",
        path: str = PATH,
        **keys: Any,
    ) -> str:
        self.core.answers["GET"] = answer
        environ = fakes.environ_of(method, path, b"body", **keys)
        before = dict(environ)
        match = api_calls.CallMatcher(
            [
                api_calls.UPDATE_IMAGE,
                api_calls.ADD_LOCATION,
                api_calls.DELETE_FROM_STORE,
            ]
        ).match(environ)
        assert match is not None
        try:
            return image_status.ask(self.core, environ, match, "a_filter")
        finally:
            self.assertEqual(before, environ)
            self.assertEqual(b"body", environ["wsgi.input"].read())

    def test_status(self) -> None:
        # One that this package does not know is a status nevertheless.
        for status in (*image_status.STATUSES, "melted", ""):
            with self.subTest(status):
                self.assertEqual(status, self.ask(fakes.image(status)))

    def test_unknown(self) -> None:
        for name, answer in (
            # An image that comes with any other code does not count.
            ("created", fakes.Answer("201 Created", ACTIVE)),
            ("partial", fakes.Answer("206 Partial Content", ACTIVE)),
            ("moved", fakes.Answer("302 Found", ACTIVE)),
            ("bad request", fakes.Answer("400 Bad Request", ACTIVE)),
            ("conflict", fakes.Answer("409 Conflict", ACTIVE)),
            ("gone", fakes.Answer("410 Gone", ACTIVE)),
            ("too many", fakes.Answer("429 Too Many Requests", ACTIVE)),
            ("failure", fakes.Answer("500 Internal Server Error", ACTIVE)),
            ("unavailable", fakes.Answer("503 Service Unavailable", ACTIVE)),
            ("raised", fakes.Answer(error=RuntimeError("secret"))),
            ("no code", fakes.Answer("OK really", ACTIVE)),
            ("nothing", fakes.Answer(body=b"")),
            ("cut off", fakes.Answer(body=ACTIVE[:-1])),
            ("two", fakes.Answer(body=ACTIVE * 2)),
            ("text", fakes.Answer(body=b'"status"')),
            ("number", fakes.Answer(body=b"1")),
            ("null", fakes.Answer(body=b"null")),
            ("list", fakes.Answer(body=b"[" + ACTIVE + b"]")),
            ("null status", fakes.Answer(body=b'{"status": null}')),
            ("list status", fakes.Answer(body=b'{"status": ["active"]}')),
            ("deep", fakes.Answer(body=b'{"status": ' + b"[" * 100000)),
        ):
            with self.subTest(name):
                with self.assertRaises(errors.ImageUnknown) as caught:
                    self.ask(answer)
                text = str(caught.exception)
                self.assertIn(IMAGE_ID, text)
                self.assertNotIn("secret", text)

    def test_operator_is_told_why(self) -> None:
        for answer, reason in (
            (fakes.Answer(error=RuntimeError("no database")), "no database"),
            (fakes.Answer("500 Internal Server Error"), "500"),
            (fakes.Answer(body=b"{}"), "status"),
        ):
            with self.subTest(reason):
                with self.assertLogs(image_status.LOG.logger) as logs:
                    with self.assertRaises(errors.ImageUnknown):
                        self.ask(answer)
                (line,) = logs.output
                self.assertIn(IMAGE_ID, line)
                self.assertIn(reason, line)
