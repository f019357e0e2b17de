# SPDX-License-Identifier: Apache-2.0

"""What location_guard adds to the requests that it locks and checks."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence

import fixtures

from bench import effort, figures, measure, table
from glance_filters import locks
from glance_filters.tests.fixtures import (
    auth,
    http_client,
    http_data,
    image_requests,
    lock_databases,
    lock_servers,
    real_glance,
)

_DATA = b"x" * 10_000
_LOCK_SECONDS = 10.0

# Prepares an image, and returns what is timed.
_Prepare = Callable[[http_client.Client], Callable[[], object]]


def sections(how: effort.Effort) -> list[table.Section]:
    """Measure with each kind of lock."""
    rounds = how.of(150, 3)
    rows: list[Sequence[str]] = []
    with contextlib.ExitStack() as stack:
        glance = stack.enter_context(
            real_glance.RealGlance(is_validated=False)
        )
        web = http_data.HttpDataServer({"/data": b"data"})
        stack.enter_context(web)
        for name, url in _drivers(stack):
            rows += measure_each(glance, web, url, name, rounds)
    return [
        table.Section(
            "Requests that location_guard locks and checks",
            "Real Glance with its file store, in one process with the guard; "
            "the lock servers are on the same host. Lock alone: acquired and "
            "released. Look-up alone: the GET of the image that a change of "
            "locations needs. Each is measured in turns with the "
            "request without the guard; the factor is with to without.",
            ("", "without", "added", "factor", "lock alone", "look-up alone"),
            rows,
        )
    ]


def _drivers(stack: contextlib.ExitStack) -> Iterator[tuple[str, str]]:
    """Yield the name and the URL of each kind of lock."""
    folder = stack.enter_context(fixtures.TempDir()).path
    yield "no locks between processes", ""
    yield "files", f"file://{folder}/locks"
    yield "Redis", stack.enter_context(lock_servers.RedisServer()).url()
    yield "etcd", stack.enter_context(lock_servers.EtcdServer()).url()
    for name, server_class in (
        ("MariaDB", lock_databases.MariaDbServer),
        ("PostgreSQL", lock_databases.PostgresqlServer),
    ):
        # Where it is installed.
        if server_class.missing() is None:
            yield name, stack.enter_context(server_class()).url()


def measure_each(
    glance: real_glance.RealGlance,
    web: http_data.HttpDataServer,
    url: str,
    name: str,
    rounds: int,
) -> Iterator[Sequence[str]]:
    """Yield a row for each request, with the guard and locks at *url*."""
    plain = glance.client(token=auth.ADMIN)
    app = glance.app(
        ("location_guard",), {"location_guard": {"coordination_url": url}}
    )
    guarded = glance.client(app, auth.ADMIN)
    image_locks = locks.ImageLocks(url, _LOCK_SECONDS)

    def lock() -> None:
        with image_locks.acquire("71c675ab-d94f-49cd-a114-e12490b328d9"):
            pass

    shown = plain.create_image()

    def add_location(client: http_client.Client) -> Callable[[], object]:
        image_id = plain.create_image()
        return lambda: client.add_location(image_id, web.url("/data"))

    try:
        for request, prepare, looks_up in (
            ("PATCH of the name", _rename(plain), False),
            ("PATCH of the locations", add_location, True),
            ("PUT of 10 kB of data", _upload(plain), False),
        ):
            sides = {
                "without": measure.prepared(functools.partial(prepare, plain)),
                "with": measure.prepared(functools.partial(prepare, guarded)),
                "lock": measure.timed(lock),
                "look-up": measure.timed(lambda: plain.show(shown)),
            }
            taken = measure.in_turns(sides, rounds)
            found = measure.pair(taken["without"], taken["with"])
            alone = {
                part: figures.duration(
                    measure.pair(taken["without"], taken[part]).side
                )
                for part in ("lock", "look-up")
            }
            yield (
                f"{request}, {name}",
                figures.duration(found.base),
                figures.duration(found.added),
                figures.digits(found.ratio),
                alone["lock"],
                alone["look-up"] if looks_up else "none",
            )
    finally:
        image_locks.close()


def _rename(plain: http_client.Client) -> _Prepare:
    image_id = plain.create_image()
    return lambda client: lambda: image_requests.rename(client, image_id)


def _upload(plain: http_client.Client) -> _Prepare:
    def prepare(client: http_client.Client) -> Callable[[], object]:
        image_id = plain.create_image()
        return lambda: client.upload(image_id, _DATA)

    return prepare
