# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.filters import shared
from glance_filters.tests.unit.filters import declared
from glance_filters.tests.unit.filters.declared import Promise

PROMISES = {
    "stats_host": Promise(""),
    "stats_port": Promise(8125, 0),
    "drain_timeout": Promise(600.0, 0),
    "config_check_interval": Promise(10.0, 0, needs_restart=True),
}


class OptionsTest(unittest.TestCase):
    def test_promises(self) -> None:
        declared.check(self, shared.OPTS, PROMISES)
