# SPDX-License-Identifier: Apache-2.0

"""What a client observes on this Glance, alone and with all filters."""

from __future__ import annotations

import contextlib
import os

from glance_filters.acceptance import service, suite
from glance_filters.filters.registry import FILTERS
from glance_filters.tests.fixtures import auth, http_data, real_glance
from glance_filters.tests.functional import test_acceptance
from matrix import inspectors
from matrix.results import Row, Seen

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
