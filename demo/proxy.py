# SPDX-License-Identifier: Apache-2.0

"""Run with ``python -m demo.proxy``: real Glance, alone and behind the proxy.

With ``old``, Newton and Ocata too; with ``write``, into the documentation.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bench import table
from glance_filters.acceptance import service, suite
from glance_filters.filters.registry import FILTERS
from glance_filters.tests.fixtures import (
    auth,
    http_data,
    old_glance,
    proxy_server,
    real_glance,
)
from glance_filters.tests.functional import test_acceptance

TABLE = Path(__file__).parents[1] / "doc" / "source" / "proxy-table.inc"

_HEAD = ".. Made by make old-glance; do not edit."
_LOCATION = "/data"


@dataclass(frozen=True)
class Comparison:
    """One release of Glance, in several places.

    :ivar title: the release
    :ivar columns: the places, the first of them alone
    :ivar rows: what was observed in each
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[suite.Row]]

    @property
    def lacking(self) -> int:
        """How many checks do not hold with the filters."""
        return sum(
            row.verdict is not suite.Verdict.HOLDS
            for line in self.rows
            for row in line[1:]
        )


def _compare(
    title: str, urls: dict[str, str], token: str, location_url: str
) -> Comparison:
    """Make all checks at each URL, and print them."""
    print(f"\n{title}\n{'=' * len(title)}")
    columns = []
    for place, url in urls.items():
        each = service.Service(url, token, timeout=3)
        with suite.Scratch(each) as scratch:
            trial = suite.Trial(each, scratch, location_url)
            columns.append(list(suite.run(trial)))
        held = sum(row.verdict is suite.Verdict.HOLDS for row in columns[-1])
        print(f"{place}: {held} of {len(columns[-1])} hold")
    comparison = Comparison(title, list(urls), list(zip(*columns)))
    for line in comparison.rows:
        print(f"\n{line[0].check.asked}")
        for place, row in zip(urls, line):
            print(f"    {row.verdict.value:<9}  {place}: {row.seen}")
    return comparison


@contextlib.contextmanager
def _current() -> Iterator[dict[str, str]]:
    """Run the newest Glance; yield the URLs of its places."""
    with contextlib.ExitStack() as stack:
        alone = stack.enter_context(real_glance.GlanceServer())
        filtered = stack.enter_context(
            real_glance.GlanceServer([each.name for each in FILTERS])
        )
        for each in (alone, filtered):
            test_acceptance.add_definitions(each)
        server = stack.enter_context(proxy_server.ProxyServer(alone.url))
        print(f"\nglance-filters serve --upstream {alone.url}")
        yield {
            "alone": alone.url,
            "with the filters": filtered.url,
            "behind the proxy": server.url,
        }


@contextlib.contextmanager
def _old(release: str) -> Iterator[dict[str, str]]:
    """Run an old Glance; yield the URLs of its places.

    :raises Missing: if it cannot be run here
    """
    with contextlib.ExitStack() as stack:
        alone = stack.enter_context(old_glance.OldGlance(release))
        behind = stack.enter_context(old_glance.OldGlance(release, True))
        server = stack.enter_context(proxy_server.ProxyServer(behind.url))
        yield {"alone": alone.url, "behind the proxy": server.url}


def _rst(comparison: Comparison) -> str:
    """Return a comparison as reStructuredText."""
    rows = [
        (_escaped(line[0].check.asked), *map(_cell, line))
        for line in comparison.rows
    ]
    title = f"{comparison.title}\n{'-' * len(comparison.title)}\n\n"
    return title + table.as_rst(("Asked", *comparison.columns), rows)


def _cell(row: suite.Row) -> str:
    text = _escaped(str(row.seen))
    return f"**{text}**" if row.verdict is suite.Verdict.HOLDS else text


def _escaped(text: str) -> str:
    return text.replace("*", "\\*")


def main() -> int:
    """Return the exit status: 1 if something does not hold."""
    parser = argparse.ArgumentParser(prog="demo.proxy", description=__doc__)
    parser.add_argument("what", nargs="*", choices=["old", "write", []])
    what = parser.parse_args().what
    comparisons = []
    with http_data.HttpDataServer({_LOCATION: b"data"}) as web:
        location = web.url(_LOCATION)
        if "old" in what:
            for release, name in old_glance.RELEASES.items():
                title = f"Glance {release} ({name})"
                try:
                    with _old(release) as urls:
                        comparisons.append(
                            _compare(title, urls, old_glance.TOKEN, location)
                        )
                except old_glance.Missing as reason:
                    print(f"\nSkipped: {title}: {reason}")
        if "old" not in what or "write" in what:
            title = f"Glance {metadata.version('glance')}"
            with _current() as urls:
                comparisons.append(
                    _compare(title, urls, auth.MEMBER, location)
                )
    if "write" in what:
        parts = [_HEAD, *map(_rst, comparisons)]
        TABLE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    lacking = sum(each.lacking for each in comparisons)
    if lacking:
        print(f"\n{lacking} checks do not hold.", file=sys.stderr)
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
