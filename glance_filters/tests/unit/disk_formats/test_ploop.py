# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import struct
import unittest

from oslo_utils.imageutils import format_inspector

from glance_filters.disk_formats import ploop

NAMES = (
    *("magic", "version", "heads", "cylinders", "cluster_sectors", "entries"),
    *("disk_sectors", "in_use", "first_data_sector", "flags", "extension"),
)
PLAIN = {
    **dict.fromkeys(NAMES, 0),
    "magic": b"WithouFreSpacExt",
    "version": 2,
    "cluster_sectors": 2048,
    "entries": 4,
    "disk_sectors": 8192,
    "first_data_sector": 2048,
}


def inspect(**fields: object) -> ploop.PloopInspector:
    values = {**PLAIN, **fields}
    header = struct.pack("<16sIIIIIQIIIQ", *(values[name] for name in NAMES))
    inspector = ploop.PloopInspector()
    inspector.eat_chunk(header[:20])
    inspector.eat_chunk(header[20:] + bytes(1000))
    inspector.finish()
    return inspector


class HeaderTest(unittest.TestCase):
    def test_safe(self) -> None:
        for fields in (
            {},
            {"disk_sectors": 1},
            {"entries": 0, "disk_sectors": 0},
            {"first_data_sector": 0},
            {"first_data_sector": 1},
            {"in_use": 0x746F6E59},
            {"in_use": 0x312E3276},
            {"extension": 4096},
            {"entries": 112, "first_data_sector": 1},
            {"entries": 1000, "first_data_sector": 8},
            {"cluster_sectors": 1, "entries": 8192, "first_data_sector": 0},
            {"cluster_sectors": 4186127},
            {"entries": 536870911, "first_data_sector": 0},
            {"magic": b"WithoutFreeSpace"},
            # Of the old magic the upper half is no part of the size.
            {"magic": b"WithoutFreeSpace", "disk_sectors": 1 << 32 | 7},
        ):
            with self.subTest(fields):
                inspector = inspect(**fields)
                self.assertTrue(inspector.format_match)
                inspector.safety_check()

    def test_unsafe(self) -> None:
        size = "the size of a cluster is out of range"
        large = "the allocation table is too large"
        small = "the allocation table is too small for the disk"
        data = "the data overlap the allocation table"
        extension = "the extension overlap the allocation table"
        for fields, check, reason in (
            ({"version": 1}, "version", "version 1 is not known"),
            ({"version": 3}, "version", "version 3 is not known"),
            ({"cluster_sectors": 0}, "clusters", size),
            ({"cluster_sectors": 0, "disk_sectors": 0}, "clusters", size),
            ({"cluster_sectors": 1 << 31}, "clusters", size),
            ({"cluster_sectors": 4186128}, "clusters", size),
            ({"entries": 3}, "clusters", small),
            ({"disk_sectors": 1 << 40}, "clusters", small),
            ({"entries": 1 << 30}, "clusters", large),
            (
                {"entries": 536870912, "first_data_sector": 0},
                "clusters",
                large,
            ),
            ({"entries": 1000, "first_data_sector": 7}, "data", data),
            ({"entries": 113, "first_data_sector": 1}, "data", data),
            ({"entries": 1000, "extension": 7}, "data", extension),
            ({"entries": 113, "extension": 1}, "data", extension),
            ({"in_use": 1}, "in_use", "the mark of use is not known"),
        ):
            with self.subTest(fields):
                failed = format_inspector.SafetyCheckFailed
                with self.assertRaises(failed) as caught:
                    inspect(**fields).safety_check()
                self.assertEqual(reason, str(caught.exception.failures[check]))

    def test_other_formats(self) -> None:
        for magic in (b"WithoutFreSpaceX", bytes(16), b"withoutfreespace"):
            inspector = inspect(magic=magic)
            self.assertFalse(inspector.format_match)

    def test_too_short(self) -> None:
        inspector = ploop.PloopInspector()
        inspector.eat_chunk(b"WithouFreSpacExt")
        inspector.finish()
        self.assertTrue(inspector.format_match)
        with self.assertRaises(format_inspector.ImageFormatError):
            inspector.safety_check()
