# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from unittest import mock

import fixtures
import testtools

from glance_filters.locks import errors, server, threads
from glance_filters.tests.fixtures import lock_leaks

ONE = b"one"
OTHER = b"other"

# For what does happen.
PATIENT_SECONDS = 30

# For what does not.
IMPATIENT_SECONDS = 0.05


class FakeConnection:
    """A connection with free locks, which does as it is told."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.released = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.still_held = True
        self.is_free = True
        self.error: Exception | None = None
        self.release_errors: list[Exception] = []
        self.names: list[bytes] = []

    def try_lock(self, name: bytes) -> Callable[[], bool] | None:
        self.names.append(name)
        self.may_answer.wait(PATIENT_SECONDS)
        if self.error is not None:
            raise self.error
        return self.release if self.is_free else None

    def release(self) -> bool:
        self.may_answer.wait(PATIENT_SECONDS)
        if self.release_errors:
            raise self.release_errors.pop()
        self.released.set()
        return self.still_held

    def close(self) -> None:
        self.closed.set()


class ServerTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.logger = self.useFixture(
            fixtures.FakeLogger("glance_filters", level=logging.DEBUG)
        )
        self.made: list[FakeConnection] = []
        self.connect_error: Exception | None = None
        self.use(PATIENT_SECONDS)

    def use(self, seconds: float) -> None:
        self.locks = server.ServerLocks(
            self.connect, seconds, lambda error: f"because of {error}"
        )

    def set_limit(self, seconds: float) -> None:
        """Change the limit: what is to have an answer must get it."""
        self.locks._calls._seconds = seconds

    def connect(self) -> FakeConnection:
        if self.connect_error is not None:
            raise self.connect_error
        self.made.append(FakeConnection())
        return self.made[-1]

    def lock(self, name: bytes = ONE) -> Callable[[], None]:
        release = self.locks.try_lock(name)
        assert release is not None
        return release

    def assert_closed(self, connection: FakeConnection) -> None:
        self.assertTrue(connection.closed.wait(PATIENT_SECONDS))

    def assert_unavailable(self, text: str) -> None:
        error = self.assertRaises(
            errors.LockUnavailable, self.locks.try_lock, ONE
        )
        self.assertEqual(text, str(error))
        # A cause might tell a password.
        self.assertIsNone(error.__cause__)

    def test_one_for_all_locks(self) -> None:
        releases = [self.lock(), self.lock(OTHER)]
        for release in releases:
            release()
        self.lock()()
        self.assertEqual(1, len(self.made))
        self.assertEqual("", self.logger.output)

    def test_nothing_before_the_first_lock(self) -> None:
        self.locks.close()
        self.assertEqual([], self.made)

    def test_held_by_another(self) -> None:
        self.lock()()
        [connection] = self.made
        connection.is_free = False
        self.assertIsNone(self.locks.try_lock(ONE))
        self.assertFalse(connection.closed.is_set())
        self.locks.close()
        self.assertTrue(connection.closed.is_set())

    def test_next_in_line(self) -> None:
        """The place is a lock of its own, which one alone may hold."""
        self.lock()
        leave = self.locks.line_up(ONE)
        assert leave is not None
        [connection] = self.made
        self.assertEqual([ONE, b"one-next"], connection.names)
        leave()
        self.assertTrue(connection.released.is_set())
        connection.is_free = False
        self.assertIsNone(self.locks.line_up(ONE))

    def test_a_place_that_was_lost(self) -> None:
        """Nothing was done under it, so nobody is warned."""
        leave = self.locks.line_up(ONE)
        assert leave is not None
        self.made[0].still_held = False
        leave()
        self.assertNotIn("lost", self.logger.output)
        self.assert_closed(self.made[0])

    def test_no_connection(self) -> None:
        self.connect_error = OSError("refused")
        self.assert_unavailable("because of refused")
        self.connect_error = None
        self.lock()()

    def test_a_connection_that_hangs(self) -> None:
        self.use(IMPATIENT_SECONDS)
        connecting, may_connect = threading.Event(), threading.Event()

        def connect() -> FakeConnection:
            connecting.set()
            may_connect.wait(PATIENT_SECONDS)
            return FakeConnection()

        self.locks._connect = connect
        text = "no answer within 0.05 s"
        self.assert_unavailable(text)
        self.assertTrue(connecting.wait(PATIENT_SECONDS))
        # Who comes later waits for the same one.
        error = self.assertRaises(
            errors.LockUnavailable, self.locks._try_lock, ONE
        )
        self.assertEqual("no connection within 0.05 s", str(error))
        may_connect.set()

    def test_a_lock_that_comes_too_late_is_released(self) -> None:
        self.lock(OTHER)()
        [connection] = self.made
        connection.released.clear()
        connection.may_answer.clear()
        self.set_limit(IMPATIENT_SECONDS)
        self.assert_unavailable("no answer within 0.05 s")
        self.assertFalse(connection.released.is_set())
        connection.may_answer.set()
        self.assertTrue(connection.released.wait(PATIENT_SECONDS))

    def test_what_is_not_acquired_too_late(self) -> None:
        self.lock(OTHER)()
        [connection] = self.made
        connection.is_free = False
        connection.may_answer.clear()
        self.set_limit(IMPATIENT_SECONDS)
        self.assert_unavailable("no answer within 0.05 s")
        connection.may_answer.set()
        self.set_limit(PATIENT_SECONDS)
        self.assertIsNone(self.locks.try_lock(ONE))

    def test_the_first_error_of_a_new_connection_counts(self) -> None:
        broken = FakeConnection()
        broken.error = LookupError("broken")
        self.locks._connect = mock.Mock(return_value=broken)
        self.assert_unavailable("because of broken")
        self.assert_closed(broken)
        self.locks._connect.assert_called_once_with()

    def test_an_old_connection_may_be_stale(self) -> None:
        self.lock(OTHER)()
        self.made[0].error = LookupError("stale")
        self.lock()()
        self.assertEqual(2, len(self.made))
        self.assert_closed(self.made[0])

    def test_a_new_one_is_tried_once(self) -> None:
        self.lock(OTHER)()
        self.made[0].error = LookupError("stale")
        self.connect_error = OSError("refused")
        self.assert_unavailable("because of refused")

    def test_a_lock_that_was_lost(self) -> None:
        release = self.lock()
        self.made[0].still_held = False
        release()
        self.assertIn("was lost while it was held", self.logger.output)
        self.assert_closed(self.made[0])
        self.lock()()
        self.assertEqual(2, len(self.made))

    def test_a_release_without_an_answer(self) -> None:
        releases = [self.lock(), self.lock(OTHER)]
        [connection] = self.made
        connection.may_answer.clear()
        self.set_limit(IMPATIENT_SECONDS)
        releases[0]()
        self.assertIn(
            "could not be released, so it stays until its lease or its "
            "connection ends: no answer within 0.05 s",
            self.logger.output,
        )
        # The lock that is still held keeps it.
        self.assertFalse(connection.closed.is_set())
        connection.may_answer.set()
        self.set_limit(PATIENT_SECONDS)
        releases[1]()
        self.assert_closed(connection)

    def test_a_release_that_fails_is_tried_again(self) -> None:
        """Another lock, of an upload of hours, would keep the lock alive."""
        self.useFixture(fixtures.MockPatchObject(server, "_AGAIN_SECONDS", 0))
        releases = [self.lock(), self.lock(OTHER)]
        [connection] = self.made
        connection.release_errors = [OSError("down")] * 3
        releases[0]()
        self.assertTrue(connection.released.wait(PATIENT_SECONDS))
        self.assertEqual([], connection.release_errors)
        releases[1]()
        self.assert_closed(connection)

    def test_a_release_that_fails_ends_with_its_connection(self) -> None:
        for error in (None, RuntimeError("no thread")):
            release = self.lock()
            connection = self.made[-1]
            connection.release_errors = [OSError("down")]
            leaks = lock_leaks.Leaks()
            with contextlib.ExitStack() as stack:
                if error is not None:
                    patch = mock.patch.object(
                        threads, "start", side_effect=error
                    )
                    stack.enter_context(patch)
                release()
            self.assert_closed(connection)
            self.assertFalse(connection.released.is_set())
            self.assertEqual([], leaks.left())

    def test_a_place_that_cannot_be_left(self) -> None:
        leave = self.locks.line_up(ONE)
        assert leave is not None
        [connection] = self.made
        connection.may_answer.clear()
        self.set_limit(IMPATIENT_SECONDS)
        leave()
        self.assertEqual("", self.logger.output)
        self.assert_closed(connection)
        connection.may_answer.set()

    def test_a_release_that_is_interrupted(self) -> None:
        """By a time-out of eventlet, for example."""
        release = self.lock()
        [connection] = self.made
        with mock.patch.object(
            self.locks._calls, "call", side_effect=KeyboardInterrupt
        ):
            self.assertRaises(KeyboardInterrupt, release)
        # It would keep the lock alive for ever.
        self.assert_closed(connection)

    def test_no_thread_to_close_it_by(self) -> None:
        """What is left open would keep a lock alive for ever."""
        for is_held in (True, False):
            release = self.lock()
            connection = self.made[-1]
            if not is_held:
                release()
            connection.still_held = False
            with mock.patch.object(
                threads, "start", side_effect=RuntimeError("no thread")
            ):
                if is_held:
                    release()
                self.locks.close()
            self.assertTrue(connection.closed.is_set())

    def test_two_that_were_lost(self) -> None:
        """The second says nothing about the new connection."""
        releases = [self.lock(), self.lock(OTHER)]
        self.made[0].still_held = False
        releases[0]()
        self.lock()()
        releases[1]()
        self.assert_closed(self.made[0])
        self.lock()()
        self.assertEqual(2, len(self.made))

    def test_closed_while_a_lock_is_held(self) -> None:
        release = self.lock()
        [connection] = self.made
        self.locks.close()
        self.assertFalse(connection.closed.is_set())
        release()
        self.assert_closed(connection)
        self.locks.close()

    def test_a_call_that_is_under_way_when_it_is_closed(self) -> None:
        self.lock()()
        [connection] = self.made
        connection.may_answer.clear()
        asking = threading.Event()
        wait = connection.may_answer.wait

        def noted_wait(seconds: float) -> bool:
            asking.set()
            return wait(seconds)

        connection.may_answer.wait = noted_wait  # type: ignore[method-assign,assignment]
        got: list[Callable[[], None]] = []
        thread = threading.Thread(target=lambda: got.append(self.lock()))
        thread.start()
        self.assertTrue(asking.wait(PATIENT_SECONDS))
        self.locks.close()
        self.assertFalse(connection.closed.is_set())
        connection.may_answer.set()
        thread.join()
        got[0]()
        self.assert_closed(connection)
