# SPDX-License-Identifier: Apache-2.0

"""Counters of what a filter does, sent to a StatsD server."""

from __future__ import annotations

import importlib
from typing import Any, Protocol

from oslo_config import cfg

_PREFIX = "glance_filters"

OPTS: tuple[cfg.Opt, ...] = (
    cfg.StrOpt(
        "stats_host",
        default="",
        mutable=True,
        help=(
            "The StatsD server to which the filter counts its requests and "
            "refusals. Nothing is counted if it is empty. Needs the extra "
            "'stats' (statsd, which oslo.middleware installs too)."
        ),
    ),
    cfg.PortOpt(
        "stats_port",
        default=8125,
        mutable=True,
        help="The port of the StatsD server.",
    ),
)


class Counters(Protocol):
    """What counts."""

    def incr(self, stat: str) -> Any:
        """Add one to a counter."""


class _None:
    """Counts nothing."""

    def incr(self, stat: str) -> None:
        """Do nothing."""


def make(name: str, host: str, port: int) -> Counters:
    """Return the counters of a filter.

    :param name: the filter's name
    :param host: the server; empty for none
    :raises ValueError: if the server's name cannot be resolved, or statsd is
        missing
    """
    if not host:
        return _None()
    try:
        statsd = importlib.import_module("statsd")
    except ImportError as error:
        raise ValueError(
            "stats_host needs statsd: install glance-filters[stats]"
        ) from error
    try:
        client: Counters = statsd.StatsClient(
            host, port, prefix=f"{_PREFIX}.{name}"
        )
    except OSError as error:
        raise ValueError(f"stats_host = {host}: {error}") from error
    return client
