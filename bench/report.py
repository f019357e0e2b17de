# SPDX-License-Identifier: Apache-2.0

"""What the documentation includes, made of what was measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from bench import cost, goals, growth, passthrough, plot, table

_HEAD = ".. Made by make bench; do not edit."

COST = "benchmarks-cost.inc"
TABLE = "benchmarks-table.inc"
GROWTH = "benchmarks-growth.svg"
PASSTHROUGH = "benchmarks-passthrough.svg"


def conditions() -> str:
    """Return where the figures are from, in a sentence."""
    return (
        f"Measured with Python {platform.python_version()}, Glance "
        f"{metadata.version('glance')} and {os.cpu_count()} processors."
    )


def paragraphs(sections: Sequence[table.Section]) -> Iterator[str]:
    """Yield the paragraphs of the included file."""
    yield _HEAD
    yield conditions()
    reached = [goal for section in sections for goal in section.goals]
    yield "Goals\n-----"
    yield table.as_rst(goals.HEAD, [goal.row() for goal in reached])
    for section in sections:
        yield from table.section_rst(section)


def write(
    folder: Path,
    sections: Sequence[table.Section],
    added: passthrough.Added,
    curves: Sequence[growth.Curve],
) -> None:
    """Write the tables and the plots into the documentation's folder."""
    text = "\n\n".join(paragraphs(sections)) + "\n"
    (folder / TABLE).write_text(text)
    answers = [_HEAD, table.as_rst(cost.HEAD, list(cost.rows(sections)))]
    (folder / COST).write_text("\n\n".join([*answers, conditions()]) + "\n")
    plot.draw_growth(curves, folder / GROWTH)
    values = {
        side: value
        for side, kinds in added.seconds.items()
        if (value := kinds["GET images"]) is not None
    }
    plot.draw_bars(list(values), list(values.values()), folder / PASSTHROUGH)
