# SPDX-License-Identifier: Apache-2.0

"""A circuit breaker: a backend that fails is left alone for some seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from oslo_log import log as logging

from glance_filters.locks import backend, errors

LOG = logging.getLogger(__name__)


class Breaker:
    """Locks of *wrapped*, which is not asked again soon after it failed.

    The log tells when it fails and when it works again, once each.

    :param retry_seconds: how long after a failure every request for a lock
        fails at once; then one of them is let through to see
    :ivar outage: the reason why there are no locks; None while there are
    """

    def __init__(self, wrapped: backend.Backend, retry_seconds: float) -> None:
        self._wrapped = wrapped
        self._retry_seconds = retry_seconds
        self._guard = threading.Lock()
        self.outage: str | None = None
        # Of an outage only.
        self._retry_at: float
        self._line_up_at = 0.0

    def try_lock(
        self, name: bytes, is_next: bool = False
    ) -> Callable[[], None] | None:
        """Acquire the lock *name* if it is free, as the wrapped backend does.

        :raises LockUnavailable: also if it failed a short time ago
        """
        self._check_may_ask()
        try:
            release = self._wrapped.try_lock(name, is_next)
        except errors.LockUnavailable as error:
            self._set(str(error))
            raise
        except errors.LockTimeout:
            self._set(None)
            raise
        self._set(None)
        return release

    def line_up(self, name: bytes) -> Callable[[], None] | None:
        """Become the next in line, as with the wrapped backend.

        :returns: None also if that fails: the lock may be acquired without,
            and whether the backend works, the next try for it tells
        """
        if self.outage is not None or time.monotonic() < self._line_up_at:
            return None
        try:
            return self._wrapped.line_up(name)
        except errors.LockError as error:
            # Each failure may cost a connection.
            self._line_up_at = time.monotonic() + self._retry_seconds
            LOG.debug("No place in the line of an image lock: %s", error)
            return None

    def close(self) -> None:
        """Close the wrapped backend."""
        self._wrapped.close()

    def _check_may_ask(self) -> None:
        with self._guard:
            if self.outage is None:
                return
            now = time.monotonic()
            if now < self._retry_at:
                raise errors.LockUnavailable(self.outage)
            # This one is let through, and nobody else meanwhile.
            self._retry_at = now + self._retry_seconds

    def _set(self, outage: str | None) -> None:
        """Note that the backend fails, or with None that it works."""
        with self._guard:
            changes = (outage is None) != (self.outage is None)
            self.outage = outage
            if outage is not None:
                self._retry_at = time.monotonic() + self._retry_seconds
        if changes and outage is None:
            LOG.info("Image locks are available again")
        elif changes:
            LOG.warning("Image locks are unavailable: %s", outage)
