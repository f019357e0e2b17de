# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.disk_formats import vdi
from glance_filters.tests.fixtures import disk_files, judging
from glance_filters.tests.fixtures.judged_images import changed


class ParentTest(unittest.TestCase):
    def test_header(self) -> None:
        for data, reason in (
            (disk_files.vdi(), ""),
            (disk_files.vdi(kind=2), ""),
            (disk_files.vdi(kind=0), "it has a parent"),
            (disk_files.vdi(kind=4), "it has a parent"),
            (disk_files.vdi(link=bytes(15) + b"\1"), "it has a parent"),
            (disk_files.vdi(parent=b"\1"), "it has a parent"),
            (disk_files.vdi(parent=bytes(15) + b"\1"), "it has a parent"),
            # What comes before the UUIDs, and behind them.
            (changed(disk_files.vdi(), 423, b"\1"), ""),
            (changed(disk_files.vdi(), 456, b"\1"), ""),
            (disk_files.vdi(version=1, kind=4), "its version is unknown"),
            (disk_files.vdi(version=0x10002), "its version is unknown"),
        ):
            inspector = vdi.VdiInspector()
            inspector.eat_chunk(data)
            self.assertTrue(inspector.format_match)
            self.assertEqual(reason, judging.refusal(inspector))
