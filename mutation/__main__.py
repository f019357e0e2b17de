# SPDX-License-Identifier: Apache-2.0

"""Run with ``python -m mutation ROOM``, for example ``http``."""

from __future__ import annotations

import argparse
import compileall
import itertools
import os
import py_compile
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
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


def _survives(mutant: mutants.Mutant, judge: judging.Judge) -> bool:
    """Return True if no test fails on a mutant."""
    mutant.module.write_text(mutant.text)
    try:
        return not judge.kills(judging.tests_of(mutant.module))
    finally:
        mutant.module.write_text(mutant.source)


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
        places = [place for each in modules for place in mutants.places(each)]
        if options.sample is not None:
            random.Random(options.seed).shuffle(places)
        found = filter(None, map(mutants.make, places))
        judge = judging.Judge(judging.tests_of(modules[0]))
        made: list[mutants.Mutant] = []
        survivors: list[mutants.Mutant] = []
        for mutant in itertools.islice(found, options.sample):
            made.append(mutant)
            if _survives(mutant, judge):
                survivors.append(mutant)
                if mutant not in known:
                    print(mutant.diff, flush=True)
    explained = sum(each in known for each in survivors)
    result = figures.Figures(
        str(options.room),
        len(made),
        len(made) - len(survivors),
        explained,
        len(survivors) - explained,
    )
    print(result)
    if options.write:
        figures.write(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
