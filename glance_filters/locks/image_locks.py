# SPDX-License-Identifier: Apache-2.0

"""Locks of images."""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable

from oslo_log import log as logging

from glance_filters.locks import (
    backend,
    breaker,
    errors,
    folder,
    names,
    process,
    waiting,
)

LOG = logging.getLogger(__name__)

# How long the threads of a process may pass a lock on to each other. Then
# the next in line has a chance, for as long as it may take to try.
_ROW_SECONDS = 0.25
_CHANCE_SECONDS = 2 * waiting.MAX_NEXT_SECONDS

_PROBE = b"glance-filters-probe"

# Kinds of database that SQLAlchemy knows, and that have locks.
_DATABASES = ("mysql", "mariadb", "postgresql")


class Held:
    """A lock that is held, until it is released or the ``with`` ends.

    It may be released by any thread of the process. In a process that was
    forked meanwhile it is not held.
    """

    def __init__(self, release: Callable[[], None]) -> None:
        self._release: Callable[[], None] | None = release
        self._guard = threading.Lock()
        self._process = os.getpid()

    def release(self) -> None:
        """Release the lock; do nothing if that was done before."""
        if os.getpid() != self._process:
            return
        with self._guard:
            release, self._release = self._release, None
        if release is not None:
            release()

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


class ImageLocks:
    """The locks of all images, by whom they are shared with.

    It may be made before a server forks its workers: nothing is opened,
    sent or started before a process asks for its first lock.

    :param url: ``file:///FOLDER`` for the processes of one host; a URL of
        tooz (``redis://``, ``etcd3+http://``, ...) or of a database
        (``mysql+pymysql://``, ``postgresql://``, ...) for several hosts;
        nothing for the threads of this process. The log says which it is,
        and that a folder cannot be used.
    :param timeout: how long to wait while others hold the lock, in seconds
    :param server_timeout: how long to wait for an answer of the server, in
        seconds, however short the wait for the lock
    :param max_waiters: how many threads of this process may wait for one
        image
    :param retry_seconds: how long after a failure no further request is
        sent to a server; a folder is always tried
    :raises ValueError: the URL cannot be used, or a library is missing for it
    """

    def __init__(
        self,
        url: str,
        timeout: float,
        server_timeout: float = 3.0,
        max_waiters: int = 8,
        retry_seconds: float = 5.0,
    ) -> None:
        self._timeout = timeout
        self._max_waiters = max_waiters
        # To try a folder costs nothing.
        is_folder = url.startswith("file:")
        self._has_lines = is_folder
        self._retry_seconds = 0 if is_folder else retry_seconds
        self._make_backend = _backend_maker(url, server_timeout)
        self._backends: dict[int, breaker.Breaker] = {}
        # Now, so that a wrong URL is known at once.
        self._backend()

    def deadline(self) -> float:
        """Return until when one who begins to wait now may wait.

        :returns: by ``time.monotonic()``
        """
        return time.monotonic() + self._timeout

    def acquire(
        self,
        image_id: str,
        is_patient: bool = False,
        deadline: float | None = None,
    ) -> Held:
        """Wait for the lock of an image, and return it.

        It is not reentrant. Threads of this process get it in the order in
        which they asked.

        :param image_id: as Glance writes it, see :func:`.names.lock_name`
        :param is_patient: whether to wait however many wait already
        :param deadline: :meth:`deadline` of a request that waits for several
            locks; that of now by default
        :raises LockTimeout: it was held by others for all of the time
        :raises TooManyWaiters: too many wait for it already
        :raises LockUnavailable: the server does not answer, or with an error,
            or did so some seconds ago; or the folder cannot be used
        """
        if deadline is None:
            deadline = self.deadline()
        name = names.lock_name(image_id)
        # First: between the threads of a process, drivers are not to be
        # relied on, and only one of them need ask the server.
        most = sys.maxsize if is_patient else self._max_waiters
        process.acquire(name, deadline - time.monotonic(), most)
        try:
            release = self._acquire_from_backend(name, deadline)
        except BaseException:
            process.release(name)
            raise
        return Held(functools.partial(_release_both, release, name))

    def try_acquire(self, name: bytes) -> Held | None:
        """Return the lock *name* if it is free now.

        :param name: lower-case ASCII letters, digits and hyphens
        :returns: None if another owner holds it
        :raises LockTimeout: nobody can tell yet
        :raises LockUnavailable: as :meth:`acquire`
        """
        if not process.try_acquire(name):
            return None
        release = None
        try:
            made = self._backend()
            if made is not None:
                release = made.try_lock(name)
        except BaseException:
            process.release(name)
            raise
        if made is not None and release is None:
            process.release(name)
            return None
        return Held(functools.partial(_release_both, release, name))

    def check(self) -> str | None:
        """Return why no lock can be acquired now; None if one can.

        It asks the server, for ``server_timeout`` at most.
        """
        try:
            held = self.try_acquire(_PROBE)
        except errors.LockTimeout:
            # They are held, so they work.
            return None
        except errors.LockUnavailable as error:
            return str(error)
        if held is not None:
            held.release()
        return None

    def close(self) -> None:
        """Close connections and end threads; wait for that for a while.

        Locks that are held stay held, and keep what they need until they are
        released.
        """
        made = self._backends.pop(os.getpid(), None)
        if made is not None:
            made.close()

    def _acquire_from_backend(
        self, name: bytes, deadline: float
    ) -> Callable[[], None] | None:
        made = self._backend()
        if made is None:
            return None
        if (
            # Where there are lines, others have their chance each time.
            not self._has_lines and process.held_in_a_row(name) > _ROW_SECONDS
        ):
            time.sleep(_CHANCE_SECONDS)
            process.begin_row(name)
        return waiting.wait(made, name, deadline)

    def _backend(self) -> breaker.Breaker | None:
        """Return the backend of this process.

        One that was forked has a connection of its own, and none of the
        threads of its parent.
        """
        if self._make_backend is None:
            return None
        here = os.getpid()
        if here not in self._backends:
            made = breaker.Breaker(self._make_backend(), self._retry_seconds)
            # Atomic, unlike a lock that might be held at the fork.
            self._backends.setdefault(here, made)
        return self._backends[here]


