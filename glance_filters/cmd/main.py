# SPDX-License-Identifier: Apache-2.0

"""``glance-filters``: one command, its sub-commands a module each.

The exit status is the sub-command's own: 0 if all is well, 1 if it found
something, 2 if it was called wrongly or could not read what it was given.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from glance_filters.cmd import (
    check_metadefs,
    check_paste,
    edit_paste,
    serve,
    try_service,
)

# Each adds its parser, which sets ``run``: from the parsed arguments to the
# exit status.
SUB_COMMANDS = (
    edit_paste.add_parsers,
    check_paste.add_parser,
    check_metadefs.add_parser,
    serve.add_parser,
    try_service.add_parser,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    :param arguments: without the program's name; those of the process if
        None
    :returns: the exit status
    :raises SystemExit: with status 2 if the arguments are wrong, with 0
        after ``--help``
    """
    parser = argparse.ArgumentParser(
        prog="glance-filters",
        description="Tools for the operator of the glance_filters package.",
    )
    sub_parsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for add_parser in SUB_COMMANDS:
        add_parser(sub_parsers)
    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status


if __name__ == "__main__":
    sys.exit(main())
