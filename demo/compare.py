# SPDX-License-Identifier: Apache-2.0

"""Send two sides the same requests, and print what each answers."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from demo import examples, rows, table


def compare(
    title: str,
    columns: Sequence[str],
    table_rows: Sequence[rows.Row],
    alone: rows.Side,
    filtered: rows.Side,
) -> int:
    """Print a table, row by row as they are observed.

    :param title: stands above the table
    :param columns: the heads of the three columns
    :param table_rows: what to ask
    :param alone: the side without the filters
    :param filtered: the side with the filters
    :returns: the number of rows that are not as expected with the filters
    """
    widths = table.column_widths(table.terminal_width(), len(columns))
    print(f"\n{title}\n")
    print(table.format_row(columns, widths))
    failures = different = 0
    for row in table_rows:
        seen = [row.observe(alone), row.observe(filtered)]
        different += seen[0] != seen[1]
        print(table.format_rule(widths))
        print(table.format_row([row.asked, *seen], widths), flush=True)
        if seen[1] != row.filtered:
            failures += 1
            print(f"NOT AS EXPECTED: {row.filtered!r}")
    print(table.format_rule(widths))
    print(
        f"{len(table_rows)} requests; in {different} of them the filters "
        "made a difference."
    )
    return failures


def show(
    example: examples.Example,
    alone: rows.GlanceSide,
    filtered: rows.GlanceSide,
) -> None:
    """Print what both sides answer in full to one request."""
    for caption, lines in example.blocks(alone, filtered):
        print(f"\n{caption}:\n")
        for line in lines:
            print(
                textwrap.fill(
                    line,
                    table.terminal_width() - 1,
                    initial_indent="  ",
                    subsequent_indent="    ",
                )
            )
