# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import testtools
from oslo_utils.imageutils import format_inspector

from glance_filters.disk_formats import vhd
from glance_filters.tests.fixtures import disk_images
from glance_filters.tests.fixtures.disk_images import (
    VHDX_DISK_ID,
    VHDX_DISK_SIZE,
    VHDX_PARENT_LOCATOR,
)

BLOCK = 64 * 1024


def check_vhd(disk_type: int) -> None:
    inspector = vhd.VhdInspector()
    inspector.eat_chunk(disk_images.vhd_head(disk_type))
    inspector.finish()
    inspector.safety_check()


def check_vhdx(data: bytes) -> None:
    inspector = vhd.VhdxInspector()
    for start in range(0, len(data), BLOCK):
        inspector.eat_chunk(data[start : start + BLOCK])
    inspector.finish()
    inspector.safety_check()


class ParentTest(testtools.TestCase):
    def check_reason(
        self, failed: format_inspector.SafetyCheckFailed, reason: str
    ) -> None:
        reasons = {name: str(why) for name, why in failed.failures.items()}
        self.assertEqual({"parent": reason}, reasons)

    def check_refused(self, data: bytes, reason: str) -> None:
        self.check_reason(
            self.assertRaises(
                format_inspector.SafetyCheckFailed, check_vhdx, data
            ),
            reason,
        )

    def test_vhd(self) -> None:
        for disk_type in (2, 3):
            check_vhd(disk_type)
        failed = self.assertRaises(
            format_inspector.SafetyCheckFailed, check_vhd, 4
        )
        self.check_reason(failed, "Image has a parent")

    def test_vhdx(self) -> None:
        for items in ((VHDX_DISK_SIZE,), (VHDX_DISK_ID, VHDX_DISK_SIZE)):
            check_vhdx(disk_images.vhdx_image(*items))
        for items in (
            (VHDX_PARENT_LOCATOR,),
            (VHDX_DISK_SIZE, VHDX_PARENT_LOCATOR),
            (VHDX_PARENT_LOCATOR, VHDX_DISK_SIZE),
        ):
            data = disk_images.vhdx_image(*items)
            self.check_refused(data, "Image has a parent")

    def test_vhdx_without_metadata(self) -> None:
        data = disk_images.vhdx_image(VHDX_DISK_SIZE, region=VHDX_DISK_ID)
        self.check_refused(data, "Image has no metadata")

    @testtools.skipIf(
        disk_images.QEMU_IMG is None, "qemu-img is not installed"
    )
    def test_vhdx_of_qemu(self) -> None:
        data = self.useFixture(disk_images.DiskImages()).make("vhdx")
        check_vhdx(data)
        item = VHDX_DISK_ID.bytes_le
        self.assertIn(item, data)
        data = data.replace(item, VHDX_PARENT_LOCATOR.bytes_le)
        self.check_refused(data, "Image has a parent")
