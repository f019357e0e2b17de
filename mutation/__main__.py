# SPDX-License-Identifier: Apache-2.0

"""Run with ``python -m mutation ROOM``, for example ``http``."""

from __future__ import annotations

import argparse
import collections
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cosmic_ray import work_db, work_item

_CHECKOUT = Path(__file__).parents[1]
_PACKAGE = Path("glance_filters")
_TESTS = _PACKAGE / "tests" / "unit"
_CONFIG = """[cosmic-ray]
module-path = "{module}"
timeout = {seconds}
excluded-modules = []
test-command = "{python} -W ignore -m unittest discover -q -f -t . {tests}"
[cosmic-ray.distributor]
name = "local"
"""
_SECONDS = 60.0
# What these change, no test can see: annotations are text here, and numbers
# and None are what they are equal to.
_WITHOUT = re.compile(
    r"core/(ReplaceBinaryOperator_BitOr_\w+"
    r"|ReplaceComparisonOperator_(Eq_Is|Is_Eq|NotEq_IsNot|IsNot_NotEq))"
)


def _tests_of(room: Path) -> str:
    """Return the arguments of unittest for a room or a module."""
    if (_CHECKOUT / _PACKAGE / room).is_dir():
        return f"-s {_TESTS / room}"
    return f"-s {_TESTS / room.parent} -p test_{room.stem}.py"


def _copy(folder: Path) -> None:
    """Copy the checkout, since mutants are written into the files."""
    subprocess.run(
        ["git", "checkout-index", "--all", f"--prefix={folder}/"],
        cwd=_CHECKOUT,
        check=True,
    )


def _run(folder: Path, *arguments: str) -> None:
    program = str(Path(sys.executable).parent / "cosmic-ray")
    subprocess.run([program, *arguments], cwd=folder, check=True)


def _choose(session: Path, sample: int | None, seed: int) -> int:
    """Skip what is not in the sample; return how many mutants there are."""
    skipped = work_item.WorkResult(work_item.WorkerOutcome.SKIPPED)
    with work_db.use_db(str(session), work_db.WorkDB.Mode.open) as database:
        ids = {True: [], False: []}  # type: ignore[var-annotated]
        for item in database.work_items:
            name = item.mutations[0].operator_name
            ids[bool(_WITHOUT.fullmatch(name))].append(item.job_id)
        mutants = ids[False]
        count = len(mutants) if sample is None else min(sample, len(mutants))
        chosen = set(random.Random(seed).sample(sorted(mutants), count))
        for job_id in [*ids[True], *mutants]:
            if job_id not in chosen:
                database.set_result(job_id, skipped)
    return count


def _report(session: Path) -> int:
    """Print the survivors; return how many there are."""
    counts: collections.Counter[str] = collections.Counter()
    with work_db.use_db(str(session), work_db.WorkDB.Mode.open) as database:
        for _, result in database.results:
            if result.worker_outcome is work_item.WorkerOutcome.SKIPPED:
                continue
            counts["killed" if result.is_killed else "survived"] += 1
            if not result.is_killed:
                print(result.diff)
    total = counts.total()
    share = counts["killed"] / total if total else 0
    print(f"{counts['killed']} of {total} mutants killed ({share:.1%})")
    return counts["survived"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Make mutants, run the tests, and print which of them survive."""
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__)
    parser.add_argument("room", type=Path, help="or a module: http/ranges.py")
    parser.add_argument("--sample", type=int, help="how many; all by default")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mutation-") as root:
        folder = Path(root)
        _copy(folder)
        config = _CONFIG.format(
            module=_PACKAGE / options.room,
            seconds=_SECONDS,
            python=sys.executable,
            tests=_tests_of(options.room),
        )
        (folder / "mutation.toml").write_text(config)
        session = folder / "session.sqlite"
        _run(folder, "baseline", "mutation.toml")
        _run(folder, "init", "mutation.toml", str(session))
        count = _choose(session, options.sample, options.seed)
        print(f"{count} mutants of {options.room}", flush=True)
        _run(folder, "exec", "mutation.toml", str(session))
        _report(session)
    return 0


if __name__ == "__main__":
    sys.exit(main())
