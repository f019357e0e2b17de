# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import struct
import unittest

from oslo_utils.imageutils import format_inspector

from glance_filters.disk_formats import vmdk

KIND = b'createType="monolithicSparse"\n'
EXTENT = b'RW 2048 SPARSE "a.vmdk"\n'
START = b"# Disk DescriptorFile\nversion=1\nparentCID=ffffffff\n"
PLAIN = START + KIND + EXTENT


def inspect(
    descriptor: bytes, capacity: int = 2048, sectors: int = 2
) -> vmdk.VmdkInspector:
    header = struct.pack(
        "<4sIIQQQQIQQB",
        *(b"KDMV", 1, 3, capacity, 128, 1, sectors, 512, 0, 21, 0),
    ).ljust(512, b"\0")
    inspector = vmdk.VmdkInspector()
    inspector.eat_chunk(header + descriptor.ljust(1024, b"\0") + bytes(2000))
    inspector.finish()
    return inspector


class ReferencesTest(unittest.TestCase):
    def test_none(self) -> None:
        for descriptor in (PLAIN, PLAIN.upper(), PLAIN + b"\n# \n"):
            inspector = inspect(descriptor)
            self.assertTrue(inspector.format_match)
            inspector.safety_check()

    def check(self, inspector: vmdk.VmdkInspector, check: str) -> None:
        with self.assertRaises(format_inspector.SafetyCheckFailed) as caught:
            inspector.safety_check()
        [(name, reason)] = caught.exception.failures.items()
        self.assertEqual(check, name)
        self.assertNotEqual("Unexpected error", str(reason))

    def test_descriptors(self) -> None:
        hint = b'parentFileNameHint="b.vmdk"\n'
        full = PLAIN + b"#".ljust(1023 - len(PLAIN), b"#") + b"\n"
        for descriptor in (
            PLAIN + hint,
            PLAIN + hint.upper(),
            PLAIN + b"ddb.a = 1 " + hint,
            b"#" + KIND + PLAIN,
            PLAIN + b"# createType\n",
            full,
        ):
            with self.subTest(descriptor):
                self.check(inspect(descriptor), "references")
        # What follows the end belongs to no descriptor.
        inspect(PLAIN + b"\0" + hint).safety_check()
        inspect(full[:-1]).safety_check()

    def test_capacity(self) -> None:
        self.check(inspect(PLAIN, capacity=0), "capacity")
        inspect(PLAIN, capacity=1).safety_check()

    def test_descriptor_alone(self) -> None:
        inspector = vmdk.VmdkInspector()
        inspector.eat_chunk(PLAIN + b"\n" * 512 + b"\0" * 512)
        inspector.finish()
        self.assertTrue(inspector.format_match)
        self.check(inspector, "capacity")


class MagicTest(unittest.TestCase):
    def match(self, data: bytes) -> bool:
        inspector = vmdk.VmdkInspector()
        try:
            inspector.eat_chunk(data.ljust(1000, b"\0"))
        except format_inspector.ImageFormatError:
            pass
        else:
            self.fail("oslo.utils reads on")
        return inspector.format_match

    def test_older(self) -> None:
        self.assertTrue(self.match(b"COWD"))
        self.assertFalse(self.match(b"COWS"))
        self.assertFalse(self.match(b"\0COWD"))
