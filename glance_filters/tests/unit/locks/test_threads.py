# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import logging
import queue
import threading
import time
from concurrent import futures
from unittest import mock

import fixtures
import testtools

from glance_filters.locks import errors, threads
from glance_filters.tests.fixtures import lock_leaks

PATIENT_SECONDS = 30
IMPATIENT_SECONDS = 0.02


class CallTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.may_end = threading.Event()
        self.addCleanup(self.may_end.set)

    def hang(self) -> str:
        self.may_end.wait(PATIENT_SECONDS)
        return "late"

    def test_the_result(self) -> None:
        calls = threads.BoundedCalls(PATIENT_SECONDS)
        undo = mock.Mock()
        # More often than there is place at a time.
        for _ in range(40):
            self.assertEqual(1, calls.call(lambda: 1, undo))
        undo.assert_not_called()

    def test_the_error(self) -> None:
        calls = threads.BoundedCalls(PATIENT_SECONDS)
        for error in [LookupError("a"), TimeoutError("b")] * 20:
            raised = self.assertRaises(
                type(error), calls.call, mock.Mock(side_effect=error)
            )
            self.assertIs(error, raised)

    def test_a_result_that_comes_too_late(self) -> None:
        calls = threads.BoundedCalls(IMPATIENT_SECONDS)
        undone: list[str] = []
        is_undone = threading.Event()

        def undo(result: str) -> None:
            undone.append(result)
            is_undone.set()

        error = self.assertRaises(
            errors.LockUnavailable, calls.call, self.hang, undo
        )
        self.assertEqual("no answer within 0.02 s", str(error))
        self.assertFalse(is_undone.is_set())
        self.may_end.set()
        self.assertTrue(is_undone.wait(PATIENT_SECONDS))
        self.assertEqual(["late"], undone)

    def test_who_waits_is_interrupted(self) -> None:
        """By a time-out of eventlet, for example, at any moment."""
        calls = threads.BoundedCalls(PATIENT_SECONDS)
        for is_done in (True, False):
            undone = threading.Event()

            def wait(
                waited: list[futures.Future[str]],
                seconds: float,
                is_done: bool = is_done,
            ) -> None:
                if is_done:
                    self.may_end.set()
                    waited[0].result(PATIENT_SECONDS)
                raise KeyboardInterrupt

            self.may_end.clear()
            with mock.patch.object(futures, "wait", wait):
                self.assertRaises(
                    KeyboardInterrupt,
                    calls.call,
                    self.hang,
                    lambda result, undone=undone: undone.set(),
                )
            self.assertEqual(is_done, undone.is_set())
            self.may_end.set()
            self.assertTrue(undone.wait(PATIENT_SECONDS))

    def test_an_error_that_comes_too_late(self) -> None:
        calls = threads.BoundedCalls(IMPATIENT_SECONDS)
        undo = mock.Mock()
        ended = threading.Event()

        def fail() -> None:
            self.hang()
            ended.set()
            raise LookupError

        self.assertRaises(errors.LockUnavailable, calls.call, fail, undo)
        self.may_end.set()
        self.assertTrue(ended.wait(PATIENT_SECONDS))
        undo.assert_not_called()

    def test_calls_without_an_answer_do_not_pile_up(self) -> None:
        calls = threads.BoundedCalls(IMPATIENT_SECONDS)
        before = set(threading.enumerate())
        texts = set()
        for _ in range(40):
            error = self.assertRaises(
                errors.LockUnavailable, calls.call, self.hang
            )
            texts.add(str(error))
        # Each hangs in a thread of its own.
        self.assertEqual(32, len(set(threading.enumerate()) - before))
        self.assertIn("too many calls without an answer", texts)

    def test_all_that_come_too_late_are_undone(self) -> None:
        """What undoes them asks the server too, and has no slot of its own."""
        calls = threads.BoundedCalls(IMPATIENT_SECONDS)
        undone: queue.SimpleQueue[str] = queue.SimpleQueue()

        def undo(result: str) -> None:
            calls.call(lambda: undone.put(result))

        for _ in range(32):
            self.assertRaises(
                errors.LockUnavailable, calls.call, self.hang, undo
            )
        self.may_end.set()
        for _ in range(32):
            self.assertEqual("late", undone.get(timeout=PATIENT_SECONDS))

    def test_threads_are_used_again(self) -> None:
        calls = threads.BoundedCalls(PATIENT_SECONDS)
        leaks = lock_leaks.Leaks()
        used = {calls.call(threading.current_thread)}
        while not calls._idle:
            # It has given the result, and will wait for the next task.
            time.sleep(0)
        for _ in range(10):
            used.add(calls.call(threading.current_thread))
            while not calls._idle:
                time.sleep(0)
        self.assertEqual(1, len(used))
        calls.close()
        self.assertEqual([], leaks.left())
        # What is released late is called all the same.
        self.assertNotIn(calls.call(threading.current_thread), used)
        self.assertEqual([], leaks.left())

    def test_a_thread_serves_one_call_at_a_time(self) -> None:
        calls = threads.BoundedCalls(PATIENT_SECONDS)
        self.addCleanup(calls.close)
        first = calls.call(threading.current_thread)
        while not calls._idle:
            time.sleep(0)
        used: list[threading.Thread] = []
        begun = threading.Event()

        def hang() -> None:
            used.append(threading.current_thread())
            begun.set()
            self.hang()

        busy = threading.Thread(target=calls.call, args=[hang])
        busy.start()
        self.assertTrue(begun.wait(PATIENT_SECONDS))
        used.append(calls.call(threading.current_thread))
        self.may_end.set()
        busy.join()
        self.assertIs(first, used[0])
        self.assertIsNot(first, used[1])

    def test_no_thread_to_be_had(self) -> None:
        calls = threads.BoundedCalls(IMPATIENT_SECONDS)
        error = RuntimeError("can't start new thread")
        with mock.patch.object(threads, "start", side_effect=error):
            for _ in range(40):
                raised = self.assertRaises(
                    errors.LockUnavailable, calls.call, self.hang
                )
                self.assertEqual(str(error), str(raised))


class HeartTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.logger = self.useFixture(
            fixtures.FakeLogger("glance_filters", level=logging.DEBUG)
        )
        self.useFixture(fixtures.MockPatchObject(threads, "_RETRY_SECONDS", 0))
        self.enough = threading.Event()

    def start(self, *outcomes: float | Exception) -> threads.Heart:
        """Start a heart whose beats end as given, the last for ever."""
        left = list(outcomes)

        def beat() -> float:
            outcome = left.pop(0)
            if not left:
                left.append(outcome)
                self.enough.set()
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        heart = threads.Heart(beat, lambda error: f"because of {error}")
        self.addCleanup(heart.stop, PATIENT_SECONDS)
        return heart

    def test_it_beats_until_it_is_stopped(self) -> None:
        leaks = lock_leaks.Leaks()
        heart = self.start(0, 0, 0, PATIENT_SECONDS)
        self.assertTrue(self.enough.wait(PATIENT_SECONDS))
        heart.stop(PATIENT_SECONDS)
        self.assertEqual([], leaks.left())
        self.assertEqual("", self.logger.output)

    def test_a_failure_is_told_once(self) -> None:
        error = OSError("down")
        self.start(error, error, 0, error, PATIENT_SECONDS)
        self.assertTrue(self.enough.wait(PATIENT_SECONDS))
        self.assertEqual(
            ["Image locks cannot be kept alive now: because of down"] * 2,
            self.logger.output.splitlines(),
        )

    def test_stopped_while_it_fails(self) -> None:
        leaks = lock_leaks.Leaks()
        heart = self.start(OSError("down"), OSError("down"))
        self.assertTrue(self.enough.wait(PATIENT_SECONDS))
        heart.stop(PATIENT_SECONDS)
        self.assertEqual([], leaks.left())

    def test_stopped_during_a_beat(self) -> None:
        may_fail = threading.Event()
        begun = threading.Event()

        def beat() -> float:
            begun.set()
            may_fail.wait(PATIENT_SECONDS)
            raise OSError("closed")

        heart = threads.Heart(beat, str)
        self.assertTrue(begun.wait(PATIENT_SECONDS))
        heart.stop(0)
        may_fail.set()
        heart.stop(PATIENT_SECONDS)
        # Waited for; and nobody else waits for it.
        self.assertFalse(heart._thread.is_alive())
        self.assertTrue(heart._thread.daemon)
        # It is what the stop brings about.
        self.assertEqual("", self.logger.output)


class BeatsTest(testtools.TestCase):
    def test_when(self) -> None:
        """At once, then as the beat says, or a second after a failure."""
        beat = mock.Mock(side_effect=[5, OSError("down"), 7])
        with mock.patch.object(threads, "start"):
            heart = threads.Heart(beat, str)
        stopped = mock.Mock()
        stopped.wait.side_effect = [False, False, False, True]
        heart._stopped = stopped
        heart._run()
        self.assertEqual(
            [mock.call(each) for each in (0, 5, 1, 7)],
            stopped.wait.call_args_list,
        )
