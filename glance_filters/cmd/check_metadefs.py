# SPDX-License-Identifier: Apache-2.0

"""``glance-filters check-metadefs``: check metadata definition files."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_CLEAN = 0
EXIT_FINDINGS = 1
EXIT_UNREADABLE = 2


def add_parser(sub_parsers: SubParsers) -> None:
    """Add the sub-command to those of ``glance-filters``."""
    parser = sub_parsers.add_parser(
        "check-metadefs",
        help="check metadata definition files",
        description=(
            "Check the *.json files of a folder against the shape that "
            "'glance-manage db_load_metadefs' and the API expect. Prints one "
            "line for each finding: file, JSON path, message. Exit status: "
            "0 nothing found, 1 findings, 2 the folder cannot be read."
        ),
    )
    parser.add_argument("directory", metavar="DIR", help="folder of the files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check ``options.directory`` and return the exit status."""
    from glance_filters.metadefs import files

    try:
        findings = files.read_folder(options.directory).findings
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_UNREADABLE
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    return EXIT_FINDINGS if findings else EXIT_CLEAN
