# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.filters.range_translator import image_data, validators
from glance_filters.tests.unit.filters.range_translator import fake_glance
from glance_filters.tests.unit.filters.range_translator.fake_glance import (
    MD5,
    SHA512,
    TAG,
    FakeGlance,
    Reply,
)


class TagOfTest(unittest.TestCase):
    def test_tags(self) -> None:
        strong, weak = f'"{SHA512}"', r'W/"[0-9a-f]{32}"'
        evil = "00\r\nX-Evil: 1\r\n" * 8
        no_hash = {"checksum": None, "os_hash_value": None}
        for md5, image, expected, calls in (
            (MD5, {}, TAG, 0),
            (None, {}, TAG, 1),
            # No hexadecimal: it does not come into a field.
            (evil, {}, TAG, 1),
            ("Q2hlY2sgSW50ZWdyaXR5IQ==", {}, TAG, 1),
            (None, {"checksum": None}, strong, 1),
            (None, {"checksum": evil}, strong, 1),
            (None, {"checksum": None, "os_hash_value": evil}, weak, 1),
            (None, no_hash, weak, 1),
            (None, {**no_hash, "size": None, "created_at": None}, weak, 1),
            (None, {**no_hash, "updated_at": None}, None, 1),
            (None, None, None, 1),
        ):
            glance = FakeGlance()
            assert glance.image is not None
            glance.image.update(image or {})
            if image is None:
                glance.image = None
            fields = {} if md5 is None else {"Content_MD5": md5}
            glance.replies = [Reply("200 OK", **fields)]
            data = image_data.ImageData(fake_glance.make_request(glance))
            response = data.fetch()
            response.close()
            found = validators.tag_of(data, response)
            with self.subTest(md5=md5, image=image):
                self.assertEqual(calls, glance.asked.count("image"))
                if expected is None:
                    self.assertIsNone(found)
                else:
                    self.assertRegex(found or "", rf"\A{expected}\Z")

    def test_weak_tag_names_the_data(self) -> None:
        tags = set()
        for change in (
            {},
            {"id": "x"},
            {"size": 5},
            {"created_at": "x"},
            {"updated_at": "x"},
        ):
            glance = FakeGlance()
            assert glance.image is not None
            glance.image.update(checksum=None, os_hash_value=None, **change)
            data = image_data.ImageData(fake_glance.make_request(glance))
            tags.add(validators.tag_of(data, None))
        self.assertEqual(5, len(tags))


class FieldsTest(unittest.TestCase):
    def test_fields(self) -> None:
        for tag, wants_digest, cache_control, expected in (
            (None, False, "", {"Accept-Ranges"}),
            (TAG, False, "", {"Accept-Ranges", "ETag"}),
            (None, False, "private", {"Accept-Ranges", "Cache-Control"}),
            (None, True, "", {"Accept-Ranges", "Repr-Digest"}),
        ):
            data = image_data.ImageData(fake_glance.make_request(FakeGlance()))
            found = validators.fields(data, tag, wants_digest, cache_control)
            self.assertEqual(expected, {name for name, _ in found})

    def test_digest_of_an_image_that_is_known_or_hidden(self) -> None:
        for image, expected in ((True, 2), (False, 1)):
            glance = FakeGlance()
            if not image:
                glance.image = None
            data = image_data.ImageData(fake_glance.make_request(glance))
            self.assertEqual(image, data.image is not None)
            found = validators.fields(data, None, False, "")
            self.assertEqual(expected, len(found))

    def test_with_missing(self) -> None:
        found = validators.with_missing(
            [("etag", "a"), ("X", "b")], [("ETag", "c"), ("Y", "d")]
        )
        self.assertEqual([("etag", "a"), ("X", "b"), ("Y", "d")], found)

    def test_of_not_modified(self) -> None:
        kept = [
            (name, "a")
            for name in (
                *("ETag", "VARY", "Cache-Control", "Expires"),
                "Content-Location",
            )
        ]
        found = validators.of_not_modified([*kept, ("Content-Length", "5")])
        self.assertEqual(kept, found)
