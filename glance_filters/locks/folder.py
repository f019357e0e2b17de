# SPDX-License-Identifier: Apache-2.0

"""Locks between the processes of one host: locked files in a folder.

The file of a lock exists while someone holds the lock, so that the folder
does not grow with the number of images. tooz has a driver for lock files, but
leaves one behind for every image, and lets a process lose a lock without
notice when it closes another descriptor of the file: its locks are those of
fcntl(2), which belong to the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import stat
from collections.abc import Callable

from oslo_log import log as logging

from glance_filters.locks import errors

LOG = logging.getLogger(__name__)

# The service's own: whoever may write there can break the locks.
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600

_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

# Descriptors of the lock files that this process holds.
_descriptors: set[int] = set()


class FolderLocks:
    """Locks by flock(2) of files in *folder*, an absolute path.

    The folder is made when it is missing, for this user alone. The kernel
    unlocks the files of a process that ends, in whatever way.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def try_lock(
        self, name: bytes, deadline: float
    ) -> Callable[[], None] | None:
        """Take the lock *name* if it is free, and return what lets it go.

        :param deadline: not used, as nothing here waits
        :raises LockUnavailable: the folder or file cannot be used
        """
        path = os.path.join(self._folder, name.decode())
        try:
            _check(self._folder)
            descriptor = self._open_locked(path)
        except OSError as error:
            raise errors.LockUnavailable(
                f"lock file in {self._folder}: {error.strerror}"
            ) from error
        if descriptor is None:
            return None
        _descriptors.add(descriptor)
        return functools.partial(_release, descriptor, path)

    def close(self) -> None:
        """Do nothing: locks that are held stay held."""

    def _open_locked(self, path: str) -> int | None:
        while True:
            try:
                descriptor = os.open(path, _OPEN, _FILE_MODE)
            except FileNotFoundError:
                os.makedirs(self._folder, _FOLDER_MODE, exist_ok=True)
                descriptor = os.open(path, _OPEN, _FILE_MODE)
            locked = False
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Its holder may have removed it since it was opened; then
                # the next one would lock another file of that name.
                locked = _is_at(descriptor, path)
            except BlockingIOError:
                return None
            finally:
                if not locked:
                    os.close(descriptor)
            if locked:
                return descriptor


def _check(folder: str) -> None:
    """Look whether nobody else can take a lock file away.

    In a folder like /tmp, someone may have made it before the service did.

    :raises LockUnavailable: if somebody else could
    """
    try:
        status = os.lstat(folder)
    except FileNotFoundError:
        os.makedirs(folder, _FOLDER_MODE, exist_ok=True)
        status = os.lstat(folder)
    if (
        not stat.S_ISDIR(status.st_mode)
        or status.st_uid not in (0, os.geteuid())
        or status.st_mode & stat.S_IWOTH
    ):
        raise errors.LockUnavailable(
            f"{folder} is not safe for lock files: it must be a folder of the "
            "service's user or of root that nobody else may write"
        )


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _release(descriptor: int, path: str) -> None:
    _descriptors.discard(descriptor)
    try:
        # While it is locked: afterwards it may be someone else's.
        if _is_at(descriptor, path):
            os.unlink(path)
    except OSError as error:
        LOG.warning(
            "The lock file %(path)s stays behind: %(error)s",
            {"path": path, "error": error},
        )
    finally:
        os.close(descriptor)


def _forget() -> None:
    """Close what a forked process inherited: it would stay locked there."""
    while _descriptors:
        with contextlib.suppress(OSError):
            os.close(_descriptors.pop())


os.register_at_fork(after_in_child=_forget)
