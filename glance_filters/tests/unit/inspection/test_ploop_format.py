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

from glance_filters import ploop_format

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


def inspect(**fields: object) -> ploop_format.PloopInspector:
    values = {**PLAIN, **fields}
    header = struct.pack("<16sIIIIIQIIIQ", *(values[name] for name in NAMES))
    inspector = ploop_format.PloopInspector()
    inspector.eat_chunk(header[:20])
    inspector.eat_chunk(header[20:] + bytes(1000))
    inspector.finish()
    return inspector


class HeaderTest(unittest.TestCase):
    def test_safe(self) -> None:
        for fields, size in (
            ({}, 8192),
            ({"disk_sectors": 1}, 1),
            ({"entries": 0, "disk_sectors": 0}, 0),
            ({"first_data_sector": 0}, 8192),
            ({"first_data_sector": 1}, 8192),
            ({"in_use": 0x746F6E59}, 8192),
            ({"in_use": 0x312E3276}, 8192),
            ({"extension": 4096}, 8192),
            ({"magic": b"WithoutFreeSpace"}, 8192),
            # Of the old magic the upper half is no part of the size.
            (
                {"magic": b"WithoutFreeSpace", "disk_sectors": 1 << 32 | 7},
                7,
            ),
        ):
            with self.subTest(fields):
                inspector = inspect(**fields)
                self.assertTrue(inspector.format_match)
                inspector.safety_check()
                self.assertEqual(size * 512, inspector.virtual_size)

    def test_unsafe(self) -> None:
        for fields, check in (
            ({"version": 1}, "version"),
            ({"version": 3}, "version"),
            ({"cluster_sectors": 0}, "clusters"),
            ({"cluster_sectors": 1 << 31}, "clusters"),
            ({"entries": 3}, "clusters"),
            ({"entries": 1 << 30}, "clusters"),
            ({"disk_sectors": 1 << 40}, "clusters"),
            ({"entries": 1000, "first_data_sector": 7}, "data"),
            ({"entries": 1000, "extension": 7}, "data"),
            ({"in_use": 1}, "in_use"),
        ):
            with self.subTest(fields):
                failed = format_inspector.SafetyCheckFailed
                with self.assertRaises(failed) as caught:
                    inspect(**fields).safety_check()
                self.assertIn(check, caught.exception.failures)

    def test_other_formats(self) -> None:
        for magic in (b"WithoutFreSpaceX", bytes(16), b"withoutfreespace"):
            inspector = inspect(magic=magic)
            self.assertFalse(inspector.format_match)
            self.assertEqual(0, inspector.virtual_size)

    def test_too_short(self) -> None:
        inspector = ploop_format.PloopInspector()
        inspector.eat_chunk(b"WithouFreSpacExt")
        inspector.finish()
        self.assertTrue(inspector.format_match)
        self.assertEqual(0, inspector.virtual_size)
        with self.assertRaises(format_inspector.ImageFormatError):
            inspector.safety_check()
