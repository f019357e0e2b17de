# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import testtools

from matrix import table


class ObservedTest(testtools.TestCase):
    def test_what_is_alike_is_told_once(self) -> None:
        whole, part = (False, "200 OK"), (True, "206, bytes 0-1/*")
        found = {
            version: [("GET *", alone, part)]
            for version, alone in (("1", whole), ("2", whole), ("3", part))
        }
        lines = table.observed(found).splitlines()
        self.assertEqual(
            [
                "   * - GET \\*",
                "     - | 1 to 2: 200 OK",
                "       | 3: **206, bytes 0-1/\\***",
                "     - **206, bytes 0-1/\\***",
            ],
            lines[-4:],
        )
