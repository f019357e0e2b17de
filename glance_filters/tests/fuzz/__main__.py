# SPDX-License-Identifier: Apache-2.0

"""Run with ``python -m glance_filters.tests.fuzz``.

It goes on until the time is over, or until something is found.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import pkgutil
import sys
import time
import unittest
from collections.abc import Sequence
from pathlib import Path

import hypothesis

from glance_filters.tests import fuzz


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests of this package again and again, and count the cases."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--write", type=Path, help="a table of the cases")
    options = parser.parse_args(arguments)
    # Each round has instances of its own; before the tests are imported.
    hypothesis.settings.register_profile(
        "rounds",
        parent=hypothesis.settings.default,
        suppress_health_check=[
            hypothesis.HealthCheck.too_slow,
            hypothesis.HealthCheck.differing_executors,
        ],
    )
    hypothesis.settings.load_profile("rounds")
    end = time.monotonic() + options.seconds
    modules = [each.name for each in pkgutil.iter_modules(fuzz.__path__)]
    names = [f"{fuzz.__name__}.{each}" for each in modules if "test" in each]
    runner = unittest.TextTestRunner(verbosity=0, buffer=True)
    is_good = True
    for name in itertools.cycle(names):
        if not is_good or time.monotonic() > end:
            break
        tests = unittest.defaultTestLoader.loadTestsFromName(name)
        is_good = runner.run(tests).wasSuccessful()
        counts = (
            f"{fuzz.cases[each]:,} {each}" for each in sorted(fuzz.cases)
        )
        print(", ".join(counts), flush=True)  # noqa: T201
    if options.write is not None:
        with options.write.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("what", "cases"))
            writer.writerows(sorted(fuzz.cases.items()))
    return not is_good


if __name__ == "__main__":
    sys.exit(main())
