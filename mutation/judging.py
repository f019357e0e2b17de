# SPDX-License-Identifier: Apache-2.0

"""Run unit tests on a mutant, each time in a process of its own.

A test module takes milliseconds, but what it imports takes seconds. So one
process imports all that is not of this package. A fork of it imports this
package, with the mutant in it, and runs the tests.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import resource
import signal
import sys
import time
import unittest
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import hypothesis

PACKAGE = "glance_filters"
_TESTS = Path(PACKAGE, "tests", "unit")
# A test module may take as long as on the code as it is so many times, and so
# many seconds more. Then the mutant is killed, as by a failure.
_TIMES, _SECONDS = 5.0, 2.0
# So is a mutant that takes more memory than this, in bytes.
_MEMORY = 4 << 30
_FORK = multiprocessing.get_context("fork")


def tests_of(module: Path) -> list[str]:
    """Return the unit test modules of a module's room, the nearest first.

    A room in a room, a filter for example, is one of its own.

    :param module: its path in the checkout, which is the current folder
    """
    inner = module.relative_to(PACKAGE)
    stem = inner.parent.name if inner.stem == "__init__" else inner.stem
    mirror = _TESTS / inner.parent / f"test_{stem}.py"
    room = _TESTS.joinpath(*inner.parts[:-1][:2])
    found = [mirror] if room == _TESTS else room.rglob("test_*.py")
    ordered = sorted(
        found,
        key=lambda each: (each != mirror, each.parent != mirror.parent, each),
    )
    return [".".join(each.with_suffix("").parts) for each in ordered]


class Judge:
    """Runs test modules in a copy of the checkout, the current folder.

    :param tests: the names of all modules that it will run
    :raises SystemExit: if they fail on the code as it is
    """

    def __init__(self, tests: Sequence[str]) -> None:
        self._limits: dict[str, float] = {}
        names, _ = self._measure(tests)
        for name in names:
            # Whether it can be imported is seen by what needs it.
            with contextlib.suppress(Exception):
                importlib.import_module(name)
        _, taken = self._measure(tests)
        for test, seconds in taken.items():
            self._limits[test] = _TIMES * seconds + _SECONDS

    def kills(self, tests: Sequence[str]) -> bool:
        """Return True if a test fails; those behind it are not run."""
        return self._end(self._start(tests, None)) != 0

    def _measure(
        self, tests: Sequence[str]
    ) -> tuple[list[str], dict[str, float]]:
        """Return what the tests import, and how many seconds each takes."""
        receiver, sender = _FORK.Pipe(duplex=False)
        process = self._start(tests, sender)
        sender.close()
        try:
            names, taken = receiver.recv()
        except EOFError:
            raise SystemExit(f"one fails: {' '.join(tests)}") from None
        finally:
            self._end(process)
        return names, taken

    def _start(self, tests: Sequence[str], told: Any) -> Any:
        process = _FORK.Process(target=_run, args=(tests, self._limits, told))
        process.start()
        return process

    def _end(self, process: Any) -> int:
        process.join()
        # What it has started itself.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code: int = process.exitcode
        return code


def _run(tests: Sequence[str], limits: Mapping[str, float], told: Any) -> None:
    """Run tests and exit: 0 if all pass; be killed if one takes too long."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    warnings.simplefilter("ignore")
    importlib.import_module(f"{PACKAGE}.tests")
    # That it fails is enough: which example is the smallest is not asked.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("judge", phases=phases)
    hypothesis.settings.load_profile("judge")
    taken = {}
    for test in tests:
        start = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, limits.get(test, 0))
        result = unittest.TestResult()
        result.failfast = True
        unittest.defaultTestLoader.loadTestsFromName(test).run(result)
        if not result.wasSuccessful():
            os._exit(1)
        taken[test] = time.monotonic() - start
    if told is not None:
        names = [each for each in sys.modules if not _is_of_package(each)]
        told.send((names, taken))
    os._exit(0)


def _is_of_package(name: str) -> bool:
    return name.split(".")[0] == PACKAGE
