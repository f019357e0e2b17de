# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from oslo_utils.imageutils import format_inspector

from glance_filters.disk_formats import vmdk
from glance_filters.tests.fixtures import judged_images, judging
from glance_filters.tests.fixtures.disk_files import (
    VMDK_DESCRIPTOR,
    VMDK_FOOTER,
    vmdk_header,
)
from glance_filters.tests.fixtures.disk_files import vmdk as image


def inspect(data: bytes, size: int = 1000) -> vmdk.VmdkInspector:
    inspector = vmdk.VmdkInspector()
    for start in range(0, len(data), size):
        inspector.eat_chunk(data[start : start + size])
    return inspector


class RegionsTest(unittest.TestCase):
    """How much of a file has to be seen."""

    def test_head(self) -> None:
        text = VMDK_DESCRIPTOR
        for data, needed in (
            (image(), 512 + len(text) + 1),
            # To its end, and not to that of its place.
            (image(sectors=2048), 512 + len(text) + 1),
            (image(b"#" * 10_000, sectors=2), 3 * 512),
            (image(b"#" * 90_000, sectors=200), 512 + 64 * 1024),
            (image(sectors=0), 512),
            (judged_images.changed(image(), 0, b"COWD"), 512),
        ):
            self.assertTrue(inspect(data[:needed]).head_complete)
            self.assertFalse(inspect(data[: needed - 1]).head_complete)

    def test_footer(self) -> None:
        data = image(footer=vmdk_header())
        inspector = inspect(data)
        self.assertTrue(inspector.head_complete)
        self.assertFalse(inspector.complete)
        inspector.finish()
        self.assertTrue(inspector.complete)
        inspector.safety_check()

    def test_older_format(self) -> None:
        for data, expected in (
            (b"COWD", True),
            (b"COWS", False),
            (b"\0COWD", False),
            (b"KDMV", True),
            (b"", False),
        ):
            self.assertEqual(
                expected, inspect(data.ljust(600, b"\0")).format_match
            )


class FailuresTest(unittest.TestCase):
    def test_marker_of_a_footer(self) -> None:
        """Its size is 0, its type 3, and zeros follow."""
        data = image(footer=vmdk_header())
        # The marker, the footer and the marker of the end, a sector each.
        start = len(data) - 3 * 512
        for offset, value, expected in (
            *((0, 1, ""), (0, 9, "")),
            *((8, 1, "no marker in front"), (12, 2, "no marker in front")),
            *((12, 4, "no marker in front"), (16, 1, "no marker in front")),
            (511, 1, "no marker in front"),
        ):
            inspector = inspect(
                judged_images.changed(data, start + offset, bytes([value]))
            )
            inspector.finish()
            found = judging.refusal(inspector)
            self.assertIn(expected, found, f"{offset} {value}")
            self.assertEqual(not expected, not found, f"{offset} {value}")

    def test_versions(self) -> None:
        known = (1, 2, 3)
        for version in (0, *known, 4):
            inspector = inspect(image(version=version))
            if version in known:
                inspector.safety_check()
                continue
            with self.assertRaises(format_inspector.SafetyCheckFailed):
                inspector.safety_check()

    def test_all_are_told(self) -> None:
        """More than one thing may be wrong."""
        for data, checks in (
            (image(b"", capacity=0), {"header", "descriptor"}),
            (
                image(b"", version=9, footer=bytes(512)),
                {"header", "descriptor", "footer"},
            ),
            (
                image(footer=vmdk_header(tables=VMDK_FOOTER)),
                {"footer"},
            ),
            (b"COWD".ljust(600, b"\0"), {"header"}),
        ):
            inspector = inspect(data)
            inspector.finish()
            with self.assertRaises(
                format_inspector.SafetyCheckFailed
            ) as caught:
                inspector.safety_check()
            self.assertEqual(checks, set(caught.exception.failures))
            for reason in caught.exception.failures.values():
                self.assertNotEqual("Unexpected error", str(reason))
