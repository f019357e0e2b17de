# SPDX-License-Identifier: Apache-2.0

"""``glance-filters check``: check a paste file and the options in it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oslo_config import cfg

    from glance_filters.paste.file import PasteFile

    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_CLEAN = 0
EXIT_FINDINGS = 1
EXIT_UNREADABLE = 2


def add_parser(sub_parsers: SubParsers) -> None:
    """Add the sub-command to those of ``glance-filters``."""
    parser = sub_parsers.add_parser(
        "check",
        help="check a paste file of Glance and the filters' options",
        description=(
            "Start the filters of a paste file as Glance would, without "
            "Glance, and check their places and options. Prints one line for "
            "each finding, with the fix. Exit status: 0 nothing found but "
            "notes, 1 findings, 2 a file cannot be read."
        ),
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a paste file and a configuration."""
    parser.add_argument("file", metavar="PASTE_INI", type=Path)
    parser.add_argument(
        "--config-file",
        metavar="GLANCE_API_CONF",
        action="append",
        default=[],
        dest="config_files",
        help="configuration of Glance; may be given more than once",
    )
    parser.add_argument(
        "--config-dir",
        metavar="DIR",
        action="append",
        default=[],
        dest="config_dirs",
        help="folder of *.conf files, read after the files; may be given "
        "more than once",
    )


def read(
    options: argparse.Namespace,
) -> tuple[PasteFile, cfg.ConfigOpts] | None:
    """Read the files; print why and return None if one cannot be read."""
    from glance_filters.paste import file
    from glance_filters.paste.check import glance_conf

    try:
        paste_file = file.PasteFile.read(options.file)
        conf = glance_conf.read(options.config_files, options.config_dirs)
    except (OSError, file.CannotHandle) as error:
        sys.stderr.write(f"{options.file}: {error}\n")
        return None
    except glance_conf.CannotRead as error:
        sys.stderr.write(f"{error}\n")
        return None
    return paste_file, conf


def run(options: argparse.Namespace) -> int:
    """Check ``options.file`` and return the exit status."""
    from glance_filters.paste import check

    files = read(options)
    if files is None:
        return EXIT_UNREADABLE
    findings = check.check(*files)
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    if all(finding.is_harmless for finding in findings):
        return EXIT_CLEAN
    return EXIT_FINDINGS
