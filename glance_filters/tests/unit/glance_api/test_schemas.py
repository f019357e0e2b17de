# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import copy
import unittest
from typing import Any

from glance_filters.glance_api import schemas

FORMATS = ("raw", "ploop")


def image(disk_format: Any) -> dict[str, Any]:
    return {
        "name": "image",
        "properties": {"id": {"type": "string"}, "disk_format": disk_format},
    }


def images(disk_format: Any) -> dict[str, Any]:
    items = {"type": "array", "items": image(disk_format)}
    return {"name": "images", "properties": {"images": items}}


class OfferTest(unittest.TestCase):
    def test_enumerations(self) -> None:
        both = ["null", "string"]
        for glance, enum in (
            # Newton to 2026.2
            ({"type": both, "enum": [None, "a", "raw"]}, [None, *FORMATS]),
            ({"type": "string", "enum": ["a"]}, [*FORMATS]),
            ({"type": both, "enum": ["a", None]}, [None, *FORMATS]),
            # Foreign services
            ({"type": both}, [None, *FORMATS]),
            ({"type": "string"}, [*FORMATS]),
            ({}, [*FORMATS]),
            ({"enum": "a"}, [*FORMATS]),
        ):
            for make, offer in (
                (image, schemas.offer_in_image),
                (images, schemas.offer_in_images),
            ):
                with self.subTest(glance, offer=offer):
                    document = make(glance)
                    before = copy.deepcopy(document)
                    offered = offer(document, FORMATS)
                    self.assertEqual(make({**glance, "enum": enum}), offered)
                    self.assertEqual(before, document)

    def test_the_same_is_the_same(self) -> None:
        schema = {"enum": [None, *FORMATS]}
        for document, offer in (
            (image(schema), schemas.offer_in_image),
            (images(schema), schemas.offer_in_images),
        ):
            self.assertIs(document, offer(document, FORMATS))

    def test_unknown_shapes(self) -> None:
        documents: list[Any] = [
            None,
            1,
            [],
            {},
            {"properties": None},
            {"properties": []},
            {"properties": {}},
            image(None),
            image([]),
            image("raw"),
        ]
        for document in documents:
            self.assertIs(document, schemas.offer_in_image(document, FORMATS))
            self.assertIs(document, schemas.offer_in_images(document, FORMATS))
