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

"""Results as a table."""

from __future__ import annotations

from collections.abc import Iterable

from bench import measure

_MILLI = 1000


def show(title: str, results: Iterable[measure.Result]) -> None:
    """Print a table, row by row as they are measured."""
    print(f"\n{title}\n")
    print(f"{'':50} {'without':>10} {'with':>10} {'added':>10} {'ratio':>7}")
    for each in results:
        added = each.side - each.base
        print(
            f"{each.name:50} {_ms(each.base)} {_ms(each.side)} {_ms(added)} "
            f"{each.ratio:7.2f}",
            flush=True,
        )


def _ms(seconds: float) -> str:
    return f"{seconds * _MILLI:7.2f} ms"
