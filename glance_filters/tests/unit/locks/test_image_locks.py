# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import logging
import os
import threading
import time
import unittest
from collections.abc import Callable
from concurrent import futures
from unittest import mock

import fixtures
import testtools

from glance_filters import locks
from glance_filters.locks import errors, process
from glance_filters.tests.fixtures import optional

ONE = "2f5b3c1e-6f0e-4a53-9d0f-3a4f0c7b8a11"
OTHER = "9e0d7a52-13f4-4c0b-8f5d-55d1b6a0c722"

IMPATIENT_SECONDS = 0.1
PATIENT_SECONDS = 30


def acquire_in_a_fork(made: locks.ImageLocks) -> str:
    """Acquire ONE in a forked process, and return what came of it."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            made.acquire(ONE)
            os.write(writer, b"held")
        except locks.LockError as error:
            os.write(writer, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as answer:
        return answer.read()


class ThreadsTest(testtools.TestCase):
    """The threads of a process: the same whatever the URL is."""

    url = ""

    def make(
        self, timeout: float = PATIENT_SECONDS, max_waiters: int = 8
    ) -> locks.ImageLocks:
        made = locks.ImageLocks(self.url, timeout, max_waiters=max_waiters)
        self.addCleanup(made.close)
        return made

    def test_threads_exclude_each_other(self) -> None:
        made, inside, most = self.make(), [0], [0]

        def work(_: int) -> None:
            for _ in range(20):
                with made.acquire(ONE):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    time.sleep(0)
                    inside[0] -= 1

        with futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        self.assertEqual([1], most)

    def test_two_filters_of_a_process_exclude_each_other(self) -> None:
        held = self.make().acquire(ONE)
        other = self.make(IMPATIENT_SECONDS)
        self.assertRaises(locks.LockTimeout, other.acquire, ONE)
        held.release()
        other.acquire(ONE).release()

    def test_images_do_not_wait_for_each_other(self) -> None:
        impatient = self.make(IMPATIENT_SECONDS)
        with self.make().acquire(ONE):
            impatient.acquire(OTHER).release()
            # SQLite and PostgreSQL compare ids with case.
            impatient.acquire(ONE.upper()).release()

    def test_the_wait_is_bounded(self) -> None:
        with self.make().acquire(ONE):
            begin = time.monotonic()
            impatient = self.make(IMPATIENT_SECONDS)
            self.assertRaises(locks.LockTimeout, impatient.acquire, ONE)
            waited = time.monotonic() - begin
        self.assertGreaterEqual(waited, IMPATIENT_SECONDS)
        self.assertLess(waited, IMPATIENT_SECONDS + 5)

    def test_the_wait_ends_when_all_waits_of_a_request_do(self) -> None:
        made = self.make()
        with mock.patch.object(
            process, "acquire", side_effect=errors.LockTimeout
        ) as acquire:
            for deadline, most in ((time.monotonic(), 0), (None, 1e9)):
                self.assertRaises(
                    locks.LockTimeout, made.acquire, ONE, deadline=deadline
                )
                seconds = acquire.call_args.args[1]
                self.assertLessEqual(seconds, most)
        self.assertGreater(seconds, 1)

    def test_the_waiters_are_bounded(self) -> None:
        with self.make().acquire(ONE):
            made = self.make(max_waiters=0)
            self.assertRaises(locks.TooManyWaiters, made.acquire, ONE)

    def test_one_who_waits_is_woken(self) -> None:
        made = self.make()
        held = made.acquire(ONE)
        waiting = threading.Thread(target=lambda: made.acquire(ONE).release())
        waiting.start()
        held.release()
        waiting.join(PATIENT_SECONDS)
        self.assertFalse(waiting.is_alive())

    def test_released_once_only(self) -> None:
        first = self.make().acquire(ONE)
        first.release()
        second = self.make().acquire(ONE)
        # Not the second's, by a mistake of the first.
        first.release()
        impatient = self.make(IMPATIENT_SECONDS)
        self.assertRaises(locks.LockTimeout, impatient.acquire, ONE)
        second.release()

    def test_released_by_another_thread(self) -> None:
        held = self.make().acquire(ONE)
        thread = threading.Thread(target=held.release)
        thread.start()
        thread.join()
        self.make(IMPATIENT_SECONDS).acquire(ONE).release()

    def test_released_after_an_error(self) -> None:
        def fail() -> None:
            with self.make().acquire(ONE):
                raise LookupError

        self.assertRaises(LookupError, fail)
        self.make(IMPATIENT_SECONDS).acquire(ONE).release()

    def test_try(self) -> None:
        made = self.make()
        # A file is there, however slow the machine is.
        made.acquire(ONE).release()
        held = made.try_acquire(b"name")
        assert held is not None
        self.assertIsNone(self.make().try_acquire(b"name"))
        held.release()
        held = self.make().try_acquire(b"name")
        assert held is not None
        held.release()

    def test_check(self) -> None:
        made = self.make()
        for _ in range(2):
            self.assertIsNone(made.check())
        self.assertEqual(0, process.count())

    def test_nothing_grows(self) -> None:
        made = self.make(IMPATIENT_SECONDS)
        for number in range(100):
            made.acquire(str(number)).release()
        with made.acquire(ONE):
            self.assertRaises(locks.LockTimeout, made.acquire, ONE)
            self.assertEqual(1, process.count())
        self.assertEqual(0, process.count())


class FolderTest(ThreadsTest):
    def setUp(self) -> None:
        super().setUp()
        root = self.useFixture(fixtures.TempDir()).path
        self.url = f"file://{root}/locks"

    def test_a_fork_is_another_process(self) -> None:
        made = self.make(IMPATIENT_SECONDS)
        with self.make().acquire(ONE):
            self.assertEqual("LockTimeout", acquire_in_a_fork(made))


class ForkTest(testtools.TestCase):
    def test_it_starts_anew(self) -> None:
        made = locks.ImageLocks("", PATIENT_SECONDS)
        with made.acquire(ONE):
            self.assertEqual("held", acquire_in_a_fork(made))
        self.assertEqual(0, process.count())


class FakeBackend:
    """A backend that does what it is told.

    :ivar outcomes: what comes of each try, the last for ever; None while
        another process holds the lock
    """

    def __init__(self) -> None:
        self.outcomes: list[Callable[[], None] | Exception | None] = []
        self.tries = 0
        self.on_try: Callable[[], None] = lambda: None
        self.released = 0
        self.is_closed = False

    def release(self) -> None:
        self.released += 1

    def line_up(self, name: bytes) -> None:
        return None

    def try_lock(
        self, name: bytes, is_next: bool = False
    ) -> Callable[[], None] | None:
        self.tries += 1
        self.on_try()
        first = self.outcomes[0]
        if len(self.outcomes) > 1:
            del self.outcomes[0]
        if isinstance(first, Exception):
            raise first
        return first

    def close(self) -> None:
        self.is_closed = True


class BackendTest(testtools.TestCase):
    """Another process holds the lock; the time is that of the test."""

    def setUp(self) -> None:
        super().setUp()
        self.backend = FakeBackend()
        self.useFixture(
            fixtures.MockPatch(
                "glance_filters.locks.database.make",
                self.make_backend,
            )
        )
        self.now = 1000.0
        self.delays: list[float] = []
        self.useFixture(fixtures.MockPatch("time.monotonic", lambda: self.now))
        self.useFixture(fixtures.MockPatch("time.sleep", self.sleep))
        self.logger = self.useFixture(
            fixtures.FakeLogger("glance_filters.locks.breaker")
        )
        self.addCleanup(lambda: self.assertEqual(0, process.count()))

    def sleep(self, seconds: float) -> None:
        self.delays.append(seconds)
        self.now += seconds

    def make_backend(self, url: str, seconds: float) -> FakeBackend:
        # How long to wait for the server, unless a caller says otherwise.
        self.assertEqual(3.0, seconds)
        return self.backend

    def make(self, timeout: float) -> locks.ImageLocks:
        return locks.ImageLocks("mysql+pymysql://h/g", timeout)

    def test_back_off(self) -> None:
        self.backend.outcomes = [*[None] * 8, self.backend.release]
        self.make(10).acquire(ONE).release()
        self.assertEqual(1, self.backend.released)
        delays = [0.01, 0.02, 0.04, 0.08, 0.16, 0.25, 0.25, 0.25]
        self.assertEqual(delays, [round(each, 6) for each in self.delays])

    def test_one_more_try_when_the_time_is_over(self) -> None:
        self.backend.outcomes = [None]
        error = self.assertRaises(
            locks.LockTimeout, self.make(0.1).acquire, ONE
        )
        self.assertEqual("held by another process", str(error))
        self.assertAlmostEqual(1000.1, self.now)
        self.assertEqual(5, self.backend.tries)
        self.backend.outcomes = [*[None] * 4, self.backend.release]
        self.make(0.1).acquire(ONE).release()

    def test_no_time_at_all(self) -> None:
        self.backend.outcomes = [None, self.backend.release]
        self.assertRaises(locks.LockTimeout, self.make(0).acquire, ONE)
        self.make(0).acquire(ONE).release()
        self.assertEqual([], self.delays)

    def test_a_slow_server_is_no_outage(self) -> None:
        self.backend.outcomes = [self.backend.release]

        def be_slow() -> None:
            self.now += 100

        self.backend.on_try = be_slow
        self.make(0.1).acquire(ONE).release()
        self.assertEqual("", self.logger.output)

    def test_a_backend_that_asks_for_patience(self) -> None:
        wait = errors.LockTimeout("wait")
        self.backend.outcomes = [wait, wait, self.backend.release]
        made = self.make(1)
        made.acquire(ONE).release()
        self.assertEqual(2, len(self.delays))
        self.backend.outcomes = [wait]
        error = self.assertRaises(locks.LockTimeout, made.acquire, ONE)
        self.assertIs(wait, error)
        self.assertRaises(locks.LockTimeout, made.try_acquire, b"name")
        self.assertIsNone(made.check())

    def test_an_outage(self) -> None:
        self.backend.outcomes = [errors.LockUnavailable("refused")]
        made = self.make(10)
        for _ in range(3):
            for call in (
                lambda: made.acquire(ONE),
                lambda: made.try_acquire(b"name"),
            ):
                self.assertRaises(locks.LockUnavailable, call)
            self.assertEqual("refused", made.check())
        self.assertEqual([], self.delays)
        self.assertEqual(1, self.backend.tries)
        self.now += 5
        self.backend.outcomes = [None, self.backend.release]
        made.acquire(ONE).release()
        self.assertIsNone(made.check())
        self.assertEqual(
            [
                "Image locks are unavailable: refused",
                "Image locks are available again",
            ],
            self.logger.output.splitlines(),
        )

    def test_an_outage_while_waiting(self) -> None:
        self.backend.outcomes = [None, errors.LockUnavailable("gone")]
        self.assertRaises(locks.LockUnavailable, self.make(10).acquire, ONE)

    def test_an_error_while_waiting(self) -> None:
        """One of a signal handler, or of eventlet's Timeout."""
        self.backend.outcomes = [None]
        made = self.make(10)
        with mock.patch("time.sleep", side_effect=KeyboardInterrupt):
            self.assertRaises(KeyboardInterrupt, made.acquire, ONE)

    def test_a_release_that_fails(self) -> None:
        self.backend.outcomes = [mock.Mock(side_effect=LookupError)]
        held = self.make(10).acquire(ONE)
        self.assertRaises(LookupError, held.release)

    def test_others_have_their_turn(self) -> None:
        """Threads do not pass a lock on among themselves for ever."""
        self.backend.outcomes = [self.backend.release]
        made = self.make(10)
        held = made.acquire(ONE)
        got: list[locks.Held] = []

        def pass_on(seconds: float) -> list[float]:
            """Let a thread that waits have the lock after *seconds*."""
            self.now += seconds
            self.delays.clear()
            thread = threading.Thread(
                target=lambda: got.append(made.acquire(ONE))
            )
            thread.start()
            queue = process._queues[locks.lock_name(ONE)]
            while len(queue.turns) < 2:
                pass
            (got.pop() if got else held).release()
            thread.join()
            return list(self.delays)

        self.assertEqual([], pass_on(0.2))
        self.assertEqual([0.04], pass_on(0.2))
        self.assertEqual([], pass_on(0.2))
        got.pop().release()

    def test_held_by_another_process(self) -> None:
        self.backend.outcomes = [None]
        made = self.make(10)
        self.assertIsNone(made.try_acquire(b"name"))
        self.assertEqual(0, process.count())
        # It works, whoever has it.
        self.assertIsNone(made.check())

    def test_a_fork_releases_nothing(self) -> None:
        self.backend.outcomes = [self.backend.release]
        held = self.make(10).acquire(ONE)
        for other in (0, os.getpid() + 1):
            with mock.patch("os.getpid", return_value=other):
                held.release()
        self.assertEqual(0, self.backend.released)
        held.release()
        self.assertEqual(1, self.backend.released)

    def test_closed(self) -> None:
        made = self.make(10)
        made.close()
        self.assertTrue(self.backend.is_closed)
        # Nothing is left to close.
        made.close()
        locks.ImageLocks("", 1).close()


class UrlTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.logger = self.useFixture(
            fixtures.FakeLogger("glance_filters", level=logging.INFO)
        )

    def test_none(self) -> None:
        locks.ImageLocks("", 1)
        self.assertEqual(
            "Images are locked within each process only: there is no "
            "coordination URL\n",
            self.logger.output,
        )

    def test_without_the_library(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch("importlib.util.find_spec", lambda name: None)
        )
        for scheme, text in (
            ("redis", "need tooz: install glance-filters[coordination]"),
            (
                "postgresql+psycopg2",
                "need sqlalchemy: install glance-filters[database]",
            ),
        ):
            error = self.assertRaises(
                ValueError, locks.ImageLocks, f"{scheme}://:secret@h", 1
            )
            self.assertEqual(f"locks by {scheme!r} {text}", str(error))

    @unittest.skipUnless(optional.module("redis"), "redis is not installed")
    def test_servers(self) -> None:
        make = {
            module: self.useFixture(
                fixtures.MockPatch(f"glance_filters.locks.{module}.make")
            ).mock
            for module in ("coordinator", "database")
        }
        for url, module in (
            ("redis://:secret@127.0.0.1", "coordinator"),
            ("mysql+pymysql://u:secret@127.0.0.1/glance", "database"),
            ("mariadb://u:secret@127.0.0.1/glance", "database"),
            ("postgresql://u:secret@127.0.0.1/glance", "database"),
            ("etcd3+http://127.0.0.1", "coordinator"),
        ):
            with self.subTest(url):
                made = locks.ImageLocks(url, 1, 2)
                held = made.try_acquire(b"name")
                assert held is not None
                with held as entered:
                    self.assertIs(held, entered)
                make[module].assert_called_with(url, 2)
        self.assertEqual(
            [
                "Images are locked between hosts, by redis",
                "Images are locked between hosts, by mysql+pymysql",
                "Images are locked between hosts, by mariadb",
                "Images are locked between hosts, by postgresql",
                "Images are locked between hosts, by etcd3+http",
            ],
            self.logger.output.splitlines(),
        )

    def test_files(self) -> None:
        root = self.useFixture(fixtures.TempDir()).path
        locks.ImageLocks(f"file://{root}/locks", 1)
        self.assertEqual(
            "Images are locked between the processes of this host, by a file "
            f"in {root}/locks\n",
            self.logger.output,
        )
        self.assertEqual([], os.listdir(root))

    def test_a_folder_that_cannot_be_used(self) -> None:
        root = self.useFixture(fixtures.TempDir()).path
        with open(f"{root}/locks", "w"):
            pass
        made = locks.ImageLocks(f"file://{root}/locks", 1)
        [_, warning] = self.logger.output.splitlines()
        self.assertIn("Images cannot be locked: ", warning)
        self.assertIn("not safe", made.check() or "")
        # Each time it is looked at anew.
        os.unlink(f"{root}/locks")
        self.assertIsNone(made.check())
        [_, _, lost, again] = self.logger.output.splitlines()
        self.assertIn("Image locks are unavailable: ", lost)
        self.assertEqual("Image locks are available again", again)

    def test_files_nowhere(self) -> None:
        for url in ("file:", "file://", "file://locks", "file:locks"):
            with self.subTest(url):
                error = self.assertRaises(ValueError, locks.ImageLocks, url, 1)
                self.assertEqual(f"no absolute path in {url!r}", str(error))
