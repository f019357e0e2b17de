# SPDX-License-Identifier: Apache-2.0

"""Locks of a lock server, by a driver of tooz.

What a driver does when its server gives no answer is its own: some try again
for minutes, whatever time there is. So each call of a driver runs in a thread
of its own, which is left to itself when the time is over. What the drivers
have in common is a try that does not wait for the holder, so the waiting is
done by the caller.
"""

from __future__ import annotations

import functools
import math
import os
import socket
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable
from concurrent import futures
from typing import Any, TypeVar

from oslo_log import log as logging
from tooz import coordination

from glance_filters.locks import errors

LOG = logging.getLogger(__name__)

T = TypeVar("T")

# The lease of a lock, unless the URL says otherwise: a holder that died, or
# cannot reach the server, blocks others for as long. It is renewed when half
# of it is over. tooz' own default.
LEASE_SECONDS = 30

# Calls of the driver at a time. Each takes about a millisecond, unless the
# server gives no answer.
_MAX_CALLS = 32


class _Session:
    """A started coordinator, which keeps the leases of its locks alive.

    :ivar held: the number of its locks that are held
    :ivar retired: whether it is given up: no further lock is taken from it
    """

    def __init__(self, coordinator: coordination.CoordinationDriver) -> None:
        self.coordinator = coordinator
        self.held = 0
        self.retired = False


class CoordinatorLocks:
    """Locks of the server at *url*, for one process.

    Nothing is sent before the first lock is asked for.

    :param url: a URL of tooz
    :param timeout: how long to wait for the server to let go of a lock, in
        seconds
    :raises ValueError: tooz has no such driver, the library that the driver
        needs is missing, or the driver does not understand the URL
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._options = _default_options(url, timeout)
        self._calls = threading.BoundedSemaphore(_MAX_CALLS)
        self._starting = threading.Lock()
        self._guard = threading.Lock()
        self._session: _Session | None = None
        try:
            self._make()
        except Exception as error:  # whatever a driver raises
            scheme = urllib.parse.urlsplit(url).scheme
            # Not the URL: it may hold a password.
            raise ValueError(f"locks by {scheme!r}: {error}") from error

    def try_lock(
        self, name: bytes, deadline: float
    ) -> Callable[[], None] | None:
        """Take the lock *name* if it is free, and return what lets it go.

        :param deadline: when to give up, by ``time.monotonic()``
        :raises LockUnavailable: the server gives no answer, or an error
        """
        return self._call(
            functools.partial(self._try_lock, name, deadline),
            deadline,
            _let_go,
        )

    def close(self) -> None:
        """Let go of the server, once no lock is held any more."""
        with self._guard:
            session = self._session
        if session is not None:
            self._retire(session)

    def _make(self) -> coordination.CoordinationDriver:
        member = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}"
        return coordination.get_coordinator(
            self._url, member.encode(), **self._options
        )

    def _try_lock(
        self, name: bytes, deadline: float
    ) -> Callable[[], None] | None:
        session = self._use(deadline)
        try:
            lock = session.coordinator.get_lock(name)
            got = lock.acquire(blocking=False)
        except BaseException:
            self._leave(session)
            self._retire(session)
            raise
        if not got:
            self._leave(session)
            return None
        return functools.partial(self._release, session, lock)

    def _release(self, session: _Session, lock: Any) -> None:
        """Let go of *lock*; the lease does, where that is not possible."""
        try:
            was_held = self._call(
                lock.release, time.monotonic() + self._timeout
            )
        except errors.LockUnavailable as error:
            # Some drivers would renew its lease for ever.
            self._retire(session)
            LOG.warning(
                "A lock is left to its lease, the lock server cannot be "
                "told: %s",
                error,
            )
        else:
            if not was_held:
                self._retire(session)
                LOG.warning(
                    "A lock was lost while it was held: its lease ended, or "
                    "the lock server lost its data. Another process may have "
                    "changed the image at the same time."
                )
        finally:
            self._leave(session)

    def _use(self, deadline: float) -> _Session:
        """Return the session, started if need be, counted as used."""
        if not self._starting.acquire(timeout=_left(deadline)):
            raise errors.LockUnavailable("no connection in time")
        try:
            with self._guard:
                if self._session is not None:
                    self._session.held += 1
                    return self._session
            coordinator = self._make()
            coordinator.start(start_heart=True)
            session = _Session(coordinator)
            session.held = 1
            with self._guard:
                self._session = session
            return session
        finally:
            self._starting.release()

    def _retire(self, session: _Session) -> None:
        """Let the next lock be one of a new session.

        Its locks that others hold stay alive until they are let go.
        """
        with self._guard:
            if self._session is session:
                self._session = None
            was_retired, session.retired = session.retired, True
            ends = not session.held and not was_retired
        if ends:
            _end(session)

    def _leave(self, session: _Session) -> None:
        with self._guard:
            session.held -= 1
            ends = session.retired and not session.held
        if ends:
            _end(session)

    def _call(
        self,
        function: Callable[[], T],
        deadline: float,
        undo: Callable[[T], None] = lambda result: None,
    ) -> T:
        """Return what *function* does, or raise LockUnavailable.

        :param undo: called with a result that comes after the deadline
        """
        if not self._calls.acquire(timeout=_left(deadline)):
            raise errors.LockUnavailable("too many calls without an answer")
        future: futures.Future[T] = futures.Future()

        def run() -> None:
            try:
                result = function()
            except BaseException as error:
                self._calls.release()
                future.set_exception(error)
            else:
                self._calls.release()
                future.set_result(result)

        try:
            # A daemon, so that it does not keep the process from ending.
            threading.Thread(target=run, daemon=True).start()
        except RuntimeError as error:
            self._calls.release()
            raise errors.LockUnavailable(str(error)) from error
        try:
            return future.result(_left(deadline))
        except futures.TimeoutError:
            future.add_done_callback(functools.partial(_undo, undo))
            raise errors.LockUnavailable("no answer in time") from None
        except Exception as error:  # whatever a driver raises
            # Some have no text.
            text = str(error) or type(error).__name__
            raise errors.LockUnavailable(text) from error


def _default_options(url: str, timeout: float) -> dict[str, Any]:
    """Return the options that *url* leaves open, by the driver's names."""
    split = urllib.parse.urlsplit(url)
    given = urllib.parse.parse_qs(split.query)
    options: dict[str, Any] = {}
    if split.scheme == "redis":
        options = {
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
        }
    elif split.scheme.startswith("etcd3+") and "timeout" not in given:
        options = {
            "timeout": max(1, math.ceil(timeout)),
            "lock_timeout": LEASE_SECONDS,
            "membership_timeout": LEASE_SECONDS,
        }
    return {key: options[key] for key in options if key not in given}


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def _let_go(release: Callable[[], None] | None) -> None:
    if release is not None:
        release()


def _undo(undo: Callable[[T], None], future: futures.Future[T]) -> None:
    if future.exception() is None:
        undo(future.result())


def _end(session: _Session) -> None:
    """Stop renewing leases, and close the connection.

    In a thread, which waits until the server can be reached again, if need
    be: drivers go on with a heartbeat that fails.
    """
    session.coordinator.heart.stop()
    threading.Thread(target=_stop, args=[session], daemon=True).start()


def _stop(session: _Session) -> None:
    try:
        session.coordinator.stop()
    except Exception as error:  # whatever a driver raises
        LOG.debug("The coordinator did not stop: %s", error)
