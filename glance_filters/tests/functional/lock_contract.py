# SPDX-License-Identifier: Apache-2.0

"""What the locks of all drivers have to do, in tests to derive from."""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import ClassVar

import fixtures
import testtools
from testtools import content, matchers

from glance_filters import locks
from glance_filters.locks import breaker
from glance_filters.tests.fixtures import (
    lock_leaks,
    lock_process,
    lock_servers,
)

ONE = "2f5b3c1e-6f0e-4a53-9d0f-3a4f0c7b8a11"
OTHER = "9e0d7a52-13f4-4c0b-8f5d-55d1b6a0c722"

# Half of it is what a busy machine may stop a process for.
LEASE_SECONDS = 6

LONG_LEASE_SECONDS = 60

# To be sure that a lock is not to be had.
SOON_SECONDS = 0.5

# What a process may need to notice that its time is over, on a busy machine.
SLACK_SECONDS = 30

PROCESSES = 3
TIMES = 30

IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"

# A wait that others end just in time, and how often, ten at a time.
WAIT_SECONDS = 0.1
ROUNDS = 100 if IS_LONG else 4

# After a failure, nobody asks the server for so long.
RETRY_SECONDS = 0.2


class Contract(testtools.TestCase):
    """What holds whatever the locks are made of."""

    url: str

    def setUp(self) -> None:
        super().setUp()
        # Nobody waits so long for anything, unless it is never let go.
        self.useFixture(fixtures.Timeout(120, gentle=True))

    def process(
        self, timeout: float = 30, server_timeout: float = 30
    ) -> lock_process.LockProcess:
        return self.useFixture(
            lock_process.LockProcess(self.url, timeout, server_timeout)
        )

    def locks(
        self, timeout: float = 30, server_timeout: float = 30
    ) -> locks.ImageLocks:
        image_locks = locks.ImageLocks(
            self.url,
            timeout,
            server_timeout=server_timeout,
            retry_seconds=RETRY_SECONDS,
        )
        self.addCleanup(image_locks.close)
        return image_locks

    def holder(self) -> lock_process.LockProcess:
        """Return a process that holds the lock of the image ONE."""
        process = self.process()
        self.assertEqual("held", process.ask("acquire", ONE))
        return process


class Exclusion(Contract):
    """Locks exclude, let go and tell apart."""

    def test_one_at_a_time(self) -> None:
        holder = self.holder()
        impatient = self.process(SOON_SECONDS)
        self.assertEqual("LockTimeout", impatient.ask("acquire", ONE))
        self.assertEqual("released", holder.ask("release"))
        self.assertEqual("held", impatient.ask("acquire", ONE))

    def test_one_waits_until_it_is_free(self) -> None:
        holder, next_one = self.holder(), self.process()
        next_one.tell("acquire", ONE)
        self.assertEqual("released", holder.ask("release"))
        self.assertEqual("held", next_one.answer())

    def test_images_do_not_wait_for_each_other(self) -> None:
        self.holder()
        other = self.process()
        self.assertEqual("held", other.ask("acquire", OTHER))

    def test_ids_that_differ_by_case(self) -> None:
        # They name two images, but in MySQL.
        self.holder()
        other = self.process()
        self.assertEqual("held", other.ask("acquire", ONE.upper()))

    def test_what_is_done_under_the_lock_is_not_lost(self) -> None:
        path = Path(self.useFixture(fixtures.TempDir()).path) / "count"
        path.write_text("0")
        processes = [self.process() for _ in range(PROCESSES)]
        for process in processes:
            process.tell("count", ONE, str(path), str(TIMES))
        for process in processes:
            self.assertEqual("counted", process.answer())
        self.assertEqual(str(PROCESSES * TIMES), path.read_text())

    def test_a_killed_holder_lets_go(self) -> None:
        holder, next_one = self.holder(), self.process()
        holder.kill()
        self.assertEqual("held", next_one.ask("acquire", ONE))

    def test_a_fork_holds_nothing_and_asks_by_itself(self) -> None:
        holder = self.process(SOON_SECONDS)
        self.assertEqual("held", holder.ask("acquire", ONE))
        self.assertEqual("held", holder.ask("fork", OTHER))
        # Nor did the end of the fork let go of its parent's.
        self.assertEqual("LockTimeout", holder.ask("fork", ONE))
        self.assertEqual(
            "LockTimeout", self.process(SOON_SECONDS).ask("acquire", ONE)
        )

    def test_another_thread_may_release(self) -> None:
        held = self.locks().acquire(ONE)
        thread = threading.Thread(target=held.release)
        thread.start()
        thread.join()
        self.assertEqual("held", self.process().ask("acquire", ONE))


