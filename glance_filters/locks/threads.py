# SPDX-License-Identifier: Apache-2.0

"""Threads beside those of requests: for calls that may hang, and beats."""

from __future__ import annotations

import functools
import queue
import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import TypeVar

from oslo_log import log as logging

from glance_filters.locks import errors

LOG = logging.getLogger(__name__)

T = TypeVar("T")

_Task = Callable[[], None]

# Calls of a server at a time. Each takes about a millisecond, unless the
# server does not answer.
_MAX_CALLS = 32

# After a beat that failed.
_RETRY_SECONDS = 1.0


class BoundedCalls:
    """Calls that are given up when they take too long.

    Client libraries retry for as long as they like, so calls run in threads
    of their own, and one that hangs is left to itself in the end. Threads are
    used again: what a library keeps for each thread must not pile up (libuuid
    leaves a file open, where it can write its state).

    :param seconds: how long a call may take
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._slots = threading.BoundedSemaphore(_MAX_CALLS)
        self._guard = threading.Lock()
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._idle = 0
        self._is_closed = False
        self._worker = threading.local()

    def call(
        self,
        function: Callable[[], T],
        undo: Callable[[T], object] = lambda result: None,
    ) -> T:
        """Return what *function* returns.

        :param undo: called with a result that comes too late, or for which
            nobody waits any more
        :raises LockUnavailable: it comes too late, or there are too many
            calls without an answer, or no thread can be started
        """
        if getattr(self._worker, "is_this", False):
            # The undo of a late result: when a server answers again, there
            # may be as many of them as there are slots.
            return function()
        deadline = time.monotonic() + self._seconds
        if not self._slots.acquire(timeout=self._seconds):
            raise errors.LockUnavailable("too many calls without an answer")
        future: futures.Future[T] = futures.Future()
        is_given_up = True
        try:
            self._start(functools.partial(_fulfil, future, function))
            futures.wait([future], max(0.0, deadline - time.monotonic()))
            is_given_up = not future.done()
        finally:
            # Also for an interrupt, such as a time-out of eventlet.
            if is_given_up:
                future.add_done_callback(lambda late: _undo(undo, late))
        if not is_given_up:
            return future.result()
        raise errors.LockUnavailable(f"no answer within {self._seconds:g} s")

    def close(self) -> None:
        """End the threads that have nothing to do, and the others then."""
        with self._guard:
            self._is_closed = True
            for _ in range(self._idle):
                self._tasks.put(None)
            self._idle = 0

    def _start(self, task: _Task) -> None:
        with self._guard:
            if self._idle:
                self._idle -= 1
                self._tasks.put(task)
                return
        try:
            start(functools.partial(self._work, task))
        except RuntimeError as error:
            self._slots.release()
            raise errors.LockUnavailable(str(error)) from error

    def _work(self, task: _Task | None) -> None:
        self._worker.is_this = True
        while task is not None:
            task()
            with self._guard:
                self._slots.release()
                if self._is_closed:
                    return
                self._idle += 1
            task = self._tasks.get()


class Heart:
    """A thread that calls *beat* until it is stopped.

    :param beat: returns the seconds until the next call; one that raises is
        called again after a second, and the log tells the first time
    :param describe: the text of an error, for the log
    """

    def __init__(
        self,
        beat: Callable[[], float],
        describe: Callable[[BaseException], str],
    ) -> None:
        self._beat = beat
        self._describe = describe
        self._stopped = threading.Event()
        self._thread = start(self._run)

    def stop(self, seconds: float) -> None:
        """Beat no more, and wait *seconds* for the beat under way."""
        self._stopped.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        delay, fails = 0.0, False
        while not self._stopped.wait(delay):
            try:
                delay = self._beat()
            except Exception as error:  # whatever a client library raises
                delay = _RETRY_SECONDS
                if not fails and not self._stopped.is_set():
                    LOG.warning(
                        "Image locks cannot be kept alive now: %s",
                        self._describe(error),
                    )
                fails = True
            else:
                fails = False


def start_or_call(function: Callable[[], object]) -> threading.Thread | None:
    """Run *function* in a thread, or here if there is none to be had."""
    try:
        return start(function)
    except RuntimeError:
        function()
        return None


def start(function: Callable[[], object]) -> threading.Thread:
    """Run *function* in a thread that does not keep the process alive."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def _fulfil(future: futures.Future[T], function: Callable[[], T]) -> None:
    try:
        future.set_result(function())
    except BaseException as error:
        future.set_exception(error)


def _undo(undo: Callable[[T], object], future: futures.Future[T]) -> None:
    if future.exception() is None:
        undo(future.result())
