# SPDX-License-Identifier: Apache-2.0

"""Counters of what a filter does, sent to a StatsD server."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Mapping
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

LOG = logging.getLogger(__name__)

_PREFIX = "glance_filters"

# After a server's name could not be resolved, try again in so many seconds.
RETRY_SECONDS = 60

_REASON = "The options are shared by all filters: use [glance_filters]."

# Former places, one for each filter; those of the module shared count for
# all.
OPTS: tuple[cfg.Opt, ...] = (
    cfg.StrOpt(
        "stats_host",
        mutable=True,
        deprecated_for_removal=True,
        deprecated_reason=_REASON,
        help="Deprecated. The StatsD server of this filter alone.",
    ),
    cfg.PortOpt(
        "stats_port",
        mutable=True,
        deprecated_for_removal=True,
        deprecated_reason=_REASON,
        help="Deprecated. The port of the StatsD server of this filter.",
    ),
)


def without(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a filter's options, but for those of :data:`OPTS`.

    :param values: by option name
    """
    names = {opt.dest for opt in OPTS}
    return {name: values[name] for name in values if name not in names}


class Counters:
    """What counts, and itself counts nothing."""

    def incr(self, stat: str) -> None:
        """Add one to a counter."""

    def gauge(self, stat: str, value: int, delta: bool = False) -> None:
        """Set a gauge, or change it by *value*."""

    def close(self) -> None:
        """Close what it sends by; it can be used all the same."""


class _Client(Counters):
    """Sends to a server, as soon as its name can be resolved."""

    def __init__(self, module: Any, host: str, port: int, prefix: str) -> None:
        self._module = module
        self._server = (host, port, prefix)
        self._lock = threading.Lock()
        self._next_try = 0.0
        self._client = self._connect()

    def _connect(self) -> Any:
        host, port, prefix = self._server
        try:
            return self._module.StatsClient(host, port, prefix=prefix)
        except OSError as error:
            self._next_try = time.monotonic() + RETRY_SECONDS
            LOG.warning(
                "Nothing is counted: could not resolve stats_host = %s (%s). "
                "Next try in %d seconds.",
                host,
                error,
                RETRY_SECONDS,
            )
            return None

    def incr(self, stat: str) -> None:
        """Add one to a counter, if there is a server."""
        self._send("incr", stat)

    def gauge(self, stat: str, value: int, delta: bool = False) -> None:
        """Set a gauge, or change it by *value*, if there is a server."""
        self._send("gauge", stat, value, delta=delta)

    def _send(self, kind: str, *arguments: Any, **options: Any) -> None:
        # A name server that does not answer keeps one request, not all.
        if not self._lock.acquire(blocking=self._client is not None):
            return
        try:
            if self._client is None and time.monotonic() >= self._next_try:
                self._client = self._connect()
            if self._client is not None:
                getattr(self._client, kind)(*arguments, **options)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the socket, between two counts."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()


def make(name: str, host: str, port: int) -> Counters:
    """Return the counters of a filter.

    :param name: the filter's name
    :param host: the server; empty for none
    :raises ValueError: if statsd is missing, or *host* can be the name of none
    """
    if not host:
        return Counters()
    try:
        statsd = importlib.import_module("statsd")
    except ImportError as error:
        raise ValueError(
            "stats_host needs statsd: install glance-filters[stats]"
        ) from error
    try:
        return _Client(statsd, host, port, f"{_PREFIX}.{name}")
    except UnicodeError as error:
        raise ValueError(f"stats_host = {host}: {error}") from error
