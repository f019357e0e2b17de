# SPDX-License-Identifier: Apache-2.0

"""What was found for all releases, as a table."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bench import table
from matrix import exceptions, results

_DOCS = Path(__file__).parents[1] / "doc" / "source"
_FILE = _DOCS / "releases-table.inc"
_OBSERVED_FILE = _DOCS / "releases-observed.inc"
_MADE_BY = ".. Made by: make matrix-table"

_HEAD = (
    "Glance",
    "Python",
    "This project's tests",
    "Imports inspected",
    "Glance's own tests, alone",
    "Ended differently with the filters",
)


def text(found: Iterable[results.Result]) -> str:
    """Return it for a terminal."""
    return table.as_text(_HEAD, list(map(_row, found)))


def write(found: Sequence[results.Result]) -> None:
    """Write it into the documentation, with what is excepted and why.

    What clients observe is a table of its own.
    """
    lines = [_MADE_BY, "", table.as_rst(_HEAD, list(map(_row, found)))]
    lines += ["", "Tests of Glance's own that may end differently:", ""]
    for name, reason in exceptions.EXCEPTED.items():
        lines += [f"``{name}``", f"   {reason}", ""]
    _FILE.write_text("\n".join(lines))
    rows = {each.glance: each.observed for each in found if each.observed}
    if rows:
        lines = [_MADE_BY, "", observed(rows), ""]
        _OBSERVED_FILE.write_text("\n".join(lines))


def _row(result: results.Result) -> tuple[str, ...]:
    different = f"{len(result.different)} of {sum(result.glances.values())}"
    if not result.glances:
        different = "not run"
    if result.excepted:
        different += f", and {len(result.excepted)} excepted"
    return (
        f"{result.glance} ({result.series})",
        result.python,
        _counts(result.ours),
        result.imports,
        _counts(result.glances),
        different,
    )


def _counts(ended: dict[str, int]) -> str:
    words = {"success": "passed", "fail": "failed", "skip": "skipped"}
    return ", ".join(
        f"{ended[status]} {words.get(status, status)}"
        for status in sorted(ended, key=lambda name: (name != "success", name))
    )


def observed(found: Mapping[str, Sequence[results.Row]]) -> str:
    """Return the table of what clients observe.

    :param found: what was observed, by the version of Glance, in their order
    """
    head = ("Asked", "Glance alone", "With the filters")
    return table.as_rst(
        head,
        [
            (
                _escaped(rows[0][0]),
                *(
                    "\n       ".join(
                        _cell(list(found), [row[column] for row in rows])
                    )
                    for column in (1, 2)
                ),
            )
            for rows in zip(*found.values())
        ],
    )


def _cell(
    versions: Sequence[str], seen: Sequence[results.Seen]
) -> Iterator[str]:
    """Yield the lines of a cell: all that is not the same is a line."""
    pairs = zip(versions, map(tuple, seen))
    groups = [
        (each, [version for version, _ in group])
        for each, group in itertools.groupby(pairs, lambda pair: pair[1])
    ]
    for (holds, text), among in groups:
        text = f"**{_escaped(text)}**" if holds else _escaped(text)
        if len(groups) == 1:
            yield text
            return
        first, last = among[0], among[-1]
        where = first if first == last else f"{first} to {last}"
        yield f"| {where}: {text}"


def _escaped(text: str) -> str:
    return text.replace("*", "\\*")
