# SPDX-License-Identifier: Apache-2.0

"""This project's tests, on the Glance of this environment."""

from __future__ import annotations

import os
from pathlib import Path

from matrix import inspectors, outcomes

_CHECKOUT = Path(__file__).parents[1]
_TESTS = Path("glance_filters", "tests")

# What has nothing to do with the Glance that is installed (the paste file that
# this project ships is the newest Glance's), or takes servers or programs that
# are not pinned. They are the beginnings of names.
_LEFT_OUT = (
    *("test_acceptance", "test_bench", "test_demo", "test_download_clients"),
    *("test_installation", "test_keystone", "test_location_guard_faults"),
    *("test_location_guard_trials", "test_locks_", "test_packaging"),
    *("test_paste_", "test_proxy", "test_range_translator_servers"),
    *("test_refused_uploads", "test_stores_faults", "test_stores_ranges"),
)

# What is run with inspectors too, where the release has none, and the test of
# it that tells whether imports are inspected.
_IMPORTS = "test_import_inspection"
_REFUSED = f"{_IMPORTS}.ImportTest.test_disguised"
_WITH_INSPECTORS = " (with inspectors)"


def run(log: Path) -> outcomes.Outcomes:
    """Run the unit tests, and the functional ones.

    :param log: the file for what they print
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    functional = _TESTS / "functional"
    modules = [
        ".".join((*functional.parts, each.stem))
        for each in sorted((_CHECKOUT / functional).glob("test_*.py"))
        if not each.stem.startswith(_LEFT_OUT)
    ]
    discovery = ["discover", "-t", ".", "-s", str(_TESTS / "unit")]
    ended = {
        **outcomes.run_one_by_one(_CHECKOUT, discovery, log),
        **outcomes.run_one_by_one(_CHECKOUT, modules, log),
    }
    if not inspectors.are_here():
        again = outcomes.run_one_by_one(
            _CHECKOUT,
            [".".join((*functional.parts, _IMPORTS))],
            log,
            {**os.environ, "PYTHONPATH": str(inspectors.FOLDER)},
        )
        ended.update(
            (f"{name}{_WITH_INSPECTORS}", status)
            for name, status in again.items()
        )
    return ended


def describe_imports(ended: outcomes.Outcomes) -> str:
    """Return by what imports are inspected, empty if they are not."""
    passed = [name for name, status in ended.items() if status == "success"]
    if any(name.endswith(_REFUSED) for name in passed):
        return "yes"
    if any(name.endswith(_REFUSED + _WITH_INSPECTORS) for name in passed):
        return "with the extra ``inspect``"
    return ""
