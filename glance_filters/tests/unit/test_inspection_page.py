# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.tests.fixtures import list_tables
from glance_filters.tests.fixtures.judged_images import UNSAFE


class UnsafeTest(unittest.TestCase):
    maxDiff = None

    def test_each_kind_is_listed(self) -> None:
        expected = [
            [f"``{kind.disk_format}``", kind.what, kind.reason]
            for kind in UNSAFE
        ]
        self.assertEqual(expected, list_tables.rows("inspection", "Format"))
