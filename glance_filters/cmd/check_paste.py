# SPDX-License-Identifier: Apache-2.0

"""``glance-filters check``: check a paste file and the options in it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from oslo_config import cfg

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_CLEAN = 0
EXIT_FINDINGS = 1
EXIT_UNREADABLE = 2

# Of Glance's options, those that matter to the filters, as Glance declares
# them: it need not be installed where a file is checked.
_GLANCE_OPTS: tuple[tuple[str | None, cfg.Opt], ...] = (
    (None, cfg.IntOpt("workers")),
    (None, cfg.DictOpt("enabled_backends", default={})),
    (None, cfg.BoolOpt("show_multiple_locations", default=False)),
    ("image_format", cfg.ListOpt("disk_formats")),
)


def add_parser(sub_parsers: SubParsers) -> None:
    """Add the sub-command to those of ``glance-filters``."""
    parser = sub_parsers.add_parser(
        "check",
        help="check a paste file of Glance and the filters' options",
        description=(
            "Check where the filters stand in a paste file, and their "
            "options. Prints one line for each finding, with the mend. Exit "
            "status: 0 nothing found but notes, 1 findings, 2 a file cannot "
            "be read."
        ),
    )
    parser.add_argument("file", metavar="PASTE_INI", type=Path)
    parser.add_argument(
        "--config-file",
        metavar="GLANCE_API_CONF",
        action="append",
        default=[],
        dest="config_files",
        help="configuration of Glance; may be given more than once",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check ``options.file`` and return the exit status."""
    try:
        from glance_filters.paste import check, pipelines
    except ImportError:
        sys.stderr.write(
            "ConfigUpdater is needed: install glance-filters[operator]\n"
        )
        return EXIT_UNREADABLE
    try:
        with options.file.open(newline="", encoding="utf-8") as text:
            file = pipelines.PasteFile(text.read())
        conf = _glance_conf(options.config_files)
    except (
        OSError,
        UnicodeDecodeError,
        cfg.Error,
        pipelines.CannotHandle,
    ) as error:
        sys.stderr.write(f"{options.file}: {error}\n")
        return EXIT_UNREADABLE
    findings = list(check.check(file, conf))
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    if all(finding.is_harmless for finding in findings):
        return EXIT_CLEAN
    return EXIT_FINDINGS


def _glance_conf(files: list[str]) -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    conf([], default_config_files=files, default_config_dirs=[])
    # What is not configured is not known, but for the locations.
    if files:
        register_glance_opts(conf)
    return conf


def register_glance_opts(conf: cfg.ConfigOpts) -> None:
    """Make those of Glance's options known that matter to the filters."""
    for group, opt in _GLANCE_OPTS:
        conf.register_opt(opt, group)
