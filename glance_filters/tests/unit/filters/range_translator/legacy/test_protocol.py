# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import unittest
from unittest import mock

from glance_filters.filters.range_translator.legacy import protocol
from glance_filters.filters.range_translator.legacy.protocol import Protocol
from glance_filters.glance_api import calls, matching, request
from glance_filters.tests.unit import fakes


def versions(*ids: str) -> fakes.Answer:
    document = {"versions": [{"id": each} for each in ids]}
    return fakes.Answer(body=json.dumps(document).encode())


class ProtocolTest(unittest.TestCase):
    def test_protocol_of(self) -> None:
        for minor, expected in (
            (None, Protocol.RANGE),
            (15, Protocol.RANGE),
            (6, Protocol.RANGE),
            (5, Protocol.CONTENT_RANGE),
            (4, Protocol.CONTENT_RANGE),
            (3, Protocol.NONE),
        ):
            found = protocol.protocol_of(minor)
            self.assertEqual(expected, found, minor)


class GlanceVersionTest(unittest.TestCase):
    def setUp(self) -> None:
        self.core = fakes.Core()
        self.version = protocol.GlanceVersion()
        self.request = self.of(self.core)

    def of(self, glance: fakes.Core) -> request.Request:
        environ = fakes.environ_of("GET", "/v2/images/ID/file")
        match = matching.Match(calls.DOWNLOAD_IMAGE, {}, "", "/v2")
        return request.Request(glance, environ, match, "x")

    def test_asked_once(self) -> None:
        self.core.answers["GET"] = versions("v2.4", "v2.3", "v1.1")
        for _ in range(3):
            self.assertEqual(4, self.version.minor(self.request))
        self.assertEqual([("GET", "/versions", b"")], self.core.asked)

    def test_asked_again_later_if_it_did_not_answer(self) -> None:
        with mock.patch("time.monotonic") as monotonic:
            monotonic.return_value = 1000.0
            self.core.answers["GET"] = fakes.Answer(error=OSError("x"))
            for _ in range(3):
                self.assertIsNone(self.version.minor(self.request))
            self.assertEqual(1, len(self.core.asked))
            monotonic.return_value += protocol.RETRY_SECONDS
            self.core.answers["GET"] = versions("v2.5")
            self.assertEqual(5, self.version.minor(self.request))

    def test_no_versions(self) -> None:
        for body in (b"<html>", b"[]", b"\xff", b"[" * 100000):
            core = fakes.Core({"GET": fakes.Answer(body=body)})
            version = protocol.GlanceVersion()
            self.assertIsNone(version.minor(self.of(core)))

    def test_behind_version_negotiation(self) -> None:
        self.request.environ["api.version"] = 2
        self.assertIsNone(self.version.minor(self.request))
        self.assertEqual([], self.core.asked)
