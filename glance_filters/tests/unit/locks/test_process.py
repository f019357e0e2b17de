# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import threading
import time
from typing import Any
from unittest import mock

import testtools

from glance_filters.locks import errors, process

NAME = b"name"
PATIENT_SECONDS = 30


class ProcessTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(lambda: self.assertEqual(0, process.count()))

    def wait_for(self, waiters: int) -> None:
        """Wait until so many wait for the lock, beside its holder."""
        while len(process._queues[NAME].turns) <= waiters:
            time.sleep(0)

    def start(self, got: list[int], number: int) -> threading.Thread:
        """Acquire and release the lock in a thread, which notes that."""

        def work() -> None:
            process.acquire(NAME, PATIENT_SECONDS, 100)
            got.append(number)
            process.release(NAME)

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    def test_a_fork_in_the_middle_of_it(self) -> None:
        """Its parent's threads, which hold what they need, are not there."""
        process.acquire(NAME, 0, 0)
        with process._guard:
            process._forget()
            self.assertFalse(process._guard.locked())
        self.assertEqual(0, process.count())

    def test_first_come_first_served(self) -> None:
        got: list[int] = []
        process.acquire(NAME, 0, 0)
        threads = []
        for number in range(20):
            threads.append(self.start(got, number))
            self.wait_for(number + 1)
        process.release(NAME)
        for thread in threads:
            thread.join()
        self.assertEqual(list(range(20)), got)

    def test_who_releases_is_behind_those_who_wait(self) -> None:
        got: list[int] = []
        process.acquire(NAME, 0, 0)
        thread = self.start(got, 1)
        self.wait_for(1)
        process.release(NAME)
        process.acquire(NAME, PATIENT_SECONDS, 100)
        self.assertEqual([1], got)
        process.release(NAME)
        thread.join()

    def test_names_apart(self) -> None:
        process.acquire(NAME, 0, 0)
        process.acquire(b"other", 0, 0)
        self.assertEqual(2, process.count())
        process.release(b"other")
        process.release(NAME)

    def test_timed_out(self) -> None:
        process.acquire(NAME, 0, 0)
        for seconds in (0, -1, 0.01):
            error = self.assertRaises(
                errors.LockTimeout, process.acquire, NAME, seconds, 1
            )
            self.assertNotIsInstance(error, errors.TooManyWaiters)
        process.release(NAME)

    def test_how_long_it_waits(self) -> None:
        process.acquire(NAME, 0, 0)
        for seconds, expected in ((2.5, 2.5), (0, 0), (-1, 0)):
            with mock.patch.object(
                threading.Event, "wait", return_value=False
            ) as wait:
                self.assertRaises(
                    errors.LockTimeout, process.acquire, NAME, seconds, 1
                )
            wait.assert_called_once_with(expected)
        process.release(NAME)

    def test_too_many_waiters(self) -> None:
        process.acquire(NAME, 0, 0)
        got: list[int] = []
        threads = [self.start(got, 1), self.start(got, 2)]
        self.wait_for(2)
        for limit in (0, 1, 2):
            error = self.assertRaises(
                errors.TooManyWaiters,
                process.acquire,
                NAME,
                PATIENT_SECONDS,
                limit,
            )
        self.assertEqual("held by this process, 2 wait already", str(error))
        process.release(NAME)
        for thread in threads:
            thread.join()
        self.assertEqual({1, 2}, set(got))

    def test_a_turn_that_comes_at_the_end_of_the_wait(self) -> None:
        process.acquire(NAME, 0, 0)

        def wait(turn: threading.Event, seconds: float) -> bool:
            process.release(NAME)
            return False

        with mock.patch.object(threading.Event, "wait", wait):
            process.acquire(NAME, 1, 1)
        self.assertFalse(process.try_acquire(NAME))
        process.release(NAME)

    def test_an_error_while_waiting(self) -> None:
        """One of a signal handler, or of eventlet's Timeout."""
        for released in (False, True):
            with self.subTest(released):
                process.acquire(NAME, 0, 0)

                release = process.release if released else mock.Mock()

                def wait(*_: object, release: Any = release) -> bool:
                    release(NAME)
                    raise KeyboardInterrupt

                with mock.patch.object(threading.Event, "wait", wait):
                    self.assertRaises(
                        KeyboardInterrupt, process.acquire, NAME, 1, 1
                    )
                self.assertEqual(not released, NAME in process._queues)
                if not released:
                    process.release(NAME)

    def test_try(self) -> None:
        self.assertTrue(process.try_acquire(NAME))
        self.assertFalse(process.try_acquire(NAME))
        process.release(NAME)
        self.assertTrue(process.try_acquire(NAME))
        process.release(NAME)

    def test_held_in_a_row(self) -> None:
        with mock.patch("time.monotonic") as clock:
            clock.return_value = 100
            process.acquire(NAME, 0, 0)
            clock.return_value = 250
            self.assertEqual(150, process.held_in_a_row(NAME))
            thread = threading.Thread(
                target=process.acquire, args=[NAME, PATIENT_SECONDS, 1]
            )
            thread.start()
            self.wait_for(1)
            process.release(NAME)
            thread.join()
            self.assertEqual(150, process.held_in_a_row(NAME))
            process.begin_row(NAME)
            self.assertEqual(0, process.held_in_a_row(NAME))
            process.release(NAME)
            process.acquire(NAME, 0, 0)
            self.assertEqual(0, process.held_in_a_row(NAME))
            process.release(NAME)