class Waiting(Contract):
    """A wait for others is no outage, and comes to its end."""

    def other_process(self) -> breaker.Breaker:
        """Return what takes the place of another process that locks."""
        backend = self.locks()._backend()
        assert backend is not None
        return backend

    def test_released_just_before_the_end_of_the_wait(self) -> None:
        others = self.other_process()
        image_locks = self.locks(WAIT_SECONDS)
        outcomes: list[str] = []

        def hold(name: str) -> Callable[[], None]:
            if name.startswith("thread"):
                return image_locks.acquire(name).release
            release = others.try_lock(locks.lock_name(name))
            assert release is not None
            return release

        def wait(name: str, begin: threading.Event) -> None:
            begin.set()
            try:
                image_locks.acquire(name).release()
            except locks.LockError as error:
                outcomes.append(type(error).__name__)
            else:
                outcomes.append("held")

        def try_it(name: str, seconds_before: float) -> None:
            release, begin = hold(name), threading.Event()
            waiting = threading.Thread(target=wait, args=[name, begin])
            waiting.start()
            begin.wait()
            time.sleep(WAIT_SECONDS - seconds_before)
            release()
            waiting.join()

        tries = [
            (f"{by}{each}", each)
            for by in ("thread", "process")
            for each in (0.001, 0.002, 0.005, 0.01, 0.02)
        ]
        with futures.ThreadPoolExecutor(len(tries)) as pool:
            for _ in range(ROUNDS):
                list(pool.map(try_it, *zip(*tries)))
        found = collections.Counter(outcomes)
        self.addDetail("outcomes", content.text_content(str(found)))
        self.assertEqual(10 * ROUNDS, found.total())
        self.assertTrue({"held", "LockTimeout"}.issuperset(found), str(found))

    def test_one_is_served_beside_many_of_another_process(self) -> None:
        hog = self.process()
        self.assertEqual("hogging", hog.ask("hog", ONE, "10"))
        image_locks = self.locks(LONG_LEASE_SECONDS)
        for _ in range(5):
            image_locks.acquire(ONE).release()


class Server(Contract):
    """With a server of its own."""

    server_class: ClassVar[type[lock_servers.LockServer]]
    server: lock_servers.LockServer

    def setUp(self) -> None:
        super().setUp()
        self.server = self.make_server()
        self.url = self.server.url(LEASE_SECONDS)

    def make_server(self) -> lock_servers.LockServer:
        return self.useFixture(self.server_class())


