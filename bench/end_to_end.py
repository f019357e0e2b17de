# SPDX-License-Identifier: Apache-2.0

"""Real Glance on a server, over sockets, without and with all filters."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Mapping, Sequence

from bench import apps, effort, figures, table, wrk
from glance_filters.tests.fixtures import auth, real_glance

_CONNECTIONS = 8
_MIB = 2**20


def _row(
    name: str,
    servers: Sequence[real_glance.GlanceServer],
    paths: Sequence[str],
    headers: Mapping[str, str],
    rounds: int,
    seconds: int,
) -> list[str]:
    """Measure both servers in turns, while the other one idles."""
    loads: tuple[list[wrk.Load], list[wrk.Load]] = ([], [])
    for number in range(rounds):
        for which in (0, 1) if number % 2 else (1, 0):
            loads[which].append(
                wrk.run(
                    servers[which].url + paths[which],
                    {auth.HEADER: auth.MEMBER, **headers},
                    seconds,
                    _CONNECTIONS,
                )
            )
    cells = [name]
    for figure, write in (
        ("rate", figures.digits),
        ("p99", figures.duration),
    ):
        values = [[getattr(load, figure) for load in side] for side in loads]
        ratios = [b / a for a, b in zip(*values)]
        cells += [write(statistics.median(side)) for side in values]
        cells.append(figures.digits(statistics.median(ratios)))
    return cells


def sections(how: effort.Effort) -> list[table.Section]:
    """Measure, if wrk is there."""
    if wrk.WRK is None:
        print("No end-to-end figures: wrk is not installed.\n")
        return []
    rows = []
    rounds = how.of(8, 1)
    seconds = how.of(3, 1)
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(
                real_glance.GlanceServer(filters, is_validated=False)
            )
            for filters in ((), tuple(apps.FILTERS))
        ]
        data = b"\x07" * _MIB
        images = [each.client().create_image(data) for each in servers]
        shows = [f"/v2/images/{image_id}" for image_id in images]
        for name, paths, headers in (
            ("GET images", ["/v2/images"] * 2, {}),
            ("GET image", shows, {}),
            ("GET file, 1 MiB", [f"{each}/file" for each in shows], {}),
            (
                "GET file, 64 KiB of it",
                [f"{each}/file" for each in shows],
                {"Range": "bytes=500000-565535"},
            ),
            ("GET the image schema", ["/v2/schemas/image"] * 2, {}),
        ):
            rows.append(_row(name, servers, paths, headers, rounds, seconds))
    return [
        table.Section(
            "End to end",
            "Real Glance on gunicorn (one process, 8 threads), on loopback; "
            f"wrk holds {_CONNECTIONS} connections. One server has all four "
            "filters, the other none; they take turns, and the other idles.",
            (
                "",
                "requests/s without",
                "with",
                "ratio",
                "p99 without",
                "with",
                "ratio",
            ),
            rows,
        )
    ]
