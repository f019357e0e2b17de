# SPDX-License-Identifier: Apache-2.0

"""The options of location_guard."""

from __future__ import annotations

from dataclasses import dataclass

from oslo_config import cfg, types

from glance_filters.filters import base, counters, shared
from glance_filters.glance_api import images

# Files in a folder of the service's own.
DEFAULT_URL = "file://"
# The service's own database.
DATABASE_URL = "database"


def _statuses_opt(name: str, default: list[str], operation: str) -> cfg.Opt:
    return cfg.ListOpt(
        name,
        default=default,
        item_type=types.String(choices=images.STATUSES),
        mutable=True,
        help=(
            "Image statuses in which a request may "
            f"{operation}. In any other status it is answered with 409 "
            "Conflict. An empty list forbids it always."
        ),
    )


OPTS: tuple[cfg.Opt, ...] = (
    base.enabled_opt("guards the locations of images"),
    _statuses_opt(
        "remove_statuses",
        ["active"],
        "remove a location (PATCH with remove /locations/N) or delete the "
        "image's data from one store (DELETE /v2/stores/STORE/ID)",
    ),
    _statuses_opt(
        "replace_statuses",
        ["active", "queued"],
        "replace the locations (PATCH with replace /locations)",
    ),
    _statuses_opt(
        "add_statuses",
        ["active", "queued"],
        "add a location (PATCH with add /locations/N or add /locations/-)",
    ),
    _statuses_opt(
        "location_api_statuses",
        ["queued"],
        "add a location by the location API (POST /v2/images/ID/locations)",
    ),
    cfg.IntOpt(
        "max_body_size",
        default=1024 * 1024,
        min=1,
        mutable=True,
        help=(
            "The longest request body that the filter reads, in bytes. A "
            "request with a longer one is answered with 413. It does not "
            "limit the data of images."
        ),
    ),
    cfg.StrOpt(
        "coordination_url",
        default=DEFAULT_URL,
        secret=True,
        help=(
            "Where image locks are kept. file:///FOLDER: for the processes of "
            "one host, files in that folder; file:// alone: in a folder of "
            "the service's own, below [oslo_concurrency] lock_path if that is "
            "set. redis://HOST:PORT, etcd3+http://HOST:PORT or another URL of "
            "tooz: for several hosts, which all must have the same (needs the "
            "extra 'coordination'). database: for several hosts, locks of the "
            "database server of [database] connection (MySQL, MariaDB or "
            "PostgreSQL; not with several writing nodes of Galera; with "
            "SQLite, files). Empty: within each process only. A change needs "
            "a restart."
        ),
    ),
    cfg.FloatOpt(
        "lock_timeout",
        default=10.0,
        min=0.0,
        max=shared.MAX_SECONDS,
        help=(
            "How long a request waits for other requests that change the same "
            "image, in seconds. Then it is answered with 409 Conflict. A "
            "change needs a restart."
        ),
    ),
    cfg.IntOpt(
        "max_waiters",
        default=8,
        min=1,
        help=(
            "How many requests of one process may wait for one image. "
            "Further ones are answered with 409 Conflict at once, so that "
            "they do not fill the server's threads. A change needs a restart."
        ),
    ),
    cfg.StrOpt(
        "on_lock_failure",
        default="proceed",
        choices=[
            ("proceed", "they proceed without a lock, and are logged"),
            ("refuse", "they are answered with 503"),
        ],
        mutable=True,
        help=(
            "What to do with uploads and status changes while the lock "
            "backend is unavailable. Location changes then always fail with "
            "503."
        ),
    ),
    *counters.OPTS,
)


@dataclass(frozen=True)
class LocationGuardSettings:
    """The values of the filter's options."""

    enabled: bool
    remove_statuses: tuple[str, ...]
    replace_statuses: tuple[str, ...]
    add_statuses: tuple[str, ...]
    location_api_statuses: tuple[str, ...]
    max_body_size: int
    coordination_url: str
    lock_timeout: float
    max_waiters: int
    on_lock_failure: str
