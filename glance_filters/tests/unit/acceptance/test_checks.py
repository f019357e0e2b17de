# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import testtools

from glance_filters.acceptance import checks


class SeenTest(testtools.TestCase):
    def test_text(self) -> None:
        self.assertEqual("200 OK", str(checks.Seen(True, "200 OK")))
