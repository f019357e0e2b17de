# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters import stores
from glance_filters.filters import configuration
from glance_filters.filters.range_translator import RangeTranslator
from glance_filters.tests.unit.filters import declared
from glance_filters.tests.unit.filters.declared import Promise
from glance_filters.tests.unit.filters.range_translator import fake_glance
from glance_filters.tests.unit.filters.range_translator.fake_glance import (
    FakeGlance,
)

PROMISES = {
    "enabled": Promise(True),
    "core_protocol": Promise(
        "auto", choices=("auto", "range", "content-range", "none")
    ),
    "max_ranges": Promise(100, 1),
    "max_overlaps": Promise(2, 0),
    "max_gap": Promise(4 * 2**20, 0),
    "max_calls": Promise(4, 2),
    "max_discarded": Promise(2**30, 0),
    "cache_control": Promise("private, no-cache"),
    "request_content_range": Promise("accept", choices=("accept", "refuse")),
    "add_api_version": Promise(True),
    "random_access_stores": Promise(list(stores.TYPES)),
    # Former places of options that all filters share.
    "stats_host": Promise(None),
    "stats_port": Promise(None),
}


class OptionsTest(unittest.TestCase):
    def test_promises(self) -> None:
        declared.check_filter(self, RangeTranslator, PROMISES)

    def test_cache_control_is_text_of_a_field(self) -> None:
        for value in ("private\nX: y", "privat\u00e9", "\0"):
            with self.assertRaises(configuration.ConfigurationError):
                fake_glance.make_filter(FakeGlance(), cache_control=value)

    def test_limits(self) -> None:
        for key, value in (
            ("max_calls", "1"),
            ("max_gap", "-1"),
            ("max_discarded", "-1"),
            ("max_ranges", "0"),
        ):
            with self.assertRaises(configuration.ConfigurationError):
                fake_glance.make_filter(FakeGlance(), **{key: value})
