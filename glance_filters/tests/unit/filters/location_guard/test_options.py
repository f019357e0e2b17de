# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.filters import configuration
from glance_filters.filters.location_guard import LocationGuard, options
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.filters import declared
from glance_filters.tests.unit.filters.declared import Promise

PROMISES = {
    "enabled": Promise(True),
    # The statuses in which Glance itself is safe.
    "remove_statuses": Promise(["active"]),
    "replace_statuses": Promise(["active", "queued"]),
    "add_statuses": Promise(["active", "queued"]),
    "location_api_statuses": Promise(["queued"]),
    "max_body_size": Promise(2**20, 1),
    "coordination_url": Promise("file://", needs_restart=True, is_secret=True),
    "lock_timeout": Promise(10.0, 0, needs_restart=True),
    "max_waiters": Promise(8, 1, needs_restart=True),
    "on_lock_failure": Promise("proceed", choices=("proceed", "refuse")),
    # Former places of options that all filters share.
    "stats_host": Promise(None),
    "stats_port": Promise(None),
}


class OptionsTest(unittest.TestCase):
    def test_promises(self) -> None:
        declared.check_filter(self, LocationGuard, PROMISES)

    def settings(self, **section: str) -> options.LocationGuardSettings:
        section = {"coordination_url": "", **section}
        guard = LocationGuard.factory({}, **section)(fakes.Glance())
        assert isinstance(guard, LocationGuard)
        return guard._settings

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
