# SPDX-License-Identifier: Apache-2.0

"""Run with ``python -m demo``, or ``python -m demo serve``."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from demo import (
    compare,
    examples,
    readme,
    rows,
    rows_disk_format_validator,
    rows_location_guard,
    rows_metadef_overlay,
    rows_range_translator,
    serve,
)
from glance_filters.filters import registry
from glance_filters.tests.fixtures import (
    auth,
    http_data,
    legacy_glance,
    real_glance,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# The filters in the pipeline, outermost first.
FILTER_CLASSES = registry.FILTERS
FILTERS = tuple(each.name for each in FILTER_CLASSES)
OPTIONS: dict[str, dict[str, str]] = {
    "disk_format_validator": rows_disk_format_validator.OPTIONS,
}
# What the side with the filters has in its glance-api.conf besides.
CONF = rows_disk_format_validator.CONF
SECTIONS = {
    "location_guard": rows_location_guard.SECTION,
    "range_translator": rows_range_translator.SECTION,
    "disk_format_validator": rows_disk_format_validator.SECTION,
    "metadef_overlay": rows_metadef_overlay.SECTION,
}
# With each of them a page of the documentation opens.
EXAMPLES = {
    "location_guard": rows_location_guard.EXAMPLE,
    "range_translator": rows_range_translator.EXAMPLE,
    "disk_format_validator": rows_disk_format_validator.EXAMPLE,
    "metadef_overlay": rows_metadef_overlay.EXAMPLE,
}


@contextlib.contextmanager
def _step(text: str) -> Iterator[None]:
    print(f"{text} ... ", end="", flush=True)
    started = time.monotonic()
    yield
    print(f"{time.monotonic() - started:.1f} s", flush=True)


def _legacy_sides() -> list[rows.LegacySide]:
    stub = legacy_glance.LegacyGlance("newton")
    app: WSGIApplication = stub
    for filter_class in reversed(FILTER_CLASSES):
        options = OPTIONS.get(filter_class.name, {})
        app = filter_class.factory({}, **options)(app)
    return [rows.LegacySide(stub, stub), rows.LegacySide(stub, app)]


@contextlib.contextmanager
def _sides() -> Iterator[list[rows.GlanceSide]]:
    """Start Glance alone and with the filters."""
    # Without a handler, logging would print warnings between the tables.
    for name in ("glance_filters", "oslo_utils"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    with contextlib.ExitStack() as stack:
        files = {**rows.WEB_FILES, **rows_disk_format_validator.WEB_FILES}
        web = stack.enter_context(http_data.HttpDataServer(files))
        sides = []
        for text, filters, conf in (
            ("Starting Glance alone", (), {}),
            (f"Starting Glance with {', '.join(FILTERS)}", FILTERS, CONF),
        ):
            with _step(text):
                glance = stack.enter_context(
                    real_glance.GlanceServer(
                        filters, OPTIONS, conf=conf, is_validated=False
                    )
                )
            sides.append(rows.GlanceSide(glance, web, auth.MEMBER))
        yield sides


def demonstrate() -> int:
    """Print all tables; return the number of rows that are wrong."""
    failures = 0
    with _sides() as sides:
        for name, section in SECTIONS.items():
            failures += compare.compare(
                section.title,
                ("request", "Glance alone", "with the filters"),
                section.rows,
                *sides,
            )
            compare.show(EXAMPLES[name], *sides)
    for section in SECTIONS.values():
        failures += compare.compare(
            f"{section.title}\n(on a stub that answers as Glance 13.0.0, "
            "Newton, was recorded to answer)",
            ("request", "Newton stub alone", "with the filters"),
            section.legacy_rows,
            *_legacy_sides(),
        )
    if failures:
        print(f"\n{failures} rows are not as expected.", file=sys.stderr)
    return failures


def observed_files(
    alone: rows.GlanceSide, filtered: rows.GlanceSide
) -> dict[Path, str]:
    """Return the text of each file that shows what the demo observes."""
    table = readme.table(SECTIONS.values(), alone, filtered)
    text = readme.README.read_text(encoding="utf-8")
    return {
        readme.README: readme.with_table(text, table),
        **{
            examples.include_file(name): examples.include_text(
                example, alone, filtered
            )
            for name, example in EXAMPLES.items()
        },
    }


def write_files() -> None:
    """Write the table of the README and the examples of the documentation."""
    with _sides() as sides:
        for path, text in observed_files(*sides).items():
            path.write_text(text, encoding="utf-8")


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    serving = commands.add_parser("serve", help=serve.__doc__)
    serving.add_argument("--port", type=int, default=0, help="default: free")
    commands.add_parser("readme", help=write_files.__doc__)
    arguments = parser.parse_args()
    if arguments.command == "readme":
        write_files()
        return 0
    if arguments.command == "serve":
        serve.serve(FILTERS, arguments.port)
        return 0
    return 1 if demonstrate() else 0


if __name__ == "__main__":
    sys.exit(main())
