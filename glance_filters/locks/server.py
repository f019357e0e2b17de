# SPDX-License-Identifier: Apache-2.0

"""Locks of a server, by one connection that is kept."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable
from typing import Protocol

from oslo_log import log as logging

from glance_filters.locks import errors, threads

LOG = logging.getLogger(__name__)

# Behind the name of a lock: that of the place of who is next in line for it.
_NEXT = b"-next"

# Until a release that failed is tried again.
_AGAIN_SECONDS = 5.0


class Connection(Protocol):
    """A connection to a lock server, used by several threads at a time."""

    def try_lock(self, name: bytes) -> Callable[[], bool] | None:
        """Acquire the lock *name* if it is free, and return its release.

        The release returns False if the lock was lost while it was held.
        """

    def close(self) -> None:
        """Close it, and end its threads. It holds no locks any more."""


class _Session:
    """A connection, and what it is used for.

    :ivar users: the number of its locks that are held or asked for
    :ivar has_worked: whether the server has answered
    :ivar is_retired: whether no further lock is acquired by it
    :ivar has_ended: whether its connection is closed, and its locks ended
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        # Who makes it.
        self.users = 1
        self.has_worked = False
        self.is_retired = False
        self.has_ended = threading.Event()

    def close(self) -> threading.Thread | None:
        """Close the connection; return what does so, if it takes long.

        No request waits for a server that does not answer.
        """
        self.has_ended.set()
        return threads.start_or_call(self.connection.close)


class ServerLocks:
    """Locks of a server, for one process.

    Nothing is sent before the first lock is asked for.

    :param connect: returns a new connection
    :param seconds: how long to wait for the server
    :param describe: the text of an error of the client library
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        seconds: float,
        describe: Callable[[BaseException], str],
    ) -> None:
        self._connect = connect
        self._seconds = seconds
        self._describe = describe
        self._calls = threads.BoundedCalls(seconds)
        self._connecting = threading.Lock()
        self._guard = threading.Lock()
        self._session: _Session | None = None

    def try_lock(
        self, name: bytes, is_next: bool = False
    ) -> Callable[[], None] | None:
        """Acquire the lock *name* if it is free, and return its release.

        :raises LockUnavailable: the server does not answer in time, or
            answers with an error
        """
        return self._call(
            lambda: self._try_lock(name),
            lambda release: None if release is None else release(),
        )

    def line_up(self, name: bytes) -> Callable[[], None] | None:
        """Become the next in line for a lock; the place is a lock too.

        Those who only try do not look there: each lock would cost the server
        one more question. The next one tries more often than all others.
        """
        return self.try_lock(name + _NEXT)

    def close(self) -> None:
        """Close the connection, once no lock is held by it any more."""
        self._calls.close()
        with self._guard:
            session = self._session
        ending = None if session is None else self._retire(session)
        if ending is not None:
            ending.join(self._seconds)

    def _try_lock(self, name: bytes) -> Callable[[], None] | None:
        session = self._use()
        has_worked = session.has_worked
        try:
            return self._lock_by(session, name)
        except Exception:  # whatever a client library raises
            if not has_worked:
                raise
        # The server may have closed an idle connection, or been restarted.
        return self._lock_by(self._use(), name)

    def _lock_by(
        self, session: _Session, name: bytes
    ) -> Callable[[], None] | None:
        try:
            release = session.connection.try_lock(name)
        except BaseException:
            self._retire(session)
            self._leave(session)
            raise
        session.has_worked = True
        if release is None:
            self._leave(session)
            return None
        return functools.partial(self._release, session, name, release)

    def _release(
        self, session: _Session, name: bytes, release: Callable[[], bool]
    ) -> None:
        was_held = False
        try:
            was_held = self._call(release)
            if not was_held:
                _warn(
                    name,
                    "An image lock was lost while it was held: its lease or "
                    "its connection ended, or the server lost its data. "
                    "Another process may have changed the image meanwhile.",
                )
        except errors.LockUnavailable as error:
            _warn(
                name,
                "An image lock could not be released, so it stays until its "
                "lease or its connection ends: %s",
                error,
            )
            again = functools.partial(_release_again, session, release)
            # If there are no threads: for as long as it was told.
            with contextlib.suppress(RuntimeError):
                threads.start(again)
        finally:
            if not was_held:
                # The connection might keep the lock alive for ever.
                self._retire(session)
            self._leave(session)

    def _use(self) -> _Session:
        """Return the session, connected if need be, with one more user."""
        if not self._connecting.acquire(timeout=self._seconds):
            raise errors.LockUnavailable(
                f"no connection within {self._seconds:g} s"
            )
        try:
            with self._guard:
                if self._session is not None:
                    self._session.users += 1
                    return self._session
            session = _Session(self._connect())
            with self._guard:
                self._session = session
            return session
        finally:
            self._connecting.release()

    def _retire(self, session: _Session) -> threading.Thread | None:
        """Acquire the next lock by a new session.

        :returns: what closes the connection; None if it is still used, or
            closed
        """
        with self._guard:
            if self._session is session:
                self._session = None
            ends = not session.is_retired and not session.users
            session.is_retired = True
        return session.close() if ends else None

    def _leave(self, session: _Session) -> None:
        with self._guard:
            session.users -= 1
            ends = session.is_retired and not session.users
        if ends:
            session.close()

    def _call(
        self,
        function: Callable[[], threads.T],
        undo: Callable[[threads.T], object] = lambda result: None,
    ) -> threads.T:
        try:
            return self._calls.call(function, undo)
        except errors.LockUnavailable:
            raise
        except Exception as error:  # whatever a client library raises
            # Not with its cause: that may tell a password.
            raise errors.LockUnavailable(self._describe(error)) from None


def _release_again(session: _Session, release: Callable[[], bool]) -> None:
    """Release a lock that the other locks of its session keep alive."""
    while not session.has_ended.wait(_AGAIN_SECONDS):
        with contextlib.suppress(Exception):
            release()
            return


def _warn(name: bytes, text: str, *values: object) -> None:
    # Nothing is done under a place in the line.
    if not name.endswith(_NEXT):
        LOG.warning(text, *values)
