# SPDX-License-Identifier: Apache-2.0

"""Plain text tables that fit the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

_GAP = " | "
_WIDTH_WITHOUT_TERMINAL = 80
# Of the columns but the first; wide enough for "deactivated, 2 locations".
_MIN_COLUMN = 24
_MAX_COLUMN = 32


def terminal_width() -> int:
    """Return the number of columns to write."""
    return shutil.get_terminal_size((_WIDTH_WITHOUT_TERMINAL, 0)).columns


def column_widths(width: int, columns: int) -> list[int]:
    """Return the width of each column; the first gets what is left.

    :param width: of the whole table, in characters
    :param columns: how many there are
    """
    free = width - len(_GAP) * (columns - 1)
    others = min(max(free // (columns + 1), _MIN_COLUMN), _MAX_COLUMN)
    first = max(free - others * (columns - 1), _MIN_COLUMN)
    return [first] + [others] * (columns - 1)


def format_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return a row whose cells are wrapped to their columns' widths."""
    wrapped = [
        [
            piece
            for line in cell.splitlines()
            for piece in textwrap.wrap(line, width, subsequent_indent="  ")
        ]
        for cell, width in zip(cells, widths)
    ]
    height = max(map(len, wrapped))
    for lines in wrapped:
        lines.extend([""] * (height - len(lines)))
    return "\n".join(
        _GAP.join(
            text.ljust(width) for text, width in zip(line, widths)
        ).rstrip()
        for line in zip(*wrapped)
    )


def format_rule(widths: Sequence[int]) -> str:
    """Return a line between rows."""
    return "-+-".join("-" * width for width in widths)
