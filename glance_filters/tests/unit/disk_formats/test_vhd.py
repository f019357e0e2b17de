# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.disk_formats import vhd
from glance_filters.tests.fixtures import judging
from glance_filters.tests.fixtures.disk_files import vhd as image
from glance_filters.tests.fixtures.disk_files import vhd_footer

PARENT = "it has a parent"
UNKNOWN = "the type of the disk is unknown"
NOISE = b"\3" * 1000


def check(inspector: vhd.VhdInspector, data: bytes) -> str:
    """Return the reason to refuse data, empty if there is none."""
    inspector.eat_chunk(data[:700])
    inspector.eat_chunk(data[700:])
    if inspector.complete:
        return "complete before the end"
    inspector.finish()
    if not inspector.format_match:
        return "no VHD"
    return judging.refusal(inspector)


class ParentTest(unittest.TestCase):
    def test_by_head(self) -> None:
        for data, reason in (
            (image(3, 3), ""),
            (image(3, None), ""),
            (image(2, 2), ""),
            # No footer is where one would be looked for.
            (image(3, 4) + b"\0\0", ""),
            (image(4, 3), PARENT),
            (image(4, None), PARENT),
            (image(3, 4), PARENT),
            (image(3, 4)[:-1], PARENT),
            (image(3, 5), UNKNOWN),
            (image(0, 3), UNKNOWN),
            (NOISE, "no VHD"),
            (NOISE + vhd_footer(2), "no VHD"),
        ):
            self.assertEqual(reason, check(vhd.VhdInspector(), data))

    def test_by_footer(self) -> None:
        for data, reason in (
            (NOISE + vhd_footer(2), ""),
            (NOISE + vhd_footer(3), ""),
            (NOISE + vhd_footer(2, 511), ""),
            (NOISE + vhd_footer(4), PARENT),
            (NOISE + vhd_footer(4, 511), PARENT),
            (NOISE + vhd_footer(7), UNKNOWN),
            (NOISE, "no VHD"),
            (NOISE + vhd_footer(2, 510), "no VHD"),
            (NOISE + vhd_footer(2) + b"\0", "no VHD"),
        ):
            self.assertEqual(reason, check(vhd.FixedVhdInspector(), data))
