# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.filters import configuration
from glance_filters.tests.unit.filters.range_translator import fake_glance
from glance_filters.tests.unit.filters.range_translator.fake_glance import (
    FakeGlance,
)


class OptionsTest(unittest.TestCase):
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
