# SPDX-License-Identifier: Apache-2.0

"""Run with ``python -m mutation ROOM``, for example ``http``."""

from __future__ import annotations

import argparse
import compileall
import functools
import itertools
import os
import py_compile
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from mutation import figures, judging, mutants

_CHECKOUT = Path(__file__).parents[1]


def _copy(folder: Path) -> None:
    """Copy the checkout, since mutants are written into the files."""
    listed = subprocess.run(
        [
            "git",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        cwd=_CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (_CHECKOUT / name).is_file():
            shutil.copy2(_CHECKOUT / name, target)


def _enter(folder: Path) -> None:
    """Make a copy what is imported, here and in processes that tests start."""
    os.chdir(folder)
    sys.path[0] = str(folder)
    os.environ["PYTHONPATH"] = str(folder)
    # A mutant may have the size and the time of the module that it replaces.
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    # Compiled by their contents, though: what is no mutant need not be
    # compiled anew in each process.
    compileall.compile_dir(
        judging.PACKAGE,
        quiet=2,
        invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
    )


def _modules(room: Path) -> list[Path]:
    path = judging.PACKAGE / room
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _inner(module: Path) -> Path:
    return module.relative_to(judging.PACKAGE)


@functools.cache
def _judge(tests: tuple[str, ...]) -> judging.Judge:
    return judging.Judge(tests)


def _survives(mutant: mutants.Mutant) -> bool:
    """Return True if no test fails on a mutant."""
    tests = tuple(judging.tests_of(mutant.module))
    # Made of the code as it is.
    judge = _judge(tests)
    mutant.module.write_text(mutant.text)
    try:
        return not judge.kills(tests)
    finally:
        mutant.module.write_text(mutant.source)


def _judged(
    name: str, found: Iterable[mutants.Mutant], known: figures.Known
) -> figures.Figures:
    """Judge mutants, and print those that survive and are not listed."""
    count = explained = survived = 0
    for mutant in found:
        count += 1
        if _survives(mutant):
            if mutant in known:
                explained += 1
            else:
                survived += 1
                print(mutant.diff, flush=True)
    killed = count - explained - survived
    return figures.Figures(name, count, killed, explained, survived)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make mutants, run the tests, and print which of them survive."""
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__)
    parser.add_argument("room", type=Path, help="or a module: http/ranges.py")
    parser.add_argument("--sample", type=int, help="how many; all by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="for the docs")
    options = parser.parse_args(arguments)
    known = figures.known()
    with tempfile.TemporaryDirectory(prefix="mutation-") as root:
        folder = Path(root)
        _copy(folder)
        _enter(folder)
        modules = _modules(options.room)
        whole = figures.Figures(str(options.room))
        parts = [(str(_inner(each)), [each]) for each in modules]
        if options.sample is not None:
            parts = [(whole.name, modules)]
        for name, sources in parts:
            places = [p for each in sources for p in mutants.places(each)]
            if options.sample is not None:
                random.Random(options.seed).shuffle(places)
            made = filter(None, map(mutants.make, places))
            sample = itertools.islice(made, options.sample)
            found = _judged(name, sample, known)
            whole = whole.with_counts_of(found)
            if options.write:
                figures.write(found)
    print(whole)
    return 0


if __name__ == "__main__":
    sys.exit(main())
