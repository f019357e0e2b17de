# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import unittest
from unittest import mock

from glance_filters.filters.range_translator import image_data, legacy, sources
from glance_filters.filters.range_translator.legacy import content_range
from glance_filters.glance_api import calls
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.filters.range_translator import fake_glance


class OldGlanceTest(unittest.TestCase):
    def setUp(self) -> None:
        document = {"versions": [{"id": "v2.4", "status": "CURRENT"}]}
        self.glance = fakes.Glance()
        body = json.dumps(document).encode()
        self.glance.answers["GET"] = fakes.Answer(body=body)
        self.request = fake_glance.make_request(self.glance)
        self.old = legacy.OldGlance()

    def test_versions(self) -> None:
        self.assertIsNone(self.old.add_version(self.request))
        self.request.match = self.request.match._replace(
            call=calls.SHOW_VERSIONS
        )
        captured = self.old.add_version(self.request)
        assert captured is not None
        self.assertIn(b"v2.5", captured.read(2**20) or b"")

    def test_who_uses_the_old_header_is_logged(self) -> None:
        download = mock.MagicMock()
        self.request.environ["HTTP_CONTENT_RANGE"] = "bytes 0-1/*"
        self.request.environ["HTTP_USER_AGENT"] = "an agent"
        with self.assertLogs("glance_filters", "WARNING") as logged:
            self.old.respond_to_content_range(self.request, download)
        self.assertIn("'an agent'", logged.output[0])

    def test_sources(self) -> None:
        data = image_data.ImageData(self.request)
        for name, expected in (
            ("auto", content_range.ContentRangeSource),
            ("range", sources.RangeSource),
            ("content-range", content_range.ContentRangeSource),
            ("none", sources.WholeSource),
        ):
            found = self.old.parts_source(self.request, data, name)
            self.assertIsInstance(found, expected)
