# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import testtools

from glance_filters.disk_formats import vhdx
from glance_filters.tests.fixtures import disk_files, disk_images, judging
from glance_filters.tests.fixtures.disk_files import (
    VHDX_DISK_ID,
    VHDX_DISK_SIZE,
    VHDX_HEADERS,
    VHDX_PARENT_LOCATOR,
    VHDX_TABLES,
)
from glance_filters.tests.fixtures.judged_images import changed

BLOCK = 64 * 1024
PARENT = "it has a parent"
LOG = "its log must be replayed first"
DIFFER = "its tables of regions differ"
ONE_REGION = "it does not have one region of metadata"


def check(data: bytes) -> str:
    """Return the reasons to refuse data, empty if there is none."""
    inspector = vhdx.VhdxInspector()
    for start in range(0, len(data), BLOCK):
        inspector.eat_chunk(data[start : start + BLOCK])
    inspector.finish()
    return judging.refusal(inspector)


def headers(*numbers: int, logs: tuple[bool, bool]) -> bytes:
    """Return a VHDX whose headers have other sequence numbers."""
    data = disk_files.vhdx(VHDX_DISK_SIZE)
    for offset, number, log in zip(VHDX_HEADERS, numbers, logs):
        data = changed(data, offset, disk_files.vhdx_header(number, log))
    return data


class ParentTest(testtools.TestCase):
    def test_items(self) -> None:
        for items, reason in (
            ((VHDX_DISK_SIZE,), ""),
            ((VHDX_DISK_ID, VHDX_DISK_SIZE), ""),
            ((VHDX_PARENT_LOCATOR,), PARENT),
            ((VHDX_DISK_SIZE, VHDX_PARENT_LOCATOR), PARENT),
            ((VHDX_PARENT_LOCATOR, VHDX_DISK_SIZE), PARENT),
        ):
            self.assertEqual(reason, check(disk_files.vhdx(*items)))

    def test_regions(self) -> None:
        data = disk_files.vhdx(VHDX_DISK_SIZE)
        other = disk_files.vhdx(VHDX_DISK_SIZE, region=VHDX_DISK_ID)
        # An entry that the table does not count.
        none = data
        for start in VHDX_TABLES:
            none = changed(none, start + 8, b"\0")
        for image, reason in (
            (other, ONE_REGION),
            (none, ONE_REGION),
            *(
                (changed(data, each + 8, b"\2"), DIFFER)
                for each in VHDX_TABLES
            ),
            (
                disk_files.vhdx(VHDX_PARENT_LOCATOR, metadata=2**20 + 4096),
                f"the place of its metadata is not allowed; {PARENT}",
            ),
        ):
            self.assertEqual(reason, check(image))

    @testtools.skipIf(
        disk_images.QEMU_IMG is None, "qemu-img is not installed"
    )
    def test_of_qemu(self) -> None:
        data = self.useFixture(disk_images.DiskImages()).make("vhdx")
        self.assertEqual("", check(data))
        item = VHDX_DISK_ID.bytes_le
        self.assertIn(item, data)
        data = data.replace(item, VHDX_PARENT_LOCATOR.bytes_le)
        self.assertEqual(PARENT, check(data))


class LogTest(testtools.TestCase):
    def test_the_latest_valid_header_counts(self) -> None:
        for numbers, logs, reason in (
            ((1, 2), (False, False), ""),
            ((1, 2), (True, False), ""),
            ((1, 2), (False, True), LOG),
            ((2, 1), (True, False), LOG),
            ((2, 1), (False, True), ""),
            # Who knows which a reader takes.
            ((1, 1), (False, True), LOG),
            ((1, 1), (True, False), LOG),
            ((2**64 - 1, 1), (True, False), LOG),
        ):
            self.assertEqual(reason, check(headers(*numbers, logs=logs)))

    def test_where_a_header_tells_of_it(self) -> None:
        data = disk_files.vhdx(VHDX_DISK_SIZE)
        for mark, reason in ((47, ""), (48, LOG), (63, LOG), (64, "")):
            header = disk_files.vhdx_header(9, log=False, mark=mark)
            found = check(changed(data, VHDX_HEADERS[0], header))
            self.assertEqual(reason, found, str(mark))

    def test_signatures(self) -> None:
        """With a checksum that is right."""
        data = disk_files.vhdx(VHDX_DISK_SIZE)
        for signature, reason in (
            (b"head", LOG),
            (b"heac", ""),
            (b"heae", ""),
        ):
            header = disk_files.vhdx_header(9, True, signature=signature)
            found = check(changed(data, VHDX_HEADERS[1], header))
            self.assertEqual(reason, found, str(signature))

    def test_what_is_no_header(self) -> None:
        good = headers(1, 2, logs=(False, True))
        second = VHDX_HEADERS[1]
        for start, new in (
            (second, b"HEAD"),
            (second + 4, b"\0"),
            (second + 4095, b"\1"),
        ):
            self.assertEqual("", check(changed(good, start, new)))
        for offset in VHDX_HEADERS:
            good = changed(good, offset, b"HEAD")
        self.assertEqual("it has no valid header", check(good))
