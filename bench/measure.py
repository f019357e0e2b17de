# SPDX-License-Identifier: Apache-2.0

"""Sides that are measured in turns, so that all meet the same machine.

pyperf measures one benchmark after the other, each in processes of its own:
what the machine does meanwhile falls upon one side alone, and differences of
tens of nanoseconds drown in it. So the turns are taken here, and each figure
is of pairs of one turn.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

# Does one turn of a side, and returns how long a call took in it, in seconds.
Turn = Callable[[], float]

_WARM_UP = 3


@dataclass(frozen=True)
class Pair:
    """A side beside the base.

    :ivar base: the median of the base, in seconds
    :ivar side: the median of the side, in seconds
    :ivar added: the median of the differences, turn by turn, in seconds
    :ivar ratio: the median of the ratios of side to base, turn by turn
    """

    base: float
    side: float
    added: float
    ratio: float

    @property
    def throughput(self) -> float:
        """The side's throughput as a part of the base's."""
        return 1 / self.ratio


def pair(base: Sequence[float], side: Sequence[float]) -> Pair:
    """Compare the times of two sides, both of the same turns, in seconds."""
    return Pair(
        statistics.median(base),
        statistics.median(side),
        statistics.median(b - a for a, b in zip(base, side)),
        statistics.median(b / a for a, b in zip(base, side)),
    )


def in_turns(sides: Mapping[str, Turn], rounds: int) -> dict[str, list[float]]:
    """Measure each side once in a round.

    :param rounds: how many count, after some that do not
    :returns: what each side took in each round, in seconds
    """
    taken: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for number in range(-min(_WARM_UP, rounds), rounds):
        # None is always the first, or always behind the same one.
        first = number % len(names)
        order = names[first:] + names[:first]
        for name in order if number % 2 else reversed(order):
            seconds = sides[name]()
            if number >= 0:
                taken[name].append(seconds)
    return taken


def compare(base: Turn, side: Turn, rounds: int) -> Pair:
    """Measure two sides in turns."""
    taken = in_turns({"base": base, "side": side}, rounds)
    return pair(taken["base"], taken["side"])


def timed(call: Callable[[], object], calls: int = 1) -> Turn:
    """Return a turn of so many calls, without a garbage collection."""

    def turn() -> float:
        gc.disable()
        try:
            started = time.perf_counter()
            for _ in itertools.repeat(None, calls):
                call()
            return (time.perf_counter() - started) / calls
        finally:
            gc.enable()

    return turn


def prepared(prepare: Callable[[], Callable[[], object]]) -> Turn:
    """Return a turn of one call, which is made ready before the clock runs."""
    return lambda: timed(prepare())()
