# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import unittest
from unittest import mock

from glance_filters.filters.range_translator.legacy import protocol
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.filters.range_translator import fake_glance


def versions(*ids: str) -> fakes.Answer:
    document = {"versions": [{"id": each} for each in ids]}
    return fakes.Answer(body=json.dumps(document).encode())


class ProtocolTest(unittest.TestCase):
    def test_protocol_of(self) -> None:
        for minor, expected in (
            (None, protocol.RANGE),
            (15, protocol.RANGE),
            (6, protocol.RANGE),
            (5, protocol.CONTENT_RANGE),
            (4, protocol.CONTENT_RANGE),
            (3, protocol.NONE),
        ):
            found = protocol.protocol_of(minor)
            self.assertEqual(expected, found, minor)


class GlanceVersionTest(unittest.TestCase):
    def setUp(self) -> None:
        self.glance = fakes.Glance()
        self.version = protocol.GlanceVersion()

    def minor(self) -> int | None:
        return self.version.minor(fake_glance.make_request(self.glance))

    def test_asked_once(self) -> None:
        self.glance.answers["GET"] = versions("v2.4", "v2.3", "v1.1")
        for _ in range(3):
            self.assertEqual(4, self.minor())
        self.assertEqual([("GET", "/versions", b"")], self.glance.asked)

    def test_asked_again_later_if_it_did_not_answer(self) -> None:
        with mock.patch("time.monotonic") as monotonic:
            monotonic.return_value = 1000.0
            self.glance.answers["GET"] = fakes.Answer(error=OSError("x"))
            for _ in range(3):
                self.assertIsNone(self.minor())
            self.glance.answers["GET"] = versions("v2.5")
            monotonic.return_value += 59
            self.assertIsNone(self.minor())
            self.assertEqual(1, len(self.glance.asked))
            monotonic.return_value += 1
            self.assertEqual(5, self.minor())

    def test_no_versions(self) -> None:
        for body in (b"<html>", b"[]", b"\xff", b"[" * 100000):
            self.glance.answers["GET"] = fakes.Answer(body=body)
            self.version = protocol.GlanceVersion()
            self.assertIsNone(self.minor())

    def test_behind_version_negotiation(self) -> None:
        request = fake_glance.make_request(self.glance, **{"api.version": "2"})
        self.assertIsNone(self.version.minor(request))
        self.assertEqual([], self.glance.asked)
