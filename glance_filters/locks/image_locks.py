# SPDX-License-Identifier: Apache-2.0

"""Locks of images."""

from __future__ import annotations

import functools
import importlib.util
import os
import threading
import time
import urllib.parse
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from oslo_log import log as logging

from glance_filters.locks import errors, folder, names, process

LOG = logging.getLogger(__name__)

# How long to wait before the next try of a lock that another process holds,
# in seconds: twice as long each time.
_FIRST_DELAY_SECONDS = 0.01
_MAX_DELAY_SECONDS = 0.25


class Backend(Protocol):
    """Locks between processes.

    It need not know of threads: a process asks for a lock once at a time.
    """

    def try_lock(
        self, name: bytes, deadline: float
    ) -> Callable[[], None] | None:
        """Take the lock *name* if it is free, and return what lets it go."""

    def close(self) -> None:
        """Let go of what is not needed for locks that are held."""


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
        """Let go of the lock; do nothing if that was done before."""
        if os.getpid() != self._process:
            return
        with self._guard:
            release, self._release = self._release, None
        if release is not None:
            release()

    def __enter__(self) -> Held:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class ImageLocks:
    """The locks of all images, by whom they are shared with.

    It may be made before a server forks its workers: nothing is opened,
    sent or started before a process asks for its first lock.

    :param url: ``file:///FOLDER`` for the processes of one host, a URL of
        tooz (``redis://``, ``etcd3+http://``, ...) for several hosts, or
        nothing for the threads of this process. The log says which it is.
    :param timeout: how long to wait for a lock, in seconds, at most (half a
        second less, when another process holds it); also how long to wait for
        an answer when one is released
    :raises ValueError: the URL cannot be used, or tooz is missing for it
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._timeout = timeout
        self._make_backend = _backend_maker(url, timeout)
        self._backends: dict[int, Backend] = {}
        if self._make_backend is not None:
            # Now, so that a wrong URL is known at once.
            self._backends[os.getpid()] = self._make_backend()

    def acquire(self, image_id: str) -> Held:
        """Wait for the lock of an image, and return it.

        It is not reentrant.

        :raises LockTimeout: another one held it for all of the time
        :raises LockUnavailable: the lock server gave no answer in this time,
            or an error, or the folder cannot be used
        """
        deadline = time.monotonic() + self._timeout
        name = names.lock_name(image_id)
        # First: between the threads of a process, drivers are not to be
        # relied on, and only one of them need ask the server.
        if not process.acquire(name, self._timeout):
            raise errors.LockTimeout("locked by this process")
        try:
            release = self._acquire_from_backend(name, deadline)
        except BaseException:
            process.release(name)
            raise
        return Held(functools.partial(_release_both, release, name))

    def try_acquire(self, name: bytes) -> Held | None:
        """Return the lock *name* if it is free now.

        :param name: lower-case ASCII letters, digits and hyphens
        :returns: None if another one holds it
        :raises LockUnavailable: as :meth:`acquire`
        """
        if not process.acquire(name, 0):
            return None
        try:
            backend = self._backend()
            if backend is None:
                return Held(functools.partial(_release_both, None, name))
            deadline = time.monotonic() + self._timeout
            release = backend.try_lock(name, deadline)
        except BaseException:
            process.release(name)
            raise
        if release is None:
            process.release(name)
            return None
        return Held(functools.partial(_release_both, release, name))

    def close(self) -> None:
        """Let go of the lock server. Locks that are held stay held."""
        backend = self._backends.pop(os.getpid(), None)
        if backend is not None:
            backend.close()

    def _acquire_from_backend(
        self, name: bytes, deadline: float
    ) -> Callable[[], None] | None:
        backend = self._backend()
        if backend is None:
            return None
        delay = _FIRST_DELAY_SECONDS
        while True:
            release = backend.try_lock(name, deadline)
            if release is not None:
                return release
            # As much is left for the answer to the next try: one that came
            # too late would not tell a lock from a dead server.
            if deadline - time.monotonic() < 2 * delay:
                raise errors.LockTimeout("locked by another process")
            time.sleep(delay)
            delay = min(2 * delay, _MAX_DELAY_SECONDS)

    def _backend(self) -> Backend | None:
        """Return the backend of this process.

        One that was forked has a connection of its own, and none of the
        threads of its parent.
        """
        if self._make_backend is None:
            return None
        here = os.getpid()
        if here not in self._backends:
            # Atomic, unlike a lock that might be held at the fork.
            self._backends.setdefault(here, self._make_backend())
        return self._backends[here]


def _release_both(release: Callable[[], None] | None, name: bytes) -> None:
    try:
        if release is not None:
            release()
    finally:
        process.release(name)


def _backend_maker(url: str, timeout: float) -> Callable[[], Backend] | None:
    if not url:
        LOG.warning(
            "Images are locked within each process only: there is no "
            "coordination URL"
        )
        return None
    split = urllib.parse.urlsplit(url)
    if split.scheme == "file":
        if not split.path.startswith("/") or split.netloc:
            raise ValueError(f"no absolute path in {url!r}")
        LOG.info(
            "Images are locked between the processes of this host, by files "
            "in %s",
            split.path,
        )
        return functools.partial(folder.FolderLocks, split.path)
    if importlib.util.find_spec("tooz") is None:
        # Not the URL: it may hold a password.
        raise ValueError(
            f"locks by {split.scheme!r} need tooz: install "
            "glance-filters[coordination]"
        )
    from glance_filters.locks import coordinator

    LOG.info("Images are locked between hosts, by %s", split.scheme)
    return functools.partial(coordinator.CoordinatorLocks, url, timeout)
