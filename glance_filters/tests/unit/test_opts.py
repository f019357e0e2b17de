# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from collections.abc import Iterable

import testtools
from oslo_config import cfg

from glance_filters import opts
from glance_filters.filters import shared
from glance_filters.filters.registry import FILTERS

# The locks are made once: those that are held must stay valid.
IMMUTABLE = (
    "config_check_interval",
    "coordination_url",
    "lock_timeout",
    "max_waiters",
)


def names(options: Iterable[cfg.Opt]) -> list[str]:
    return sorted(opt.dest for opt in options)


class ListTest(testtools.TestCase):
    def test_what_the_filters_declare(self) -> None:
        declared = {cls.name: names(cls.opts) for cls in FILTERS}
        declared[shared.GROUP] = names(shared.OPTS)
        listed = {group: names(options) for group, options in opts.list_opts()}
        self.assertEqual(declared, listed)

    def test_copies(self) -> None:
        # The generator and its users may alter what they are given.
        declared = {id(opt) for cls in FILTERS for opt in cls.opts}
        declared |= {id(opt) for opt in shared.OPTS}
        for _, options in opts.list_opts():
            self.assertFalse(declared & {id(opt) for opt in options})

    def test_each_is_mutable_and_explained(self) -> None:
        for _, options in opts.list_opts():
            for opt in options:
                self.assertIs(opt.mutable, opt.dest not in IMMUTABLE, opt.dest)
                self.assertTrue(opt.help, opt.dest)
