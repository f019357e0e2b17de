# SPDX-License-Identifier: Apache-2.0

"""Glance's own functional tests, with and without the filters."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import glance

from matrix import outcomes

_INSERTION = Path(__file__).parent / "insertion"
_RECORD = "MATRIX_INSERTIONS"
_COLLECTION = "MATRIX_COLLECTION"

# Many of them wait for servers, so there are more workers than CPUs.
_WORKERS = 2 * (os.cpu_count() or 1)

# Tests that end differently are run again, since some of Glance's depend on
# the time that things take. Part of that is where Python stops to collect
# garbage, each time in the same place: test_reload sends SIGHUP as soon as a
# worker is there, and a parent that happens to collect just then has not
# started wholly, and exits. So each repetition has it in other places, by the
# number of objects.
_REPEATS = (900, 1200, 1500)

# As in Glance's own sources.
_STESTR = r"""[DEFAULT]
test_path=./glance/tests/functional
top_dir=./
group_regex=(glance\.tests\.functional\.serial\.[^.]+\.)
"""

# Those stop each process of some name that runs on this machine.
_ALONE = r"\.functional\.serial\."


@dataclass(frozen=True)
class Comparison:
    """How the tests ended.

    :ivar alone: without the filters
    :ivar different: by id, the tests that ended differently with the filters
        each time: how without them, and how with them
    :ivar insertions: how many pipelines' files the filters were put into
    """

    alone: outcomes.Outcomes
    different: dict[str, tuple[str, str]]
    insertions: int


class Side:
    """One of the two.

    :param folder: for its files; emptied first
    :param with_filters: whether the filters are put into the pipelines
    """

    def __init__(self, folder: Path, with_filters: bool) -> None:
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        # The tests expect to run where the package lies, and write there.
        shutil.copytree(Path(glance.__file__).parent, folder / "glance")
        (folder / ".stestr.conf").write_text(_STESTR)
        self._record = folder / "insertions"
        self._record.touch()
        self._runs = 0
        self._environment = dict(os.environ)
        self._environment["PYTHONPATH"] = str(_INSERTION)
        if with_filters:
            self._environment[_RECORD] = str(self._record)

    def run(self) -> outcomes.Outcomes:
        """Run all tests."""
        ended = self._run(
            f"--concurrency={_WORKERS}", "--exclude-regex", _ALONE
        )
        with self._lock():
            return {**ended, **self._run("--serial", _ALONE)}

    def repeat(
        self, tests: Iterable[str], collection: int
    ) -> outcomes.Outcomes:
        """Run some tests, one after the other.

        :param tests: their ids
        :param collection: how many new objects make Python collect garbage
        """
        self._environment[_COLLECTION] = str(collection)
        names = self._folder / "repeated"
        names.write_text("".join(f"{each}\n" for each in sorted(tests)))
        with self._lock():
            return self._run("--serial", f"--load-list={names}")

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Keep the other environments from the same."""
        with (self._folder.parents[1] / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _run(self, *arguments: str) -> outcomes.Outcomes:
        self._runs += 1
        log = self._folder / f"log-{self._runs}"
        return outcomes.run_stestr(
            self._folder, arguments, self._environment, log
        )

    @property
    def insertions(self) -> int:
        """How many paste files were changed so far."""
        return len(self._record.read_text().splitlines())


def compare(folder: Path) -> Comparison:
    """Run the tests on both sides.

    :param folder: for what the runs leave
    """
    alone = Side(folder / "alone", with_filters=False)
    filtered = Side(folder / "with-filters", with_filters=True)
    ended = alone.run()
    different = _different(ended, filtered.run())
    for collection in _REPEATS:
        if not different:
            break
        different = _different(
            alone.repeat(different, collection),
            filtered.repeat(different, collection),
            different,
        )
    return Comparison(ended, different, filtered.insertions)


def _different(
    alone: outcomes.Outcomes,
    filtered: outcomes.Outcomes,
    among: Iterable[str] | None = None,
) -> dict[str, tuple[str, str]]:
    names = alone.keys() | filtered.keys() if among is None else among
    ends = {
        name: (alone.get(name, "missing"), filtered.get(name, "missing"))
        for name in names
    }
    return {name: end for name, end in ends.items() if end[0] != end[1]}
