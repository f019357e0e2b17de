# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.disk_formats import qcow2
from glance_filters.tests.fixtures import disk_files, judging


def check(data: bytes) -> str:
    """Return the reason to refuse data, empty if there is none."""
    inspector = qcow2.Qcow2Inspector()
    inspector.eat_chunk(data[:50])
    inspector.eat_chunk(data[50:])
    return judging.refusal(inspector)


class ReferencesTest(unittest.TestCase):
    def test_header(self) -> None:
        for fields, reason in (
            ({}, ""),
            ({"version": 2}, ""),
            ({"crypt": 2}, ""),
            ({"features": 0b11011}, ""),
            ({"features": 0b100}, "it has a data_file"),
            ({"features": 0b111}, "it has a data_file"),
            ({"features": 1 << 5}, "it has unknown features"),
            ({"version": 2, "features": 0b100}, ""),
            ({"version": 2, "backing_file": 72}, "it has a backing file"),
            ({"backing_file": 1 << 63}, "it has a backing file"),
            ({"version": 1}, "version 1 is not supported"),
        ):
            with self.subTest(fields):
                self.assertEqual(reason, check(disk_files.qcow2(**fields)))

    def test_how_much_is_needed(self) -> None:
        for size, expected in ((79, False), (80, True)):
            inspector = qcow2.Qcow2Inspector()
            inspector.eat_chunk(disk_files.qcow2()[:size])
            self.assertIs(expected, inspector.complete)

    def test_other_formats(self) -> None:
        inspector = qcow2.Qcow2Inspector()
        inspector.eat_chunk(b"QFI\xfa".ljust(100, b"\0"))
        self.assertFalse(inspector.format_match)
