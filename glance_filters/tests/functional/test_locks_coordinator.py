# SPDX-License-Identifier: Apache-2.0

"""What a driver of tooz may do wrong, and its locks are right all the same."""

from __future__ import annotations

import logging
import os
import threading
from types import SimpleNamespace

import fixtures
import testtools

from glance_filters import locks

ONE = "2f5b3c1e-6f0e-4a53-9d0f-3a4f0c7b8a11"
OTHER = "9e0d7a52-13f4-4c0b-8f5d-55d1b6a0c722"

# For what does happen.
PATIENT_SECONDS = 30

# For what does not.
IMPATIENT_SECONDS = 0.3


class FakeCoordinator:
    """A coordinator with one lock, which does as it is told."""

    def __init__(self) -> None:
        self.heart = SimpleNamespace(stop=lambda: None)
        self.started = False
        self.stopped = threading.Event()
        self.released = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.still_held = True
        self.error: Exception | None = None

    def start(self, start_heart: bool = False) -> None:
        assert start_heart
        self.started = True

    def stop(self) -> None:
        self.stopped.set()

    def get_lock(self, name: bytes) -> FakeCoordinator:
        return self

    def acquire(self, blocking: bool) -> bool:
        assert not blocking
        self.may_answer.wait(PATIENT_SECONDS)
        if self.error is not None:
            raise self.error
        return True

    def release(self) -> bool:
        self.may_answer.wait(PATIENT_SECONDS)
        self.released.set()
        return self.still_held


class CoordinatorTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.made: list[FakeCoordinator] = []
        self.useFixture(
            fixtures.MonkeyPatch(
                "tooz.coordination.get_coordinator", self.make
            )
        )
        self.logger = self.useFixture(
            fixtures.FakeLogger("glance_filters", level=logging.WARNING)
        )
        self.locks = locks.ImageLocks("any://", IMPATIENT_SECONDS)
        # The first was made to see whether the URL can be used.
        self.made.clear()

    def make(self, url: str, member_id: bytes) -> FakeCoordinator:
        self.made.append(FakeCoordinator())
        return self.made[-1]

    def test_one_for_all_locks(self) -> None:
        with self.locks.acquire(ONE), self.locks.acquire(OTHER):
            self.assertEqual(1, len(self.made))

    def test_a_lock_that_comes_too_late_is_let_go(self) -> None:
        self.locks.acquire(OTHER).release()
        [coordinator] = self.made
        coordinator.released.clear()
        coordinator.may_answer.clear()
        self.assertRaises(locks.LockUnavailable, self.locks.acquire, ONE)
        self.assertFalse(coordinator.released.is_set())
        coordinator.may_answer.set()
        self.assertTrue(coordinator.released.wait(PATIENT_SECONDS))

    def test_an_error_is_no_lock(self) -> None:
        self.locks.acquire(OTHER).release()
        [coordinator] = self.made
        coordinator.error = LookupError("broken")
        error = self.assertRaises(
            locks.LockUnavailable, self.locks.acquire, ONE
        )
        self.assertEqual("broken", str(error))
        self.assertTrue(coordinator.stopped.wait(PATIENT_SECONDS))
        # The next one comes from another coordinator.
        self.locks.acquire(ONE).release()
        self.assertEqual([True, True], [each.started for each in self.made])

    def test_a_lock_that_was_lost(self) -> None:
        with self.locks.acquire(ONE):
            [coordinator] = self.made
            coordinator.still_held = False
        self.assertIn("lost while it was held", self.logger.output)
        self.assertTrue(coordinator.stopped.wait(PATIENT_SECONDS))

    def test_a_release_without_an_answer(self) -> None:
        other = self.locks.acquire(OTHER)
        held = self.locks.acquire(ONE)
        [coordinator] = self.made
        coordinator.may_answer.clear()
        held.release()
        self.assertIn("left to its lease", self.logger.output)
        # The heart beats on for the lock that is still held.
        self.assertFalse(coordinator.stopped.is_set())
        coordinator.may_answer.set()
        other.release()
        self.assertTrue(coordinator.stopped.wait(PATIENT_SECONDS))

    def test_calls_without_an_answer_do_not_pile_up(self) -> None:
        self.locks.acquire(OTHER).release()
        [coordinator] = self.made
        coordinator.may_answer.clear()
        before = threading.active_count()

        def ask(number: int) -> None:
            self.assertRaises(
                locks.LockUnavailable, self.locks.acquire, str(number)
            )

        asking = [
            threading.Thread(target=ask, args=[number]) for number in range(50)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        self.assertLess(threading.active_count() - before, 40)
        coordinator.may_answer.set()
        self.locks.acquire(ONE).release()

    def test_a_fork_has_one_of_its_own(self) -> None:
        # It has no thread that renews the leases of its parent's.
        self.locks.acquire(ONE).release()
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            try:
                self.made.clear()
                self.locks.acquire(ONE)
                started = [each for each in self.made if each.started]
                os.write(writer, str(len(started)).encode())
            finally:
                os._exit(0)
        os.close(writer)
        os.waitpid(child, 0)
        with os.fdopen(reader) as answer:
            self.assertEqual("1", answer.read())

    def test_closed_while_a_lock_is_held(self) -> None:
        held = self.locks.acquire(ONE)
        [coordinator] = self.made
        self.locks.close()
        self.assertFalse(coordinator.stopped.is_set())
        held.release()
        self.assertTrue(coordinator.stopped.wait(PATIENT_SECONDS))


class UrlTest(testtools.TestCase):
    def test_one_that_cannot_be_used(self) -> None:
        for url in (
            "no-such-driver://:secret@127.0.0.1",
            "redis://:secret@127.0.0.1?lock_timeout=long",
            "etcd3+http://:secret@127.0.0.1?lock_timeout=long",
        ):
            with self.subTest(url):
                error = self.assertRaises(ValueError, locks.ImageLocks, url, 1)
                self.assertIn(repr(url.partition(":")[0]), str(error))
                self.assertNotIn("secret", str(error))

    def test_one_that_can(self) -> None:
        logger = self.useFixture(
            fixtures.FakeLogger("glance_filters", level=logging.INFO)
        )
        locks.ImageLocks("redis://:secret@127.0.0.1", 1)
        self.assertEqual(
            "Images are locked between hosts, by redis\n", logger.output
        )
