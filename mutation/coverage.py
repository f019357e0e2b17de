# SPDX-License-Identifier: Apache-2.0

"""Run with ``python -m mutation.coverage``: what unit tests run, by room.

Each room counts what the unit tests of all rooms run in it.
"""

from __future__ import annotations

import collections
import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

_CHECKOUT = Path(__file__).parents[1]
_FILE = _CHECKOUT / "doc" / "source" / "robustness-coverage.csv"
_RUN = (
    "run --branch --source=glance_filters --omit=*/tests/* "
    "-m unittest discover -q -b -s glance_filters/tests/unit -t ."
)
_COUNTS = (
    *("num_statements", "covered_lines"),
    *("num_branches", "covered_branches"),
)


def main() -> int:
    """Run the unit tests, and write how much of each room they run."""
    with tempfile.TemporaryDirectory() as root:
        environment = {**os.environ, "COVERAGE_FILE": f"{root}/data"}
        for arguments in (_RUN, f"json -q -o {root}/report.json"):
            subprocess.run(
                [sys.executable, "-m", "coverage", *arguments.split()],
                cwd=_CHECKOUT,
                env=environment,
                check=True,
            )
        report = json.loads(Path(root, "report.json").read_text())
    rooms: collections.defaultdict[str, collections.Counter[str]]
    rooms = collections.defaultdict(collections.Counter)
    for name, found in report["files"].items():
        rooms[Path(name).parts[1]].update(
            {each: found["summary"][each] for each in _COUNTS}
        )
    with _FILE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("room", "lines", "branches", "both"))
        for room, counts in sorted(rooms.items()):
            lines, ran, branches, taken = (counts[each] for each in _COUNTS)
            if lines:
                both = _percent(ran + taken, lines + branches)
                row = (_percent(ran, lines), _percent(taken, branches), both)
                writer.writerow((room, *row))
    print(_FILE.read_text())
    return 0


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "100.0"


if __name__ == "__main__":
    sys.exit(main())
