# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import logging
import unittest
from typing import Any

from glance_filters import errors
from glance_filters.glance_api import api_calls, image_formats
from glance_filters.tests.unit import fakes


class AskTest(unittest.TestCase):
    def setUp(self) -> None:
        # Logging prints to nowhere, rather than to the terminal.
        handler = logging.NullHandler()
        image_formats.LOG.logger.addHandler(handler)
        self.addCleanup(image_formats.LOG.logger.removeHandler, handler)

    def ask(self, answer: fakes.Answer) -> image_formats.ImageFormats | None:
        core = fakes.Core({"GET": answer})
        environ = fakes.environ_of("PUT", "/v2/images/a/file", b"data")
        match = api_calls.CallMatcher([api_calls.UPLOAD_IMAGE]).match(environ)
        assert match is not None
        try:
            return image_formats.ask(core, environ, match, "some_filter")
        finally:
            self.assertEqual([("GET", "/v2/images/a", b"")], core.asked)
            self.assertEqual(0, core.open_bodies)

    def of(self, **members: Any) -> image_formats.ImageFormats | None:
        return self.ask(fakes.Answer(body=json.dumps(members).encode()))

    def test_told(self) -> None:
        self.assertEqual(
            image_formats.ImageFormats("raw", "bare", "queued"),
            self.of(disk_format="raw", container_format="bare", name="x"),
        )
        formats = self.of(disk_format=None, container_format=[], status="a")
        assert formats is not None
        self.assertIsNone(formats.disk_format)
        self.assertIsNone(formats.container_format)
        self.assertEqual("a", formats.status)

    def test_the_status_makes_no_difference(self) -> None:
        raw = {"disk_format": "raw", "container_format": "bare"}
        self.assertEqual(
            self.of(**raw, status="queued"), self.of(**raw, status="saving")
        )
        for other in ("disk_format", "container_format"):
            self.assertNotEqual(self.of(**raw), self.of(**{**raw, other: "x"}))

    def test_hidden(self) -> None:
        for status in ("403 Forbidden", "404 Not Found"):
            self.assertIsNone(self.ask(fakes.Answer(status)))

    def test_not_told(self) -> None:
        for answer in (
            fakes.Answer("500 Internal Server Error"),
            fakes.Answer(error=RuntimeError("broken")),
            fakes.Answer(body=b"[]"),
        ):
            with self.assertRaises(errors.ImageUnknown):
                self.ask(answer)
