# SPDX-License-Identifier: Apache-2.0

"""Running tests with stestr, and reading how each of them ended."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import subunit
import testtools

# How each test ended, by its id: "success", "fail", "skip", ...
Outcomes = dict[str, str]

_SECONDS = 3600


def run_stestr(
    folder: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
) -> Outcomes:
    """Run tests with stestr.

    :param folder: has a ``.stestr.conf``
    :param arguments: of ``stestr run``
    :param environment: the environment variables of the run
    :param log: the file for what the run prints
    :raises RuntimeError: if no test was run
    :raises subprocess.TimeoutExpired: if that takes unreasonably long
    """
    stestr = str(Path(sys.executable).parent / "stestr")
    environment = {**environment, "PYTHON": sys.executable}
    with log.open("w") as output:
        subprocess.run(
            [stestr, "run", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=_SECONDS,
        )
    last = subprocess.run(
        [stestr, "last", "--subunit"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    return _read(last.stdout, log)


def run_one_by_one(
    folder: Path,
    tests: Sequence[str],
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> Outcomes:
    """Run tests in one process.

    :param folder: where they run
    :param tests: names of modules, or arguments for a discovery
    :param log: the file for what they print
    :param environment: the environment variables, None for those of here
    :raises RuntimeError: if no test was run
    :raises subprocess.TimeoutExpired: if that takes unreasonably long
    """
    with log.open("a") as output:
        done = subprocess.run(
            [sys.executable, "-m", "subunit.run", *tests],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            timeout=_SECONDS,
        )
    return _read(done.stdout, log)


def _read(stream: bytes, log: Path) -> Outcomes:
    found: Outcomes = {}

    def note(test: Any) -> None:
        found[test["id"]] = test["status"]
        if test["status"] in ("success", "skip", "exists"):
            return
        with log.open("a") as output:
            output.write(f"{test['status']}: {test['id']}\n")
            for detail in test["details"].values():
                output.write(detail.as_text())

    case = subunit.ByteStreamToStreamResult(
        io.BytesIO(stream), non_subunit_name="stdout"
    )
    result = testtools.StreamToDict(note)
    result.startTestRun()
    case.run(result)
    result.stopTestRun()
    # stestr notes its workers as tests. What only "exists" belongs to a class
    # that was skipped as a whole.
    tests = {
        name: status
        for name, status in found.items()
        if name != "stdout"
        and not name.startswith("worker-")
        and status != "exists"
    }
    if not tests:
        raise RuntimeError(f"no test was run, see {log}")
    return tests
