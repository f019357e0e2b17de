# SPDX-License-Identifier: Apache-2.0

"""Run with ``python -m bench``."""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from pathlib import Path

from bench import (
    cost,
    effort,
    end_to_end,
    fairness,
    growth,
    guard,
    passthrough,
    proxy,
    range_peers,
    ranges,
    real_changes,
    real_ranges,
    report,
    stores,
    table,
    upload,
)

_DOCS = Path(__file__).resolve().parent.parent / "doc" / "source"


def main() -> int:
    """Print all tables; of a whole run, write the documentation's too."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few rounds of everything; nothing is written",
    )
    how = effort.Effort(parser.parse_args().quick)
    # What the libraries have to say belongs to no figure.
    warnings.simplefilter("ignore")
    logging.getLogger().setLevel(logging.ERROR)
    sections: list[table.Section] = []

    def show(found: list[table.Section]) -> None:
        for section in found:
            print(f"{table.section_text(section)}\n", flush=True)
        sections.extend(found)

    added = passthrough.measure_added(how.of(150, 10), how.of(1000, 200))
    show([passthrough.section_of(added)])
    for part in (ranges, real_changes, real_ranges, range_peers):
        show(part.sections(how))
    curves = growth.curves(how)
    show([growth.section_of(curves)])
    for part in (upload, guard, fairness, end_to_end, proxy, stores):
        show(part.sections(how))
    reached = [goal for section in sections for goal in section.goals]
    print(f"{table.as_text(cost.HEAD, list(cost.rows(sections)))}\n")
    print(f"{report.conditions()}\n\n{table.goals_text(reached)}")
    if how.is_quick:
        print("\nA quick run: too few rounds and too small for a verdict.")
    else:
        report.write(_DOCS, sections, added, curves)
    return 0


if __name__ == "__main__":
    sys.exit(main())
