# SPDX-License-Identifier: Apache-2.0

"""What a filter adds to a request that is none of its own."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import apps, figures, goals, measure, peers, table
from glance_filters.glance_api import matching

_NO_OP = "no-op filter"
_ALL = "all four filters"
_OWN = "its own"

# Of each filter, as a multiple of the no-op filter.
_LIMIT = 2

KINDS = {
    "GET images": ("GET", "/v2/images"),
    "GET images?...": ("GET", "/v2/images?limit=20&sort=name%3Aasc"),
    "GET image": ("GET", apps.IMAGE),
    "GET file": ("GET", f"{apps.IMAGE}/file"),
    "PUT file": ("PUT", f"{apps.IMAGE}/file"),
    "PATCH image": ("PATCH", apps.IMAGE),
    "POST members": ("POST", f"{apps.IMAGE}/members"),
    "GET namespaces": ("GET", "/v2/metadefs/namespaces"),
}


@dataclass(frozen=True)
class Added:
    """What was measured.

    :ivar seconds: what each side adds to each kind of request, None where
        the request is one of the filter's own
    """

    seconds: Mapping[str, Mapping[str, float | None]]

    def to_no_op(self, side: str, kind: str) -> float | None:
        """Return what a side adds as a multiple of what the no-op adds."""
        value = self.seconds[side][kind]
        no_op = self.seconds[_NO_OP][kind]
        if value is None or no_op is None:
            return None
        # A coarse clock may see nothing of it.
        return value / no_op if no_op else math.inf

    def cell(self, side: str, kind: str) -> str:
        """Return a cell of the table."""
        value = self.seconds[side][kind]
        multiple = self.to_no_op(side, kind)
        if value is None or multiple is None:
            return _OWN
        return f"{figures.duration(value)} ({figures.digits(multiple)})"

    def multiples(self, side: str) -> dict[str, float]:
        """Return a filter's multiple of the no-op, by kind of request."""
        return {
            kind: multiple
            for kind in KINDS
            if (multiple := self.to_no_op(side, kind)) is not None
        }


def measure_added(rounds: int, calls: int = 1000) -> Added:
    """Measure each filter and each peer with each kind of request.

    :param calls: of a filter in one turn; a peer, which takes much longer,
        gets a twentieth
    """
    compared = peers.peers(apps.bare)
    ours = {
        _NO_OP: apps.NoOp(apps.bare),
        **{name: apps.filtered(name, apps.bare) for name in apps.FILTERS},
        _ALL: apps.all_filters(apps.bare),
    }
    seconds: dict[str, dict[str, float | None]] = {
        side: dict.fromkeys(KINDS) for side in (*ours, *compared)
    }
    for kind, (method, path) in KINDS.items():
        environ = apps.environ_of(method, path)
        environ[peers.CACHE_KEY] = peers.TokenCache()
        own = _owners(environ)
        sides = {
            side: app
            for side, app in {**ours, **compared}.items()
            if side not in own
        }
        turns = {
            side: measure.timed(
                functools.partial(apps.send, app, environ),
                max(1, calls // 20) if side in compared else calls,
            )
            for side, app in {"": apps.bare, **sides}.items()
        }
        taken = measure.in_turns(turns, rounds)
        for side in sides:
            seconds[side][kind] = statistics.median(
                b - a for a, b in zip(taken[""], taken[side])
            )
    return Added(seconds)


def _owners(environ: dict[str, object]) -> set[str]:
    """Return whose own a request is."""
    own = {
        name
        for name, each in apps.FILTERS.items()
        if matching.CallMatcher(each.api_calls).match(environ) is not None
    }
    return {*own, _ALL} if own else own


def section_of(added: Added) -> table.Section:
    """Return the table and the verdicts."""
    sides = list(added.seconds)
    first_peer = sides.index(_ALL) + 1
    return table.Section(
        "Requests that are none of a filter's",
        "The time that a filter adds to a request over a bare application "
        "(in brackets: as a multiple of what a filter that does nothing "
        "adds). The bare application, the filters and the peers take turns.",
        ("", *KINDS),
        [
            [side, *(added.cell(side, kind) for kind in KINDS)]
            for side in sides
        ],
        [*_each(added), _together(added, sides[first_peer:])],
    )


def _each(added: Added) -> list[goals.Goal]:
    verdicts = []
    for name in apps.FILTERS:
        multiples = added.multiples(name)
        worst = max(multiples, key=multiples.__getitem__)
        within = sum(each <= _LIMIT for each in multiples.values())
        verdicts.append(
            goals.Goal(
                f"Pass-through: {name}, as a multiple of the no-op filter; "
                f"worst of {len(multiples)} kinds of requests: {worst} "
                f"({within} within the limit)",
                _LIMIT,
                multiples[worst],
            )
        )
    return verdicts


def _together(added: Added, others: Sequence[str]) -> goals.Goal:
    """Return the verdict about all filters beside the cheapest peer."""
    parts = []
    for kind in KINDS:
        ours = added.seconds[_ALL][kind]
        theirs = [
            value
            for side in others
            if (value := added.seconds[side][kind]) is not None
        ]
        if ours is not None:
            parts.append((ours / (min(theirs) or math.inf), kind))
    part, kind = max(parts)
    return goals.Goal(
        "Pass-through: all four, as a part of the cheapest peer "
        f"(worst: {kind})",
        0.1,
        part,
    )
