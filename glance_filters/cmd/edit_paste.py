# SPDX-License-Identifier: Apache-2.0

"""``glance-filters insert`` and ``remove``: filters into a paste file."""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from glance_filters.paste import replace

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_DONE = 0
EXIT_CANNOT = 2


def add_parsers(sub_parsers: SubParsers) -> None:
    """Add the sub-commands to those of ``glance-filters``."""
    for name, what in (
        ("insert", "put the filters into a paste file of Glance"),
        ("remove", "take the filters out of a paste file of Glance"),
    ):
        parser = sub_parsers.add_parser(
            name,
            help=what,
            description=(
                f"{what[0].upper()}{what[1:]}: each pipeline, and their "
                "sections. All else stays as it is. Prints what changes, as a "
                "unified diff, and changes the file only with --write. Exit "
                "status: 0 done, 2 the file cannot be handled."
            ),
        )
        parser.add_argument("file", metavar="PASTE_INI", type=Path)
        parser.add_argument(
            "--filter",
            metavar="NAME",
            action="append",
            dest="filters",
            help="only this filter; may be given more than once",
        )
        parser.add_argument(
            "--flavor",
            metavar="NAME",
            action="append",
            default=[],
            dest="flavors",
            help=(
                "only in the pipeline of this flavor ('default' for that "
                "without one); may be given more than once"
            ),
        )
        parser.add_argument(
            "--write",
            action="store_true",
            help="change the file, and keep the old one beside it",
        )
        parser.set_defaults(run=run, command=name)


def run(options: argparse.Namespace) -> int:
    """Edit ``options.file`` and return the exit status."""
    from glance_filters.paste import edit, file

    filters = options.filters or file.NAMES
    for name in filters:
        if name not in file.NAMES:
            known = ", ".join(file.NAMES)
            sys.stderr.write(f"there is no filter {name}; filters: {known}\n")
            return EXIT_CANNOT
    try:
        old = file.PasteFile.read(options.file).text
        new = getattr(edit, options.command)(old, filters, options.flavors)
        sys.stdout.writelines(_diff(str(options.file), old, new))
        if options.write and new != old:
            backup = replace.replace(options.file, new)
            sys.stderr.write(f"the former file is {backup}\n")
    except (OSError, file.CannotHandle) as error:
        sys.stderr.write(f"{options.file}: {error}\n")
        return EXIT_CANNOT
    return EXIT_DONE


def _diff(name: str, old: str, new: str) -> list[str]:
    lines = difflib.unified_diff(
        old.splitlines(keepends=True),
        new.splitlines(keepends=True),
        name,
        name,
    )
    no_end = "\n\\ No newline at end of file\n"
    return [
        line if line.endswith("\n") else f"{line}{no_end}" for line in lines
    ]
