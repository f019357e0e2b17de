# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.glance_api import image_attributes


class IsAttributeTest(unittest.TestCase):
    def test_names(self) -> None:
        for name, expected in (
            ("image_id", True),
            ("extra_properties", True),
            ("base", True),
            ("delete", True),
            ("__class__", True),
            ("__anything", True),
            ("name", False),
            ("locations", False),
            ("hw__disk", False),
            ("Base", False),
            ("_base", False),
            ("", False),
        ):
            with self.subTest(name):
                self.assertEqual(expected, image_attributes.is_attribute(name))
