# SPDX-License-Identifier: Apache-2.0

"""What mutants tell of a room, and the page that shows it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from mutation import judging, mutants

_CHECKOUT = Path(__file__).parents[1]
_FILE = _CHECKOUT / "doc" / "source" / "robustness-mutants.csv"
_KNOWN = Path(__file__).with_name("survivors.txt")


@dataclass(frozen=True, order=True)
class Figures:
    """How the mutants of a room fared.

    :ivar explained: survivors that the list names with a reason
    :ivar survived: the others
    """

    room: str
    mutants: int
    killed: int
    explained: int
    survived: int

    def __str__(self) -> str:
        told = self.mutants - self.explained
        share = self.killed / told if told else 1
        return (
            f"{self.room}: {self.killed} of {told} mutants killed "
            f"({share:.1%}); of {self.explained} more none can be"
        )


class Known:
    """The survivors that are listed with a reason."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = {
            _squeezed(line)
            for line in lines
            if line.strip() and not line.startswith("#")
        }

    def __contains__(self, mutant: mutants.Mutant) -> bool:
        module = mutant.module.relative_to(judging.PACKAGE)
        line = " ".join(mutant.new_lines)
        return not self._lines.isdisjoint(
            _squeezed(f"{each}: {line}") for each in (module, "*")
        )


def known() -> Known:
    """Return the survivors that are listed."""
    return Known(_KNOWN.read_text().splitlines())


def _squeezed(line: str) -> str:
    return "".join(line.split())


def write(found: Figures) -> None:
    """Write the figures of a room in the place of its old ones."""
    rows: list[list[str]] = []
    if _FILE.exists():
        with _FILE.open(newline="") as file:
            rows = [*csv.reader(file)][1:]
    rows = [row for row in rows if row[0] != found.room]
    rows.append([str(each) for each in astuple(found)])
    with _FILE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(each.name for each in fields(Figures))
        writer.writerows(sorted(rows))
