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
import uuid

import testtools
from oslo_utils.imageutils import format_inspector

from glance_filters import vhd_format
from glance_filters.tests.fixtures import disk_images

# [MS-VHDX] 2.2.3 and 2.6.2
METADATA_REGION = uuid.UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e")
DISK_SIZE = uuid.UUID("2fa54224-cd1b-4876-b211-5dbed83bf4b8")
DISK_ID = uuid.UUID("beca12ab-b2e6-4523-93ef-c309e000c746")
PARENT_LOCATOR = uuid.UUID("a8d35f2d-b30b-454d-abf7-d3d84834ab0c")

KIB = 1024
METADATA = 1024 * KIB


def inspect(
    inspector: format_inspector.FileInspector, data: bytes
) -> format_inspector.FileInspector:
    for start in range(0, len(data), 64 * KIB):
        inspector.eat_chunk(data[start : start + 64 * KIB])
    inspector.finish()
    return inspector


def vhd(disk_type: int) -> bytes:
    head = bytearray(b"conectix".ljust(512, b"\0"))
    struct.pack_into(">I", head, 60, disk_type)
    return bytes(head)


def vhdx(*items: uuid.UUID, region: uuid.UUID = METADATA_REGION) -> bytes:
    data = bytearray(METADATA + 128 * KIB)
    data[:8] = b"vhdxfile"
    struct.pack_into("<4sII", data, 192 * KIB, b"regi", 0, 1)
    entry = struct.pack("<16sQII", region.bytes_le, METADATA, 65536, 1)
    data[192 * KIB + 16 : 192 * KIB + 48] = entry
    struct.pack_into("<8sHH", data, METADATA, b"metadata", 0, len(items))
    for number, item in enumerate(items, 1):
        struct.pack_into(
            "<16sII",
            data,
            METADATA + 32 * number,
            *(item.bytes_le, 64 * KIB + 8 * number, 8),
        )
    return bytes(data)


class ParentTest(testtools.TestCase):
    def check_refused(self, inspector: format_inspector.FileInspector) -> None:
        failed = self.assertRaises(
            format_inspector.SafetyCheckFailed, inspector.safety_check
        )
        self.assertEqual(["parent"], list(failed.failures))

    def test_vhd(self) -> None:
        for disk_type in (2, 3):
            inspect(vhd_format.VhdInspector(), vhd(disk_type)).safety_check()
        self.check_refused(inspect(vhd_format.VhdInspector(), vhd(4)))

    def test_vhdx(self) -> None:
        for items in ((DISK_SIZE,), (DISK_ID, DISK_SIZE)):
            inspect(vhd_format.VhdxInspector(), vhdx(*items)).safety_check()
        for items in (
            (PARENT_LOCATOR,),
            (DISK_SIZE, PARENT_LOCATOR),
            (PARENT_LOCATOR, DISK_SIZE),
        ):
            self.check_refused(
                inspect(vhd_format.VhdxInspector(), vhdx(*items))
            )

    def test_vhdx_without_metadata(self) -> None:
        data = vhdx(DISK_SIZE, region=DISK_ID)
        self.check_refused(inspect(vhd_format.VhdxInspector(), data))

    @testtools.skipIf(disk_images.QEMU_IMG is None, "no qemu-img")
    def test_vhdx_of_qemu(self) -> None:
        images = self.useFixture(disk_images.DiskImages())
        data = images.make("vhdx")
        inspect(vhd_format.VhdxInspector(), data).safety_check()
        self.assertIn(DISK_ID.bytes_le, data)
        data = data.replace(DISK_ID.bytes_le, PARENT_LOCATOR.bytes_le)
        self.check_refused(inspect(vhd_format.VhdxInspector(), data))
