# SPDX-License-Identifier: Apache-2.0

"""What a client observes on this Glance, alone and with all filters."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence

from glance_filters.acceptance import service, suite
from glance_filters.filters.registry import FILTERS
from glance_filters.tests.fixtures import auth, http_data, real_glance
from glance_filters.tests.functional import test_acceptance
from matrix import inspectors

# One check: what was asked, and what was seen alone and with the filters,
# each of them whether it is as expected, and the text.
Seen = tuple[bool, str]
Row = tuple[str, Seen, Seen]

_LOCATION = "/data"
_SECONDS = 60


def observe() -> list[Row]:
    """Run ``glance-filters try`` on both.

    Where the release has no inspectors, that with the filters has those of
    the extra ``inspect``.
    """
    environ = {}
    if not inspectors.are_here():
        paths = [str(inspectors.FOLDER), os.environ.get("PYTHONPATH", "")]
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    with contextlib.ExitStack() as stack:
        web = stack.enter_context(
            http_data.HttpDataServer({_LOCATION: b"data"})
        )
        columns = []
        for glance in (
            real_glance.GlanceServer(),
            real_glance.GlanceServer(
                [each.name for each in FILTERS], environ=environ
            ),
        ):
            stack.enter_context(glance)
            test_acceptance.add_definitions(glance)
            columns.append(_column(glance.url, web.url(_LOCATION)))
    return [(asked, one, two) for (asked, one), (_, two) in zip(*columns)]


def _column(url: str, location_url: str) -> list[tuple[str, Seen]]:
    each = service.Service(url, auth.MEMBER, timeout=_SECONDS)
    with suite.Scratch(each) as scratch:
        trial = suite.Trial(each, scratch, location_url)
        return [
            (
                row.check.asked,
                (row.verdict is suite.Verdict.HOLDS, str(row.seen)),
            )
            for row in suite.run(trial)
        ]


def rst(found: Mapping[str, Sequence[Row]]) -> list[str]:
    """Return the lines of a table.

    :param found: what was observed, by the version of Glance, in their order
    """
    lines = [".. list-table::", "   :header-rows: 1", ""]
    lines += ["   * - Asked", "     - Glance alone", "     - With the filters"]
    for rows in zip(*found.values()):
        lines.append(f"   * - {_escaped(rows[0][0])}")
        for column in (1, 2):
            cell = list(_cell(list(found), [row[column] for row in rows]))
            lines.append(f"     - {cell[0]}")
            lines += [f"       {line}" for line in cell[1:]]
    return lines


def _cell(versions: Sequence[str], seen: Sequence[Seen]) -> Iterator[str]:
    """Yield the lines of a cell: all that is not the same is a line."""
    pairs = zip(versions, map(tuple, seen))
    groups = [
        (each, [version for version, _ in group])
        for each, group in itertools.groupby(pairs, lambda pair: pair[1])
    ]
    for (holds, text), among in groups:
        text = f"**{_escaped(text)}**" if holds else _escaped(text)
        if len(groups) == 1:
            yield text
            return
        first, last = among[0], among[-1]
        where = first if first == last else f"{first} to {last}"
        yield f"| {where}: {text}"


def _escaped(text: str) -> str:
    return text.replace("*", "\\*")
