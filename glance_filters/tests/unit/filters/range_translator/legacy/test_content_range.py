# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest
from collections.abc import Iterable
from typing import Any
from unittest import mock

from glance_filters.filters.range_translator.legacy import content_range
from glance_filters.tests.unit import fakes


class DeprecatedTest(unittest.TestCase):
    def test_fields(self) -> None:
        started: list[Any] = []

        def app(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("206 Partial Content", [("X-A", "b")])
            return [b"x"]

        body = content_range.deprecated(app)(
            fakes.environ_of("GET", "/"),
            lambda *arguments: started.append(arguments),  # type: ignore[arg-type]
        )
        self.assertEqual([b"x"], list(body))
        ((status, headers),) = started
        self.assertEqual("206 Partial Content", status)
        fields = dict(headers)
        self.assertEqual("b", fields["X-A"])
        # A date of RFC 9651, as RFC 9745 asks.
        self.assertRegex(fields["Deprecation"], "^@[0-9]+$")
        self.assertIn('rel="deprecation"', fields["Link"])


class DeprecationLogTest(unittest.TestCase):
    def test_once_an_hour_for_each_agent(self) -> None:
        log = content_range.DeprecationLog()
        lines: list[str] = []
        clock = mock.patch("time.monotonic")
        logger = mock.patch.object(content_range.LOG, "warning")
        with clock as monotonic, logger as warning:
            warning.side_effect = lambda text, agent: lines.append(agent)
            monotonic.return_value = 1.0
            for agent in ("one", "other", "one", "one"):
                environ = fakes.environ_of("GET", "/", HTTP_USER_AGENT=agent)
                log.note(environ)
            log.note(fakes.environ_of("GET", "/"))
            monotonic.return_value += content_range.LOG_SECONDS
            log.note(fakes.environ_of("GET", "/", HTTP_USER_AGENT="one"))
        self.assertEqual(["one", "other", "", "one"], lines)
