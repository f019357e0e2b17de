# SPDX-License-Identifier: Apache-2.0

"""``glance-filters show``: the options that are in force."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from glance_filters.cmd import check_paste

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

EXIT_SHOWN = 0
EXIT_WRONG = 1
EXIT_UNREADABLE = 2


def add_parser(sub_parsers: SubParsers) -> None:
    """Add the sub-command to those of ``glance-filters``."""
    parser = sub_parsers.add_parser(
        "show",
        help="show the options that are in force",
        description=(
            "Show the value of each option of each filter in each pipeline, "
            "and where it comes from: default, a configuration file, or a "
            "section of the paste file. Secrets are masked. Exit status: 0 "
            "shown, 1 a filter is configured wrongly, 2 a file cannot be read."
        ),
    )
    check_paste.add_arguments(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show ``options.file`` and return the exit status."""
    from glance_filters.paste import show

    read = check_paste.read(options)
    if read is None:
        return EXIT_UNREADABLE
    shown = show.show(*read)
    if options.format == "json":
        json.dump(shown, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        for line in _lines(shown):
            sys.stdout.write(f"{line}\n")
    filters = (each for pipeline in shown for each in pipeline["filters"])
    return (
        EXIT_WRONG if any("error" in each for each in filters) else EXIT_SHOWN
    )


def _lines(shown: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the text; pipelines with the same filters are shown once."""
    groups: dict[str, tuple[list[str], list[dict[str, Any]]]] = {}
    for pipeline in shown:
        key = json.dumps(pipeline["filters"])
        places, _ = groups.setdefault(key, ([], pipeline["filters"]))
        places.append(pipeline["place"])
    for places, filters in groups.values():
        yield from places
        for each in filters:
            yield f"  {each['section']} {each['name']}"
            if "error" in each:
                yield f"    error: {each['error']}"
            for option in each.get("options", ()):
                yield (
                    f"    [{option['group']}] {option['name']} = "
                    f"{_text(option['value'])}  ({option['from']})"
                )


def _text(value: Any) -> str:
    """Return a value as a configuration file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)
