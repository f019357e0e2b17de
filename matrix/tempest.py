# SPDX-License-Identifier: Apache-2.0

"""OpenStack's own tests, Tempest's, on Glance alone and with the filters.

Run with ``python -m matrix.tempest RUNNER FOLDER``. RUNNER is a program that
makes an environment in the folder which the variable LAB names (``make
CHECKOUT``), and runs the tests there (``alone``, ``filters INSPECT``); it
leaves ``runs/NAME/results.json``, with the status of each test.
"""

from __future__ import annotations

import collections
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_CHECKOUT = Path(__file__).parents[1]
_ALONE = ("alone",)
_FILTERED = (("filters", "auto"), ("filters", "enforce"))

# How each test ended, by its id.
Ended = Mapping[str, str]


def worse(alone: Ended, filtered: Ended) -> list[str]:
    """Return the tests that pass alone, and not with the filters."""
    return sorted(
        name
        for name, status in alone.items()
        if status == "success" and filtered.get(name) != "success"
    )


def main(runner: str, folder: str) -> int:
    """Run the tests on all sides; return the exit status."""
    lab = Path(folder).resolve()
    environment = {**os.environ, "LAB": str(lab)}
    subprocess.run(
        [runner, "make", str(_CHECKOUT)], env=environment, check=True
    )
    ended: dict[tuple[str, ...], Ended] = {}
    for side in (_ALONE, *_FILTERED):
        # Its exit status tells of failed tests; the comparison is ours.
        subprocess.run([runner, *side], env=environment)
        path = lab / "runs" / "-".join(side) / "results.json"
        ended[side] = {
            name: test["status"]
            for name, test in json.loads(path.read_text()).items()
        }
        counts = collections.Counter(ended[side].values())
        print(" ".join(side), dict(counts))
    found = {side: worse(ended[_ALONE], ended[side]) for side in _FILTERED}
    for side, names in found.items():
        for name in names:
            print(f"passes alone, not with {' '.join(side)}: {name}")
    passed = "success" in ended[_ALONE].values()
    return 0 if passed and not any(found.values()) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
