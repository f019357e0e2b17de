# SPDX-License-Identifier: Apache-2.0

"""The table in the README: some rows, as they were observed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

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
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - Request",
        "     - Glance alone",
        "     - with the filters",
    ]
    for section in sections:
        for row in section.rows:
            if not row.in_readme:
                continue
            seen = [row.observe(alone), row.observe(filtered)]
            if seen[1] != row.filtered:
                raise RuntimeError(f"not as expected: {row.asked}: {seen[1]}")
            for number, cell in enumerate((row.asked, *seen)):
                start = "   * - " if not number else "     - "
                lines.append(start + "; ".join(_escaped(cell)))
    return "\n".join(lines) + "\n"


def _escaped(cell: str) -> list[str]:
    return [line.replace("*", "\\*") for line in cell.splitlines()]


def with_table(text: str, made: str) -> str:
    """Return the README's text with another table."""
    begin, rest = text.split(_BEGIN)
    _, end = rest.split(_END)
    return f"{begin}{_BEGIN}\n{made}\n{_END}{end}"
