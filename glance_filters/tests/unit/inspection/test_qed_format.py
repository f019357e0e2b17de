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

import struct
import unittest

from oslo_utils.imageutils import format_inspector

from glance_filters import qed_format


def inspect(features: int) -> qed_format.QedInspector:
    header = struct.pack("<4sIIIQ", b"QED\0", 65536, 4, 1, features)
    inspector = qed_format.QedInspector()
    inspector.eat_chunk(header.ljust(100, b"\0"))
    return inspector


class FeaturesTest(unittest.TestCase):
    def test_safe(self) -> None:
        for features in (0, 2, 4, 6):
            inspector = inspect(features)
            self.assertTrue(inspector.format_match)
            inspector.safety_check()

    def test_unsafe(self) -> None:
        for features in (1, 3, 8, 1 << 63):
            with self.assertRaises(format_inspector.SafetyCheckFailed):
                inspect(features).safety_check()

    def test_other_formats(self) -> None:
        inspector = qed_format.QedInspector()
        inspector.eat_chunk(b"QEE\0".ljust(100, b"\0"))
        self.assertFalse(inspector.format_match)
