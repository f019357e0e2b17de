# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import struct
import unittest

from glance_filters.disk_formats import qed
from glance_filters.tests.fixtures import judging


def inspect(features: int) -> qed.QedInspector:
    header = struct.pack("<4sIIIQ", b"QED\0", 65536, 4, 1, features)
    inspector = qed.QedInspector()
    inspector.eat_chunk(header.ljust(100, b"\0"))
    return inspector


class FeaturesTest(unittest.TestCase):
    def test_each(self) -> None:
        for features, reason in (
            *((each, "") for each in (0, 2, 4, 6)),
            (1, "it has a backing file"),
            (3, "it has a backing file"),
            (9, "it has a backing file"),
            (8, "it has unknown features"),
            (1 << 63, "it has unknown features"),
        ):
            inspector = inspect(features)
            self.assertTrue(inspector.format_match)
            self.assertEqual(reason, judging.refusal(inspector))

    def test_how_much_is_needed(self) -> None:
        header = struct.pack("<4sIIIQ", b"QED\0", 65536, 4, 1, 0)
        for size, expected in ((63, False), (64, True)):
            inspector = qed.QedInspector()
            inspector.eat_chunk(header.ljust(size, b"\0"))
            self.assertIs(expected, inspector.complete)

    def test_other_formats(self) -> None:
        inspector = qed.QedInspector()
        inspector.eat_chunk(b"QEE\0".ljust(100, b"\0"))
        self.assertFalse(inspector.format_match)
