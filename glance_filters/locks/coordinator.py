# SPDX-License-Identifier: Apache-2.0

"""Locks by a driver of tooz: Redis, etcd and others.

What the drivers have in common is a try that does not wait for the holder, so
the caller does the waiting.
"""

from __future__ import annotations

import functools
import math
import os
import socket
import uuid
from collections.abc import Callable
from typing import Any

from oslo_log import log as logging
from tooz import coordination

from glance_filters.locks import server, threads, urls

LOG = logging.getLogger(__name__)

# The lease of a lock, unless the URL says otherwise: a holder that died, or
# cannot reach the server, blocks others for as long. It is renewed when half
# of it is over. tooz' own default.
LEASE_SECONDS = 30


def make(text: str, seconds: float) -> server.ServerLocks:
    """Return the locks of the server at a URL of tooz.

    :param seconds: how long to wait for the server
    :raises ValueError: tooz has no such driver, the library that the driver
        needs is missing, the driver does not understand the URL, or locks
        would have no lease
    """
    url = urls.ServerUrl(text)
    options = _default_options(url, seconds)
    new = functools.partial(_new_coordinator, text, options)
    try:
        _check_lease(new())
    except Exception as error:  # whatever a driver raises
        # Not with its cause: that may tell a password.
        raise ValueError(
            f"locks by {url.scheme!r}: {url.describe(error)}"
        ) from None
    return server.ServerLocks(
        lambda: _Connection(new(), seconds, url.describe),
        seconds,
        url.describe,
    )


class _Connection:
    """A started coordinator, with a thread that renews its leases."""

    def __init__(
        self,
        coordinator: Any,
        seconds: float,
        describe: Callable[[BaseException], str],
    ) -> None:
        self._coordinator = coordinator
        self._seconds = seconds
        self._describe = describe
        try:
            coordinator.start(start_heart=False)
        except BaseException:
            _disconnect(_client(coordinator))
            raise
        # Not tooz' own: that does not end while its beats fail.
        self._heart = threads.Heart(self._beat, describe)

    def try_lock(self, name: bytes) -> Callable[[], bool] | None:
        lock = self._coordinator.get_lock(name)
        if not lock.acquire(blocking=False):
            return None
        release: Callable[[], bool] = lock.release
        return release

    def close(self) -> None:
        self._heart.stop(self._seconds)
        client = _client(self._coordinator)
        try:
            self._coordinator.stop()
        except Exception as error:  # whatever a driver raises
            LOG.debug(
                "The coordinator did not stop: %s", self._describe(error)
            )
        _disconnect(client)

    def _beat(self) -> float:
        lease_seconds: float | None = self._coordinator.heartbeat()
        # Nothing, by drivers whose locks have no lease: ipc, for example.
        return (lease_seconds or LEASE_SECONDS) / 2


def _new_coordinator(url: str, options: dict[str, Any]) -> Any:
    member = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}"
    coordinator = coordination.get_coordinator(url, member.encode(), **options)
    if hasattr(coordinator, "_make_client"):
        _fail_at_once(coordinator)
    return coordinator


def _check_lease(coordinator: Any) -> None:
    """Refuse a lease that is over at once: two would hold a lock then.

    :raises ValueError: it is shorter than a second
    """
    for name in ("lock_timeout", "membership_timeout"):
        seconds = getattr(coordinator, name, None)
        if seconds is not None and seconds < 1:
            raise ValueError(f"{name} is less than 1 second")


def _fail_at_once(coordinator: Any) -> None:
    """Let the client of Redis not retry by itself.

    It does so for seconds, and so hides the reason. tooz retries too, but
    without a delay.
    """
    make_client = coordinator._make_client

    def make(*args: Any) -> Any:
        client = make_client(*args)
        manager = getattr(client.connection_pool, "sentinel_manager", None)
        for each in (client, *getattr(manager, "sentinels", ())):
            # Old releases, which do not retry, have not.
            if hasattr(each, "set_retry"):
                from redis import backoff, retry

                each.set_retry(retry.Retry(backoff.NoBackoff(), 0))
        return client

    coordinator._make_client = make


def _client(coordinator: Any) -> Any:
    """Return the client of etcd or Redis, if it has any of them."""
    client = getattr(coordinator, "client", None)
    return client or getattr(coordinator, "_client", None)


def _disconnect(client: Any) -> None:
    """Close the connections, which tooz leaves to the garbage collection."""
    pool = getattr(client, "connection_pool", None)
    if pool is not None:
        pool.disconnect()
    session = getattr(client, "session", None)
    if session is not None:
        session.close()


def _default_options(url: urls.ServerUrl, seconds: float) -> dict[str, Any]:
    """Return the options that *url* leaves open, by the driver's names."""
    options: dict[str, Any] = {}
    # Whole seconds: old releases cut the rest off, and 0 is no time at all.
    timeout = max(1, math.ceil(seconds))
    if url.scheme == "redis":
        options = {
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
        }
    elif url.scheme.startswith("etcd3+") and "timeout" not in url.query:
        options = {
            "timeout": timeout,
            "lock_timeout": LEASE_SECONDS,
            "membership_timeout": LEASE_SECONDS,
        }
    return {key: options[key] for key in options if key not in url.query}
