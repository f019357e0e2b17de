# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from unittest import mock

import fixtures
import testtools

from glance_filters.locks import errors, threads, waiting

NAME = b"name"
START = 1000.0
PATIENT_SECONDS = 30


class FakeBackend:
    """A lock that another process holds until it is *free_at*.

    :ivar has_lines: whether there is a line
    :ivar place: whether this process is the next
    :ivar is_gone: whether the place is in a file that was removed
    """

    def __init__(self, clock: Callable[[], float], free_at: float) -> None:
        self._clock = clock
        self._free_at = free_at
        self.has_lines = False
        self.is_taken = False
        self.is_gone = False
        self.place = False
        self.leave_error: BaseException | None = None
        self.error: errors.LockUnavailable | None = None
        self.may_leave = threading.Event()
        self.may_leave.set()
        self.has_left = threading.Event()
        self.is_held = False
        self.tries: list[bool] = []
        self.lined_up: list[float] = []

    def try_lock(
        self, name: bytes, is_next: bool = False
    ) -> Callable[[], None] | None:
        self.tries.append(is_next)
        if self.error is not None and is_next:
            raise self.error
        if self.is_gone and is_next:
            raise errors.LockTimeout("removed")
        self.is_held = self._clock() >= self._free_at
        return self.release if self.is_held else None

    def line_up(self, name: bytes) -> Callable[[], None] | None:
        self.lined_up.append(self._clock())
        if not self.has_lines or self.is_taken:
            return None
        self.place = True
        return self.leave

    def release(self) -> None:
        self.is_held = False

    def leave(self) -> None:
        if self.leave_error is not None:
            raise self.leave_error
        self.may_leave.wait(PATIENT_SECONDS)
        # Nobody makes it anew before.
        self.place = self.is_gone = False
        self.has_left.set()

    def close(self) -> None:
        pass


class WaitingTest(testtools.TestCase):
    """The time is that of the test."""

    def setUp(self) -> None:
        super().setUp()
        self.now = START
        self.useFixture(fixtures.MockPatch("time.monotonic", self.clock))
        self.useFixture(fixtures.MockPatch("time.sleep", self.sleep))

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def make(self, seconds: float) -> FakeBackend:
        return FakeBackend(self.clock, START + seconds)

    def test_without_a_line_the_tries_become_rare(self) -> None:
        backend = self.make(10)
        self.assertEqual(
            backend.release, waiting.wait(backend, NAME, START + 20)
        )
        self.assertLess(self.now, START + 10 + waiting.MAX_DELAY_SECONDS)
        self.assertLess(len(backend.tries), 50)
        self.assertEqual({False}, set(backend.tries))

    def test_the_next_in_line_is_served_at_once(self) -> None:
        for seconds in (0.05, 0.4, 0.6, 1.0):
            self.now = START
            backend = self.make(seconds)
            backend.has_lines = True
            waiting.wait(backend, NAME, START + 20)
            latest = START + seconds + waiting.MAX_NEXT_SECONDS
            self.assertLess(self.now, latest)
            self.assertEqual({True}, set(backend.tries[1:]))
            # A server is asked 50 times in a second at most.
            self.assertLess(len(backend.tries), 60)
            self.assertFalse(backend.place)

    def test_a_place_in_what_was_removed_is_left(self) -> None:
        backend = self.make(1)
        backend.has_lines = backend.is_gone = True
        waiting.wait(backend, NAME, START + 20)
        self.assertFalse(backend.is_gone)
        self.assertEqual([False, True, False], backend.tries[:3])
        self.assertEqual({True}, set(backend.tries[3:]))
        self.assertLess(self.now, START + 1 + waiting.MAX_NEXT_SECONDS)
        self.assertFalse(backend.place)

    def test_a_line_with_somebody_else_in_it(self) -> None:
        backend = self.make(1)
        backend.has_lines = backend.is_taken = True
        waiting.wait(backend, NAME, START + 20)
        self.assertEqual({False}, set(backend.tries))

    def test_in_vain(self) -> None:
        for has_lines in (True, False):
            for seconds in (0, 0.5):
                backend = self.make(10)
                backend.has_lines = has_lines
                self.now = START
                self.assertRaises(
                    errors.LockTimeout,
                    waiting.wait,
                    *(backend, NAME, START + seconds),
                )
                self.assertEqual(START + seconds, self.now)
                self.assertFalse(backend.place)
                # Not for nothing, when the time is over.
                self.assertNotIn(self.now, backend.lined_up)

    def test_no_wait_for_a_place_when_the_server_hangs(self) -> None:
        """One time-out is enough."""
        for thread_error in (None, RuntimeError("can't start new thread")):
            backend = self.make(1)
            backend.has_lines = True
            backend.error = errors.LockUnavailable("no answer")
            with contextlib.ExitStack() as stack:
                if thread_error is None:
                    backend.may_leave.clear()
                else:
                    patch = mock.patch.object(
                        threads, "start", side_effect=thread_error
                    )
                    stack.enter_context(patch)
                self.assertRaises(
                    errors.LockUnavailable,
                    waiting.wait,
                    *(backend, NAME, START + 20),
                )
            self.assertEqual(thread_error is None, backend.place)
            backend.may_leave.set()
            self.assertTrue(backend.has_left.wait(PATIENT_SECONDS))

    def test_interrupted_while_the_place_is_left(self) -> None:
        """By a time-out of eventlet, for example: nobody has the lock then."""
        backend = self.make(1)
        backend.has_lines = True
        backend.leave_error = KeyboardInterrupt()
        self.assertRaises(
            KeyboardInterrupt, waiting.wait, backend, NAME, START + 20
        )
        self.assertFalse(backend.is_held)
