# SPDX-License-Identifier: Apache-2.0

"""Run with ``python -m matrix``."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from matrix import inspectors, pins, releases, results, table

# All but Glance's own tests.
_QUICK = ("--", "-k", "test_a_", "-k", "test_b_", "-k", "test_d_")


def main() -> int:
    """Run the tox environments and print the table, or make the pins."""
    parser = argparse.ArgumentParser(prog="matrix", description=__doc__)
    calls = parser.add_subparsers(dest="call", required=True)
    each = calls.add_parser("run", help="run environments side by side")
    each.add_argument("release", nargs="*", help="all if none is given")
    each.add_argument(
        "--quick", action="store_true", help="without Glance's own tests"
    )
    each = calls.add_parser("table", help="show what was found last")
    each.add_argument("--write", action="store_true", help="into the docs")
    each = calls.add_parser("pins", help="make the files of versions anew")
    each.add_argument("release", nargs="*", help="all if none is given")
    arguments = parser.parse_args()
    if arguments.call == "table":
        found = tuple(results.load())
        print(table.text(found))
        if arguments.write:
            table.write(found)
        return 0
    known = {each.version: each for each in releases.RELEASES}
    unknown = set(arguments.release) - known.keys()
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    chosen = [known[name] for name in arguments.release or known]
    if arguments.call == "pins":
        for release in chosen:
            pins.make(release)
        return 0
    return _run(chosen, arguments.quick)


def _run(chosen: Sequence[releases.Release], is_quick: bool) -> int:
    """Run the environments of releases, and print what was found."""
    for release in chosen:
        results.forget(release.version)
    names = _environments(chosen)
    if not names:
        print("there is no interpreter for any of them", file=sys.stderr)
        return 1
    inspectors.make()
    # One after the other: while the package is built for one, all files of the
    # checkout are listed, and none may vanish then.
    failed = _tox("run", names, "--notest")
    if not failed:
        failed = _tox(
            "run-parallel",
            names,
            *("--parallel", "auto", "--parallel-no-spinner"),
            "--skip-pkg-install",
            *(_QUICK if is_quick else ()),
        )
    versions = {each.version for each in chosen}
    print(
        table.text(each for each in results.load() if each.glance in versions)
    )
    return failed


def _environments(chosen: Iterable[releases.Release]) -> list[str]:
    """Return the names of those environments that there is a Python for."""
    names = []
    for release in chosen:
        for python, name in zip(release.pythons, release.environments):
            if shutil.which(f"python{python}", path=_path()):
                names.append(name)
            else:
                print(f"{name}: left out, no python{python}", file=sys.stderr)
    return names


def _tox(command: str, environments: Sequence[str], *arguments: str) -> int:
    """Run tox; return its exit status."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "tox", command),
            *("-e", ",".join(environments), *arguments),
        ],
        env={**os.environ, "PATH": _path()},
    ).returncode


def _path() -> str:
    """Return the PATH, with the interpreters of pyenv at its end."""
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    folders = sorted(root.glob("versions/3.*/bin"))
    return os.pathsep.join((os.environ["PATH"], *map(str, folders)))


if __name__ == "__main__":
    sys.exit(main())
