# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.glance_api import image_attributes

# What the object has in some release, beside the image's properties.
KNOWN = """
base context deactivate delete extra_properties get_data get_payload
get_super_class helper image image_id member notifier property_rules
reactivate repo resource_name send_notification set_data _abc_impl
_format_image_send _format_import_properties _get_chunk_data_iterator
"""


class IsAttributeTest(unittest.TestCase):
    def test_names(self) -> None:
        for name, expected in (
            *((name, True) for name in KNOWN.split()),
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