class Outages(Server):
    """A lock server that does not answer, or refuses."""

    def assert_unavailable(self, image_locks: locks.ImageLocks) -> None:
        """Assert that a lock is refused, and in time."""
        begin = time.monotonic()
        self.assertRaises(locks.LockUnavailable, image_locks.acquire, OTHER)
        self.assertLess(time.monotonic() - begin, 1 + SLACK_SECONDS)

    def test_stopped(self) -> None:
        image_locks = self.locks(1)
        image_locks.acquire(OTHER).release()
        self.server.stop()
        self.assert_unavailable(image_locks)
        self.server.start()
        _acquire_again(image_locks, OTHER).release()

    def test_stopped_from_the_start(self) -> None:
        self.server.stop()
        image_locks = self.locks(1)
        self.assert_unavailable(image_locks)
        self.server.start()
        _acquire_again(image_locks, OTHER).release()

    def test_paused(self) -> None:
        image_locks = self.locks(1, server_timeout=0.5)
        _acquire_again(image_locks, OTHER).release()
        self.server.pause()
        self.assert_unavailable(image_locks)
        self.server.resume()
        _acquire_again(image_locks, OTHER).release()

    def test_paused_while_one_waits(self) -> None:
        holder, waiting = self.holder(), self.process(server_timeout=1)
        waiting.tell("acquire", ONE)
        self.server.pause()
        self.assertEqual("LockUnavailable", waiting.answer())
        self.server.resume()
        holder.ask("release")
        self.assertEqual("held", self.process().ask("acquire", ONE))

    def test_stopped_at_the_release(self) -> None:
        held = self.locks(1).acquire(ONE)
        self.server.stop()
        begin = time.monotonic()
        held.release()
        self.assertLess(time.monotonic() - begin, 2 + SLACK_SECONDS)
        self.server.start()
        # By the lease, if not by the release: nobody renews it for ever.
        self.assertEqual("held", self.process().ask("acquire", ONE))

    def test_refused_at_once(self) -> None:
        """Nobody waits for the server's time-out, nor for lock_timeout."""
        self.server.stop()
        image_locks = locks.ImageLocks(self.url, 600, server_timeout=600)
        self.addCleanup(image_locks.close)
        # Otherwise the test comes to its own end.
        for _ in range(100):
            self.assert_unavailable(image_locks)
        self.server.start()

    def test_the_reason_is_told(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = str(unused.getsockname()[1])
        wrong_port = self.url.replace(str(self.server.port), port)
        for url, reason in (
            (wrong_port, "[Cc]onnection refused"),
            *self.wrong_urls(),
        ):
            with self.subTest(url):
                image_locks = locks.ImageLocks(url, 600, server_timeout=600)
                self.addCleanup(image_locks.close)
                error = self.assertRaises(
                    locks.LockUnavailable, image_locks.acquire, ONE
                )
                self.assertThat(
                    str(error), matchers.MatchesRegex(f".*{reason}")
                )
                self.assertEqual(str(error), image_locks.check())

    def wrong_urls(self) -> Iterator[tuple[str, str]]:
        """Yield URLs that are refused, and what the reason must match."""
        wrong = self.server.url(password="wrong-password")
        yield wrong, "(denied|authentication failed|invalid username-password)"

    def test_nothing_stays_open(self) -> None:
        # What the libraries open once and for all.
        self.open_and_close()
        leaks = lock_leaks.Leaks()
        for _ in range(12):
            self.open_and_close()
        self.server.stop()
        # It cannot be told any more that nobody needs it.
        for image_locks in [self.locks(1) for _ in range(3)]:
            self.assert_unavailable(image_locks)
            image_locks.close()
        self.server.start()
        self.assertEqual([], leaks.left())

    def test_nothing_stays_open_when_the_server_is_gone(self) -> None:
        self.open_and_close()
        leaks = lock_leaks.Leaks()
        left = [self.locks(1) for _ in range(3)]
        for image_locks in left:
            image_locks.acquire(ONE).release()
        self.server.stop()
        for image_locks in left:
            image_locks.close()
        self.assertEqual([], leaks.left())
        self.server.start()

    def open_and_close(self) -> None:
        image_locks = self.locks()
        with image_locks.acquire(ONE), image_locks.acquire(OTHER):
            pass
        image_locks.close()

    def test_no_password_is_logged(self) -> None:
        log = self.useFixture(
            fixtures.FakeLogger(level=logging.DEBUG, nuke_handlers=True)
        )
        urls = [self.url, self.server.url(password="wrong-password")]
        errors: list[str] = []

        def use(url: str, seconds: float = 2) -> None:
            try:
                image_locks = locks.ImageLocks(url, 1, seconds)
                self.addCleanup(image_locks.close)
                image_locks.acquire(ONE).release()
                self.assertIsNone(image_locks.check())
                image_locks.close()
            except (locks.LockError, ValueError) as error:
                lines = traceback.format_exception(
                    type(error), error, error.__traceback__
                )
                errors.extend([*lines, repr(error)])
                logging.exception("failed")

        use(urls[0], 30)
        self.assertEqual([], errors)
        # Whatever goes wrong.
        held = self.locks().acquire(OTHER)
        self.server.stop()
        held.release()
        for url in urls:
            use(url)
            use(url.replace("127.0.0.1:", "127.0.0.1:x"))
            use(url.replace("127.0.0.1:", "host.invalid:"))
            use(url + "&lock_timeout=x&timeout=x&connect_timeout=x")
        self.server.start()
        for url in urls:
            use(url)
        told = "".join([*errors, log.output])
        self.assertIn("are unavailable", told)
        for secret in (lock_servers.PASSWORD, "wrong-password"):
            self.assertNotIn(secret, told)


class Leases(Server):
    """Locks that a server keeps for a time."""

    def test_a_lock_outlives_its_lease(self) -> None:
        self.holder()
        patient = self.process(LEASE_SECONDS + 1)
        self.assertEqual("LockTimeout", patient.ask("acquire", ONE))

    def test_a_holder_that_sleeps_too_long(self) -> None:
        holder, next_one = self.holder(), self.process()
        holder.pause()
        self.assertEqual("held", next_one.ask("acquire", ONE))
        holder.resume()
        self.assertEqual("released warned", holder.ask("release"))
        # It did not let go of what is the next one's.
        third = self.process(SOON_SECONDS)
        self.assertEqual("LockTimeout", third.ask("acquire", ONE))
        # And it works on.
        self.assertEqual("held", holder.ask("acquire", OTHER))

    def test_killed_while_a_lock_is_held(self) -> None:
        # However long the server takes to start again.
        self.url = self.server.url(LONG_LEASE_SECONDS)
        holder = self.holder()
        self.server.kill()
        self.server.start()
        # It kept its data, and the lock.
        other = self.process(SOON_SECONDS)
        self.assertEqual("LockTimeout", other.ask("acquire", ONE))
        self.assertEqual("released", holder.ask("release"))
        self.assertEqual("held", other.ask("acquire", ONE))


class Sessions(Server):
    """Locks that a server keeps as long as a connection."""

    def test_lost_with_the_server(self) -> None:
        holder = self.holder()
        self.server.kill()
        self.server.start()
        other = self.process()
        self.assertEqual("held", other.ask("acquire", ONE))
        # It did not release what is the other's.
        self.assertEqual("released warned", holder.ask("release"))
        third = self.process(SOON_SECONDS)
        self.assertEqual("LockTimeout", third.ask("acquire", ONE))
        # And it works on.
        self.assertEqual("held", holder.ask("acquire", OTHER))

    def test_a_holder_that_sleeps(self) -> None:
        holder, other = self.holder(), self.process(SOON_SECONDS)
        holder.pause()
        self.assertEqual("LockTimeout", other.ask("acquire", ONE))
        holder.resume()
        self.assertEqual("released", holder.ask("release"))

    def test_one_connection_for_all(self) -> None:
        image_locks = self.locks()
        before = self.count_connections()
        with contextlib.ExitStack() as stack:
            for number in range(50):
                stack.enter_context(image_locks.acquire(str(number)))
            self.assertEqual(before + 1, self.count_connections())

    def count_connections(self) -> int:
        raise NotImplementedError


def _acquire_again(image_locks: locks.ImageLocks, image_id: str) -> locks.Held:
    """Ask until the lock is got: after an outage nobody asks for a while."""
    while True:
        with contextlib.suppress(locks.LockError):
            return image_locks.acquire(image_id)
        time.sleep(0.01)
