# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.filters.range_translator.image_data import ImageData
from glance_filters.tests.unit.filters.range_translator import fake_glance
from glance_filters.tests.unit.filters.range_translator.fake_glance import (
    SIZE,
    FakeGlance,
)


class ImageDataTest(unittest.TestCase):
    def setUp(self) -> None:
        self.glance = FakeGlance()
        self.data = ImageData(fake_glance.make_request(self.glance))

    def test_image_is_asked_for_once(self) -> None:
        self.assertIsNone(self.data.known_image)
        self.assertEqual([], self.glance.asked)
        for _ in range(2):
            self.assertEqual(SIZE, self.data.size)
        self.assertEqual(self.data.image, self.data.known_image)
        self.assertEqual(["image"], self.glance.asked)
        self.assertEqual(0, self.data.calls)

    def test_hidden(self) -> None:
        self.glance.image = None
        for _ in range(2):
            self.assertIsNone(self.data.size)
        self.assertIsNone(self.data.known_image)
        self.assertEqual(["image"], self.glance.asked)

    def test_what_glance_is_not_to_see(self) -> None:
        keys = {
            "HTTP_RANGE": "bytes=0-1",
            "HTTP_CONTENT_RANGE": "bytes 0-1/*",
            "HTTP_IF_MATCH": '"x"',
            "HTTP_IF_NONE_MATCH": '"x"',
            "HTTP_IF_RANGE": '"x"',
            "HTTP_IF_MODIFIED_SINCE": "x",
            "HTTP_IF_UNMODIFIED_SINCE": "x",
            "HTTP_ACCEPT_ENCODING": "gzip",
        }
        request = fake_glance.make_request(
            self.glance, REQUEST_METHOD="HEAD", **keys
        )
        ImageData(request).fetch().close()
        (environ,) = self.glance.environs
        self.assertEqual(set(), keys.keys() & environ.keys())
        self.assertEqual("GET", environ["REQUEST_METHOD"])
