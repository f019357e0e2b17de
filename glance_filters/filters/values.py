# SPDX-License-Identifier: Apache-2.0

"""What is different between two sets of options' values, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from oslo_config import cfg

# The value of each option, by group and option name; lists as tuples.
Values = Mapping[str, Mapping[str, Any]]

MASK = "****"


def plain(value: Any) -> Any:
    """Return a value that nobody can change: of a list, a tuple."""
    return tuple(value) if isinstance(value, list) else value


def told(opt: cfg.Opt, value: Any) -> str:
    """Return a value as an operator writes it; secrets are masked."""
    if opt.secret and value and value != opt.default:
        return MASK
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value)


def defaults(opts: Mapping[str, Iterable[cfg.Opt]]) -> Values:
    """Return the default of each option."""
    return {
        group: {opt.dest: plain(opt.default) for opt in each}
        for group, each in opts.items()
    }


def differences(
    opts: Mapping[str, Iterable[cfg.Opt]], former: Values, values: Values
) -> Iterator[str]:
    """Yield ``[group] option: former value -> value``."""
    for group, name, opt in _changed(opts, former, values):
        was, now = former[group][name], values[group][name]
        yield f"[{group}] {name}: {told(opt, was)} -> {told(opt, now)}"


def keep_fixed(
    opts: Mapping[str, Iterable[cfg.Opt]], former: Values, values: Values
) -> tuple[Values, frozenset[str]]:
    """Return *values*, but for options that cannot change, as they were.

    :returns: them, and those that were to change, as ``[group] option``
    """
    kept = {group: dict(each) for group, each in values.items()}
    fixed = set()
    for group, name, opt in _changed(opts, former, values):
        if not opt.mutable:
            kept[group][name] = former[group][name]
            fixed.add(f"[{group}] {name}")
    return kept, frozenset(fixed)


def _changed(
    opts: Mapping[str, Iterable[cfg.Opt]], former: Values, values: Values
) -> Iterator[tuple[str, str, cfg.Opt]]:
    for group, each in opts.items():
        for opt in each:
            if former[group][opt.dest] != values[group][opt.dest]:
                yield group, opt.dest, opt