def _release_both(release: Callable[[], None] | None, name: bytes) -> None:
    try:
        if release is not None:
            release()
    finally:
        process.release(name)


def _backend_maker(
    url: str, server_timeout: float
) -> Callable[[], backend.Backend] | None:
    if not url:
        LOG.warning(
            "Images are locked within each process only: there is no "
            "coordination URL"
        )
        return None
    # Not the URL in any message: it may hold a password.
    scheme = url.partition(":")[0]
    if scheme == "file":
        return _folder_maker(url)
    kind = scheme.partition("+")[0]
    library = "sqlalchemy" if kind in _DATABASES else "tooz"
    if importlib.util.find_spec(library) is None:
        extra = "database" if kind in _DATABASES else "coordination"
        raise ValueError(
            f"locks by {scheme!r} need {library}: install "
            f"glance-filters[{extra}]"
        )
    LOG.info("Images are locked between hosts, by %s", scheme)
    if kind in _DATABASES:
        from glance_filters.locks import database

        return functools.partial(database.make, url, server_timeout)
    from glance_filters.locks import coordinator

    return functools.partial(coordinator.make, url, server_timeout)


def _folder_maker(url: str) -> Callable[[], backend.Backend]:
    split = urllib.parse.urlsplit(url)
    if not split.path.startswith("/") or split.netloc:
        raise ValueError(f"no absolute path in {url!r}")
    LOG.info(
        "Images are locked between the processes of this host, by a file in "
        "%s",
        split.path,
    )
    locks = folder.FolderLocks(split.path)
    try:
        locks.check()
    except errors.LockUnavailable as error:
        LOG.warning("Images cannot be locked: %s", error)
    return lambda: locks
