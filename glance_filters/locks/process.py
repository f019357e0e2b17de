# SPDX-License-Identifier: Apache-2.0

"""Locks between the threads of this process, first come, first served."""

from __future__ import annotations

import os
import threading
import time
from collections import deque

from glance_filters.locks import errors


class _Queue:
    """The holder of a lock, and behind it those who wait.

    :ivar since: when this process began to pass the lock from one of its
        threads to the next, by ``time.monotonic()``
    """

    def __init__(self) -> None:
        self.turns: deque[threading.Event] = deque()
        self.since = time.monotonic()


_guard = threading.Lock()
_queues: dict[bytes, _Queue] = {}


def acquire(name: bytes, seconds: float, max_waiters: int) -> None:
    """Acquire the lock *name*, or wait for it behind those who came before.

    It has no owner: any thread may release it.

    :param max_waiters: how many may wait, this one included
    :raises LockTimeout: it was not free within *seconds*
    :raises TooManyWaiters: it is not free, and *max_waiters* wait already
    """
    turn = threading.Event()
    with _guard:
        queue = _queues.setdefault(name, _Queue())
        # The first is the holder.
        if len(queue.turns) > max_waiters:
            raise errors.TooManyWaiters(
                f"held by this process, {max_waiters} wait already"
            )
        queue.turns.append(turn)
        if len(queue.turns) == 1:
            return
    has_turn = False
    try:
        # It may have come between the end of the wait and now.
        has_turn = turn.wait(max(0.0, seconds)) or turn.is_set()
    finally:
        if not has_turn:
            _leave(name, turn)
    if not has_turn:
        raise errors.LockTimeout("held by this process")


def try_acquire(name: bytes) -> bool:
    """Acquire the lock *name* if it is free; return False if it is not."""
    with _guard:
        if name in _queues:
            return False
        queue = _queues[name] = _Queue()
        queue.turns.append(threading.Event())
    return True


def release(name: bytes) -> None:
    """Release the lock *name*, which must be held, to who waits longest."""
    _leave(name, _queues[name].turns[0])


def held_in_a_row(name: bytes) -> float:
    """Return how long the threads of this process have had a lock in turns.

    :returns: seconds, since it was free here or :func:`begin_row` was called
    """
    return time.monotonic() - _queues[name].since


def begin_row(name: bytes) -> None:
    """Note that other processes had the chance to acquire a held lock."""
    _queues[name].since = time.monotonic()


def count() -> int:
    """Return the number of locks that are held or waited for."""
    return len(_queues)


def _leave(name: bytes, turn: threading.Event) -> None:
    with _guard:
        queue = _queues[name]
        queue.turns.remove(turn)
        if queue.turns:
            # Again, if it was not the holder who left.
            queue.turns[0].set()
        else:
            del _queues[name]


def _forget() -> None:
    """Start anew in a forked process, which has none of the threads."""
    global _guard
    _guard = threading.Lock()
    _queues.clear()


os.register_at_fork(after_in_child=_forget)
