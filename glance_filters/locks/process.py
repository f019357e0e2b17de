# SPDX-License-Identifier: Apache-2.0

"""Locks between the threads of this process."""

from __future__ import annotations

import os
import threading


class _Entry:
    """A lock and the number of those who hold it or wait for it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0


_guard = threading.Lock()
_entries: dict[bytes, _Entry] = {}


def acquire(name: bytes, seconds: float) -> bool:
    """Take the lock *name*; return False if it is not free in *seconds*.

    There is no owner: any thread may let go of it.
    """
    with _guard:
        entry = _entries.setdefault(name, _Entry())
        entry.users += 1
    got = False
    try:
        got = entry.lock.acquire(timeout=max(0.0, seconds))
    finally:
        if not got:
            _leave(name, entry)
    return got


def release(name: bytes) -> None:
    """Let go of the lock *name*, which must be held."""
    entry = _entries[name]
    entry.lock.release()
    _leave(name, entry)


def count() -> int:
    """Return the number of locks that are held or waited for."""
    return len(_entries)


def _leave(name: bytes, entry: _Entry) -> None:
    with _guard:
        entry.users -= 1
        if not entry.users:
            del _entries[name]


def _forget() -> None:
    """Start anew in a forked process, which has none of the threads."""
    global _guard
    _guard = threading.Lock()
    _entries.clear()


os.register_at_fork(after_in_child=_forget)
