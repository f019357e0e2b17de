# SPDX-License-Identifier: Apache-2.0

"""What mutants tell of a room, and the page that shows it."""

from __future__ import annotations

import csv
import fcntl
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TextIO

from mutation import judging, mutants

_CHECKOUT = Path(__file__).parents[1]
_ROOMS = _CHECKOUT / "doc" / "source" / "robustness-mutants.csv"
_MODULES = Path(__file__).with_name("figures.csv")
_KNOWN = Path(__file__).with_name("survivors.txt")


@dataclass(frozen=True)
class Figures:
    """How the mutants of a module or a room fared.

    :ivar explained: survivors that the list names with a reason
    :ivar survived: the others
    """

    name: str
    mutants: int = 0
    killed: int = 0
    explained: int = 0
    survived: int = 0

    def __str__(self) -> str:
        told = self.mutants - self.explained
        share = self.killed / told if told else 1
        return (
            f"{self.name}: {self.killed} of {told} mutants killed "
            f"({share:.1%}); of {self.explained} more none can be"
        )

    def with_counts_of(self, other: Figures) -> Figures:
        """Return these with those of a part added."""
        counts = (mine + its for mine, its in zip(self._counts, other._counts))
        return Figures(self.name, *counts)

    @property
    def _counts(self) -> tuple[int, ...]:
        return astuple(self)[1:]


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
    """Write the figures of a module, or of a sample of a room's mutants.

    They take the place of older ones of the same code. The page shows those
    of rooms.
    """
    with _MODULES.open("a+", newline="") as file:
        # Another room may be measured at the same time.
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        modules = {
            name: Figures(name, *map(int, counts))
            for name, *counts in [*csv.reader(file)][1:]
            if Path(judging.PACKAGE, name).exists()
            and not _are_of_the_same(name, found.name)
        }
        modules[found.name] = found
        file.truncate(0)
        _write_rows(file, "module", modules.values())
        file.flush()
        rooms: dict[str, Figures] = {}
        for each in modules.values():
            room = Path(each.name).parts[0]
            rooms[room] = rooms.get(room, Figures(room)).with_counts_of(each)
        with _ROOMS.open("w", newline="") as page:
            _write_rows(page, "room", rooms.values())


def _are_of_the_same(one: str, other: str) -> bool:
    paths = Path(one), Path(other)
    return paths[0].is_relative_to(paths[1]) or paths[1].is_relative_to(
        paths[0]
    )


def _write_rows(file: TextIO, what: str, rows: Iterable[Figures]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    counts = [each.name for each in fields(Figures)[1:]]
    writer.writerow((what, *counts))
    writer.writerows(sorted(map(astuple, rows)))
