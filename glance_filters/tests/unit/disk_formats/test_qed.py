# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import struct
import unittest

from oslo_utils.imageutils import format_inspector

from glance_filters.disk_formats import qed


def inspect(features: int) -> qed.QedInspector:
    header = struct.pack("<4sIIIQ", b"QED\0", 65536, 4, 1, features)
    inspector = qed.QedInspector()
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
        inspector = qed.QedInspector()
        inspector.eat_chunk(b"QEE\0".ljust(100, b"\0"))
        self.assertFalse(inspector.format_match)
