# SPDX-License-Identifier: Apache-2.0

"""Tables: as text for a terminal, and as reStructuredText for the docs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench import goals

Row = Sequence[str]


@dataclass(frozen=True)
class Section:
    """What one part of the benchmarks found.

    :ivar title: its title
    :ivar note: what is compared, in a sentence or two
    :ivar head: the names of the columns
    :ivar rows: the cells
    :ivar goals: what was to be reached
    """

    title: str
    note: str
    head: Row
    rows: Sequence[Row]
    goals: Sequence[goals.Goal] = field(default=())


def as_text(head: Row, rows: Sequence[Row]) -> str:
    """Return a table for a terminal."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    ruler = [["-" * width for width in widths]]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in (head, *ruler, *rows)
    )


def as_rst(head: Row, rows: Sequence[Row]) -> str:
    """Return a ``list-table`` directive."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (head, *rows):
        for column, cell in enumerate(row):
            start = "*" if column == 0 else " "
            lines.append(f"   {start} - {cell}".rstrip())
    return "\n".join(lines)


def section_text(section: Section) -> str:
    """Return a section for a terminal."""
    parts = [section.title, section.note, as_text(section.head, section.rows)]
    if section.goals:
        parts.append(goals_text(section.goals))
    return "\n\n".join(parts)


def goals_text(reached: Sequence[goals.Goal]) -> str:
    """Return the goals for a terminal."""
    rows = [[cell.strip("*") for cell in goal.row()] for goal in reached]
    return as_text(goals.HEAD, rows)


def section_rst(section: Section) -> Iterator[str]:
    """Yield the paragraphs of a section for the docs."""
    yield f"{section.title}\n{'-' * len(section.title)}"
    yield section.note
    yield as_rst(section.head, section.rows)
