# SPDX-License-Identifier: Apache-2.0

"""Locks between the processes of one host: one file in a folder.

Each lock is a lock of one byte of the file, at an offset that its name gives,
so the file stays empty however many images there are. The kernel releases the
locks of a process that ends, in whatever way.

Someone may remove the file or its folder, a job that tidies up for example,
and the next one makes them anew. Then who holds a lock in the former file and
who asks for it in the new one would not know of each other. So whoever holds
a lock also holds a shared lock of the folder around, the anchor, and who makes
a file needs an exclusive lock of that: there is no new file before the last
lock in the former one is released.

Who waits for a lock tries again and again, and would starve beside processes
that pass it on among their threads. So one of them is the next in line, which
is a lock of another byte: all others leave the lock to that process.

The locks are those of open files (F_OFD_SETLK), as a process loses those of
fcntl(2) when it closes another descriptor of the file. tooz has a driver for
lock files too; it leaves one file behind for every image.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import struct
import time
from collections.abc import Callable

from oslo_log import log as logging

from glance_filters.locks import errors

LOG = logging.getLogger(__name__)

_FILE_NAME = "image-locks"

# The service's own: whoever may write there can break the locks.
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_OPEN_FILE = os.O_RDWR | os.O_NOFOLLOW

# struct flock of fcntl(2): type, whence, start, length, process; padded.
_FLOCK = "hhqqi0q"

# Behind the name of a lock: that of the place of who is next in line for it.
_NEXT = b" next"

# The file is made in microseconds; who holds a lock may take minutes.
_MAKE_SECONDS = 0.1
_PAUSE_SECONDS = 0.001

# Descriptors that this process has open.
_descriptors: set[int] = set()


class FolderLocks:
    """Locks by a file in *folder*, an absolute path.

    The folder is made when it is missing, for this user alone.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._parent = os.path.dirname(folder)

    def try_lock(
        self, name: bytes, is_next: bool = False
    ) -> Callable[[], None] | None:
        """Acquire the lock *name* if it is free, and return its release.

        :param is_next: whether this process is the next in line; if not, and
            another one is, the lock is left to that
        :raises LockTimeout: the file was removed, and locks in it are held
        :raises LockUnavailable: the folder or file cannot be used
        """
        with contextlib.ExitStack() as stack:
            try:
                file = self._open_current(stack)
                is_locked = (
                    is_next or not _is_locked(file, name + _NEXT)
                ) and _lock_byte(file, name)
            except OSError as error:
                raise self._unavailable(error) from error
            return stack.pop_all().close if is_locked else None

    def line_up(self, name: bytes) -> Callable[[], None] | None:
        """Become the next in line for a lock; the place is a lock too."""
        return self.try_lock(name + _NEXT, is_next=True)

    def check(self) -> None:
        """Look whether the folder can be used or made; make nothing.

        :raises LockUnavailable: it cannot
        """
        path = self._folder
        try:
            while not os.path.lexists(path):
                path = os.path.dirname(path)
            with contextlib.ExitStack() as stack:
                if path == self._folder:
                    self._open_folder(stack)
            if not os.access(path, os.W_OK | os.X_OK, effective_ids=True):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise self._unavailable(error) from error

    def close(self) -> None:
        """Do nothing: nothing is open but for locks that are held."""

    def _unavailable(self, error: OSError) -> errors.LockUnavailable:
        return errors.LockUnavailable(
            f"lock folder {self._folder}: {error.strerror}"
        )

    def _open_current(self, stack: contextlib.ExitStack) -> int:
        """Return the file, while the anchor has a shared lock."""
        end = time.monotonic() + _MAKE_SECONDS
        tries = 0
        while True:
            tries += 1
            with contextlib.ExitStack() as attempt:
                path = self._anchor()
                anchor = _open(attempt, path, _OPEN_FOLDER)
                if _flock(anchor, fcntl.LOCK_SH) and _is_at(anchor, path):
                    try:
                        file = self._open_file(attempt, 0)
                    except FileNotFoundError:
                        if _flock(anchor, fcntl.LOCK_EX):
                            # Or not, if it is removed meanwhile.
                            with contextlib.suppress(FileNotFoundError):
                                self._make()
                    else:
                        attempt.callback(_warn_if_moved, anchor, path)
                        stack.push(attempt.pop_all())
                        return file
            # A slow disk may take all of the time to make the file.
            if tries > 2 and time.monotonic() > end:
                raise errors.LockTimeout(
                    f"{self._folder} was removed while locks in it are held"
                )
            time.sleep(_PAUSE_SECONDS)

    def _anchor(self) -> str:
        """Return the folder whose lock keeps others from making a file.

        It is the one around the folder of locks, which that is removed from;
        but not where everybody may write, as in /tmp: who likes can lock that.
        """
        try:
            is_open = os.stat(self._parent).st_mode & stat.S_IWOTH
        except FileNotFoundError:
            os.makedirs(self._parent, exist_ok=True)
            return self._anchor()
        if not is_open and os.access(
            self._parent, os.R_OK, effective_ids=True
        ):
            return self._parent
        self._make_folder()
        return self._folder

    def _make(self) -> None:
        self._make_folder()
        with contextlib.ExitStack() as stack:
            self._open_file(stack, os.O_CREAT)

    def _make_folder(self) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._folder, _FOLDER_MODE)

    def _open_file(self, stack: contextlib.ExitStack, flags: int) -> int:
        folder = self._open_folder(stack)
        return _open(stack, _FILE_NAME, _OPEN_FILE | flags, folder)

    def _open_folder(self, stack: contextlib.ExitStack) -> int:
        """Open the folder, in which nobody else may replace the file.

        In a folder like /tmp, someone may have made it before the service did.

        :raises LockUnavailable: if somebody else could
        """
        folder = _open(stack, self._folder, os.O_PATH | os.O_NOFOLLOW)
        status = os.fstat(folder)
        if (
            not stat.S_ISDIR(status.st_mode)
            or status.st_uid not in (0, os.geteuid())
            or status.st_mode & stat.S_IWOTH
        ):
            raise errors.LockUnavailable(
                f"{self._folder} is not safe for locks: it must be a folder "
                "of the service's user or of root that nobody else may write"
            )
        return folder


