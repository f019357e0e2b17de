# SPDX-License-Identifier: Apache-2.0

"""How long an owner waits for the lock of an image that others want too."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent import futures
from pathlib import Path

import fixtures

from bench import apps, effort, figures, goals, table
from glance_filters import locks
from glance_filters.tests.fixtures import (
    auth,
    http_client,
    image_requests,
    lock_servers,
    lock_times,
    real_glance,
)

TITLE = "Waiting for the lock of an image"

_CLIENTS = 10
_DATA = bytes(1000)
_OWNER = auth.MEMBER.split(":")[1]

_ACTIONS: Sequence[image_requests.Send] = (
    image_requests.rename,
    image_requests.add_tag,
    image_requests.upload,
)


@contextlib.contextmanager
def _crowd(
    clients: Sequence[http_client.Client], images: Sequence[str]
) -> Iterator[None]:
    """Have clients change images as fast as they can, whoever may or not."""
    over = threading.Event()

    def work(client: http_client.Client) -> None:
        for send, image_id in itertools.cycle(
            itertools.product(_ACTIONS, images)
        ):
            if over.is_set():
                return
            with contextlib.suppress(OSError, http.client.HTTPException):
                send(client, image_id)

    with futures.ThreadPoolExecutor(_CLIENTS) as pool:
        working = [pool.submit(work, client) for client in clients]
        try:
            yield
        finally:
            over.set()
    # One that has failed did not work beside what was measured.
    for each in working:
        each.result()


def _measure(
    glance: real_glance.GlanceServer,
    path: Path,
    token: str | None,
    rounds: int,
) -> tuple[list[float], list[float], int]:
    """Rename an image beside a crowd.

    :param token: that of the crowd; None for none
    :returns: the waits of the renames and the holds of all, in seconds; and
        how many renames were refused
    """
    owner, admin = glance.client(), glance.client(auth.ADMIN)
    image_id = owner.create_image(_DATA)
    hidden = owner.create_image(_DATA)
    admin.patch(
        image_id, {"op": "replace", "path": "/visibility", "value": "public"}
    )
    path.write_bytes(b"")
    crowd = [glance.client(token) for _ in range(_CLIENTS if token else 0)]
    refused = 0
    with _crowd(crowd, (image_id, hidden)):
        for _ in range(rounds):
            refused += image_requests.rename(owner, image_id).status == 409
            # The owner is no crowd.
            time.sleep(0.01)
    names = [locks.lock_name(each).decode() for each in (image_id, hidden)]
    found = [each for each in lock_times.read(path) if each[2] in names]
    waits = [each[3] for each in found if each[:2] == ("wait", _OWNER)]
    holds = [each[3] for each in found if each[0] == "hold"]
    return waits, holds, refused


def _late(values: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


@contextlib.contextmanager
def _serve(path: Path, url: str | None) -> Iterator[real_glance.GlanceServer]:
    """Run Glance, which notes times in a file.

    :param url: that of the locks; None for files
    """
    options: dict[str, dict[str, str]] = {
        lock_times.NAME: lock_times.section(path)
    }
    if url is not None:
        options["location_guard"] = {"coordination_url": url}
    with real_glance.GlanceServer(
        (lock_times.NAME, *apps.FILTERS),
        options,
        workers=2,
        threads=8,
        is_validated=False,
    ) as glance:
        yield glance


def sections(how: effort.Effort) -> list[table.Section]:
    """Measure."""
    strangers = ("ten clients of another project", auth.STRANGER)
    crowds = (
        ("nobody", None),
        strangers,
        ("ten clients of the owner", auth.MEMBER),
    )
    rows, verdicts = [], []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(fixtures.TempDir()).path)
        path = folder / "times"
        for backend, server in (
            ("files", None),
            ("Redis", lock_servers.RedisServer),
            ("etcd", lock_servers.EtcdServer),
        ):
            if how.is_quick and server is not None:
                continue
            url = None
            if server is not None:
                url = stack.enter_context(server()).url()
            glance = stack.enter_context(_serve(path, url))
            for name, token in crowds if server is None else (strangers,):
                waits, holds, refused = _measure(
                    glance, path, token, how.of(150, 5)
                )
                ratio = _late(waits) / _late(holds)
                rows.append(
                    (
                        name if server is None else f"{name}, {backend}",
                        figures.duration(statistics.median(holds)),
                        figures.duration(_late(holds)),
                        figures.duration(statistics.median(waits)),
                        figures.duration(_late(waits)),
                        figures.digits(ratio),
                        str(refused),
                    )
                )
                if token == auth.STRANGER:
                    verdicts.append(
                        goals.Goal(
                            "Locks: wait of a rename beside ten strangers, "
                            f"in holds of the lock (95th percentiles), "
                            f"{backend}",
                            2,
                            ratio,
                        )
                    )
    return [
        table.Section(
            TITLE,
            "Real Glance on gunicorn (2 processes of 8 threads), all four "
            "filters, locks of files where no other are named. The owner "
            "renames a public image again "
            "and again, while others patch, tag and upload it and another "
            "one, as fast as they can. The 95th percentile of the owner's "
            "waits is divided by that of the times for which the locks were "
            "held in the same run.",
            (
                "Beside",
                "lock held",
                "95 %",
                "waited",
                "95 %",
                "ratio",
                "refused",
            ),
            rows,
            verdicts,
        )
    ]
