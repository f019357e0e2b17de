# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import dataclasses
import unittest

from glance_filters.filters import configuration
from glance_filters.filters.location_guard import LocationGuard, options
from glance_filters.tests.unit import fakes


class OptionsTest(unittest.TestCase):
    def settings(self, **section: str) -> options.LocationGuardSettings:
        section = {"coordination_url": "", **section}
        guard = LocationGuard.factory({}, **section)(fakes.Glance())
        assert isinstance(guard, LocationGuard)
        return guard._settings

    def test_defaults(self) -> None:
        found = dataclasses.asdict(self.settings())
        # The statuses in which Glance itself is safe.
        for option, statuses in (
            ("remove_statuses", ("active",)),
            ("replace_statuses", ("active", "queued")),
            ("add_statuses", ("active", "queued")),
            ("location_api_statuses", ("queued",)),
        ):
            self.assertEqual(statuses, found[option], option)
        self.assertEqual("proceed", found["on_lock_failure"])

    def test_values(self) -> None:
        for key, value, expected in (
            ("remove_statuses", "", ()),
            ("add_statuses", "killed,saving", ("killed", "saving")),
            ("lock_timeout", "0", 0.0),
            ("max_waiters", "1", 1),
            ("max_body_size", "1", 1),
        ):
            found = getattr(self.settings(**{key: value}), key)
            self.assertEqual(expected, found, key)

    def test_wrong_values(self) -> None:
        for key, value in (
            ("remove_statuses", "actve"),
            ("replace_statuses", "active,deleted?"),
            ("lock_timeout", "-1"),
            ("lock_timeout", "soon"),
            ("max_waiters", "0"),
            ("max_body_size", "0"),
            ("on_lock_failure", "hope"),
        ):
            with self.assertRaisesRegex(configuration.ConfigurationError, key):
                self.settings(**{key: value})
