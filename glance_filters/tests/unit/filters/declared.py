# SPDX-License-Identifier: Apache-2.0

"""Options as the documentation promises them to operators."""

from __future__ import annotations

import unittest
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from oslo_config import cfg

from glance_filters.filters import base, configuration, counters


class Promise(NamedTuple):
    """What is promised of an option.

    :ivar default: its default
    :ivar lowest: the lowest number that it may be; None if there is none
    :ivar choices: the values that it may have; empty if it is free text
    :ivar needs_restart: whether a change needs a restart
    :ivar is_secret: whether its value is kept out of logs
    """

    default: Any
    lowest: int | None = None
    choices: tuple[str, ...] = ()
    needs_restart: bool = False
    is_secret: bool = False


def check(
    test: unittest.TestCase,
    opts: Iterable[cfg.Opt],
    promises: Mapping[str, Promise],
) -> None:
    """Check that the options are those that are promised."""
    declared = {opt.dest: opt for opt in opts}
    test.assertEqual(set(promises), set(declared))
    for name, promise in promises.items():
        opt = declared[name]
        test.assertEqual(promise.default, opt.default, name)
        test.assertIs(promise.needs_restart, not opt.mutable, name)
        test.assertIs(promise.is_secret, opt.secret, name)
        test.assertEqual(
            promise.needs_restart, "needs a restart" in (opt.help or ""), name
        )
        if promise.lowest is not None:
            test.assertEqual(promise.lowest, opt.type(str(promise.lowest)))
            with test.assertRaises(ValueError):
                opt.type(str(promise.lowest - 1))
        if isinstance(opt, cfg.FloatOpt):
            for text in ("inf", "1e12"):
                with test.assertRaises(ValueError):
                    opt.type(text)
        for choice in promise.choices:
            test.assertEqual(choice, opt.type(choice))
        if promise.choices:
            with test.assertRaises(ValueError):
                opt.type("other")


def check_filter(
    test: unittest.TestCase,
    kind: type[base.Filter[Any]],
    promises: Mapping[str, Promise],
) -> None:
    """Check that the options of a filter are those that are promised."""
    test.assertEqual(kind.__module__, f"glance_filters.filters.{kind.name}")
    check(test, kind.opts, promises)
    # Without a filter, as the command that shows them makes them.
    config = configuration.Configuration(kind.name, kind.opts, {})
    values = counters.without(config.values())
    test.assertIs(True, kind.make_settings(values, config).enabled)
