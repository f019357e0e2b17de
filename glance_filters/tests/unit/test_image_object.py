# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

from __future__ import annotations

import unittest

from glance_filters import image_object


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
                self.assertEqual(expected, image_object.is_attribute(name))
