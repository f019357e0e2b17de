# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.filters.findings import Finding


class FindingTest(unittest.TestCase):
    def test_is_one_line(self) -> None:
        for finding, line in (
            (
                Finding("filter:x", "key y is unknown", "Remove it"),
                "error: filter:x: key y is unknown. Remove it.",
            ),
            (
                Finding("[x] y", "store z is slow", "See the manual", True),
                "note: [x] y: store z is slow. See the manual.",
            ),
        ):
            self.assertEqual(line, str(finding))
