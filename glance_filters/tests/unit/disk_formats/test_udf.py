# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.disk_formats import udf
from glance_filters.tests.fixtures import disk_files


class MatchTest(unittest.TestCase):
    def test_sequences(self) -> None:
        for names, expected in (
            ((b"BEA01", b"NSR02", b"TEA01"), True),
            ((b"BEA01", b"NSR03", b"TEA01"), True),
            ((b"CD001", b"CD001", b"BEA01", b"NSR02"), True),
            ((b"BEA01", b"BOOT2", b"NSR02"), True),
            ((b"BEA01", b"", b"NSR02"), True),
            ((b"", b"BEA01", b"NSR02"), True),
            ((b"BEA01",), False),
            ((b"NSR02",), False),
            ((b"NSR02", b"BEA01"), False),
            ((b"CD001",), False),
            ((b"BEA01", b"NSR04"), False),
            ((), False),
        ):
            inspector = udf.UdfInspector()
            inspector.eat_chunk(disk_files.disc(*names))
            self.assertEqual(expected, inspector.format_match, names)
            inspector.finish()
            self.assertTrue(inspector.complete)

    def test_where_it_is_looked_for(self) -> None:
        """In the 17th sector to the 32nd."""
        for before, expected in (
            (-1, False),
            (0, True),
            (14, True),
            (15, False),
        ):
            names = [b""] * max(before, 0) + [b"BEA01", b"NSR02"]
            data = disk_files.disc(*names)
            data = data[2048:] if before < 0 else data
            inspector = udf.UdfInspector()
            inspector.eat_chunk(data)
            self.assertIs(expected, inspector.format_match, before)

    def test_too_short(self) -> None:
        inspector = udf.UdfInspector()
        inspector.eat_chunk(disk_files.udf()[: 17 * 2048])
        self.assertFalse(inspector.format_match)
