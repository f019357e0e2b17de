# SPDX-License-Identifier: Apache-2.0

"""The table in the README: some rows, as they were observed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench import table as tables
from demo import rows

README = Path(__file__).parents[1] / "README.rst"
_BEGIN = ".. Made by make readme; do not edit.\n"
_END = ".. End of what make readme makes.\n"


def table(
    sections: Iterable[rows.Section], alone: rows.Side, filtered: rows.Side
) -> str:
    """Return the rows that the README shows, as reStructuredText.

    :raises RuntimeError: if one of them is not as expected
    """
    shown = []
    for section in sections:
        for row in section.rows:
            if not row.in_readme:
                continue
            seen = [row.observe(alone), row.observe(filtered)]
            if seen[1] != row.filtered:
                raise RuntimeError(f"not as expected: {row.asked}: {seen[1]}")
            shown.append([_escaped(cell) for cell in (row.asked, *seen)])
    head = ("Request", "Glance alone", "with the filters")
    return tables.as_rst(head, shown) + "\n"


def _escaped(cell: str) -> str:
    return "; ".join(cell.replace("*", "\\*").splitlines())


def with_table(text: str, made: str) -> str:
    """Return the README's text with another table."""
    begin, rest = text.split(_BEGIN)
    _, end = rest.split(_END)
    return f"{begin}{_BEGIN}\n{made}\n{_END}{end}"
