# SPDX-License-Identifier: Apache-2.0

"""``glance-filters``: one command, each sub-command in its own module.

The exit status is the sub-command's own: 0 if all is well, 1 if it found
something, 2 if it was called wrongly or could not read what it was given.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata

from glance_filters.cmd import (
    check_metadefs,
    check_paste,
    edit_paste,
    serve,
    show_paste,
    try_service,
)

EXIT_CANNOT = 2

# Each adds its parser, which sets ``run``: from the parsed arguments to the
# exit status. Libraries are imported only there, so that without one of them
# the other commands work.
SUB_COMMANDS = (
    edit_paste.add_parsers,
    check_paste.add_parser,
    show_paste.add_parser,
    check_metadefs.add_parser,
    serve.add_parser,
    try_service.add_parser,
)


class _Version(argparse.Action):
    """Prints the version of the package that is installed, and exits."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        sys.stdout.write(f"{parser.prog} {metadata.version(parser.prog)}\n")
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    :param arguments: without the program's name; those of the process if
        None
    :returns: the exit status
    :raises SystemExit: with status 2 if the arguments are wrong, with 0
        after ``--help`` and ``--version``
    """
    parser = argparse.ArgumentParser(
        prog="glance-filters",
        description="Tools for the operator of the glance_filters package.",
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="show the version and exit"
    )
    sub_parsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for add_parser in SUB_COMMANDS:
        add_parser(sub_parsers)
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{parser.prog}: {error.name} is not installed\n")
        return EXIT_CANNOT
    return status


if __name__ == "__main__":
    sys.exit(main())
