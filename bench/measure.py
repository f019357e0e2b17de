# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Two sides, measured in turns so that both meet the same machine."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """What was measured.

    :ivar name: what was compared
    :ivar base: the median of the base side, in seconds
    :ivar side: the median of the other side, in seconds
    :ivar ratio: the median of the ratios of both, turn by turn
    """

    name: str
    base: float
    side: float
    ratio: float


def compare(
    name: str,
    base: Callable[[], Callable[[], object]],
    side: Callable[[], Callable[[], object]],
    rounds: int,
) -> Result:
    """Measure two sides in turns.

    :param name: what is compared
    :param base: prepares a turn of the base side, and returns what is timed
    :param side: the same for the other side
    :param rounds: how many turns each side gets, after a few that do not
        count
    """
    times: tuple[list[float], list[float]] = ([], [])
    warm_up = 5
    for turn in range(rounds + warm_up):
        # Neither is always the first.
        order = (0, 1) if turn % 2 else (1, 0)
        for which in order:
            timed = (base, side)[which]()
            gc.disable()
            started = time.perf_counter()
            timed()
            seconds = time.perf_counter() - started
            gc.enable()
            if turn >= warm_up:
                times[which].append(seconds)
    return Result(
        name,
        statistics.median(times[0]),
        statistics.median(times[1]),
        statistics.median(b / a for a, b in zip(*times)),
    )