def _flock(folder: int, operation: int) -> bool:
    """Lock an open folder; return False if others lock it otherwise."""
    try:
        fcntl.flock(folder, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _request_of(name: bytes) -> bytes:
    """Return the request for a lock of the byte of *name*."""
    digest = hashlib.sha256(name).digest()
    # Within the positive range of an off_t.
    offset = int.from_bytes(digest[:8], "big") >> 2
    return struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, offset, 1, 0)


def _lock_byte(file: int, name: bytes) -> bool:
    """Lock the byte of *name*; return False if another file has it locked."""
    try:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, _request_of(name))
    except BlockingIOError:
        return False
    return True


def _is_locked(file: int, name: bytes) -> bool:
    """Return True if another open file has the byte of *name* locked."""
    found: bytes = fcntl.fcntl(file, fcntl.F_OFD_GETLK, _request_of(name))
    kind: int = struct.unpack(_FLOCK, found)[0]
    return kind != fcntl.F_UNLCK


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _warn_if_moved(anchor: int, path: str) -> None:
    if not _is_at(anchor, path):
        LOG.warning(
            "An image lock may have been lost while it was held: %s was "
            "removed or replaced",
            path,
        )


def _open(
    stack: contextlib.ExitStack,
    path: str,
    flags: int,
    folder: int | None = None,
) -> int:
    """Open *path* until the end of *stack*, or a fork."""
    descriptor = os.open(path, flags | os.O_CLOEXEC, _FILE_MODE, dir_fd=folder)
    _descriptors.add(descriptor)
    stack.callback(_close, descriptor)
    return descriptor


def _close(descriptor: int) -> None:
    _descriptors.discard(descriptor)
    os.close(descriptor)


def _forget() -> None:
    """Close what a forked process inherited: it would stay locked there."""
    while _descriptors:
        with contextlib.suppress(OSError):
            os.close(_descriptors.pop())


os.register_at_fork(after_in_child=_forget)
