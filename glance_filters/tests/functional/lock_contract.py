# SPDX-License-Identifier: Apache-2.0

"""What the locks of all drivers have to do, in tests to derive from."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import ClassVar

import fixtures
import testtools

from glance_filters import locks
from glance_filters.tests.fixtures import lock_process, lock_servers

ONE = "2f5b3c1e-6f0e-4a53-9d0f-3a4f0c7b8a11"
OTHER = "9e0d7a52-13f4-4c0b-8f5d-55d1b6a0c722"

# The shortest that etcd grants; a heartbeat is then due every second.
LEASE_SECONDS = 2

# To be sure that a lock is not to be had.
SOON_SECONDS = 1.5

# What a process may need to notice that its time is over, on a busy machine.
SLACK_SECONDS = 5

PROCESSES = 3
TIMES = 30


class Contract(testtools.TestCase):
    """What holds whatever the locks are made of."""

    url: str

    def setUp(self) -> None:
        super().setUp()
        # Nobody waits so long for anything, unless it is never let go.
        self.useFixture(fixtures.Timeout(120, gentle=True))

    def process(self, timeout: float = 30) -> lock_process.LockProcess:
        return self.useFixture(lock_process.LockProcess(self.url, timeout))

    def locks(self, timeout: float = 30) -> locks.ImageLocks:
        image_locks = locks.ImageLocks(self.url, timeout)
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

    def test_an_image_spelled_otherwise(self) -> None:
        self.holder()
        other = self.process(SOON_SECONDS)
        self.assertEqual("LockTimeout", other.ask("acquire", ONE.upper()))

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


class Faults(Contract):
    """A lock server that does not answer, and leases that end."""

    server_class: ClassVar[type[lock_servers.LockServer]]
    server: lock_servers.LockServer

    def setUp(self) -> None:
        super().setUp()
        self.server = self.useFixture(self.server_class())
        self.url = self.server.url(LEASE_SECONDS)

    def assert_unavailable(self, image_locks: locks.ImageLocks) -> None:
        """Assert that a lock is refused, and in time."""
        begin = time.monotonic()
        self.assertRaises(locks.LockUnavailable, image_locks.acquire, OTHER)
        self.assertLess(time.monotonic() - begin, 1 + SLACK_SECONDS)

    def test_a_lock_outlives_its_lease(self) -> None:
        self.holder()
        patient = self.process(3 * LEASE_SECONDS)
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
        image_locks = self.locks(1)
        image_locks.acquire(OTHER).release()
        self.server.pause()
        self.assert_unavailable(image_locks)
        self.server.resume()
        _acquire_again(image_locks, OTHER).release()

    def test_paused_while_one_waits(self) -> None:
        holder, waiting = self.holder(), self.process(5)
        waiting.tell("acquire", ONE)
        self.server.pause()
        begin = time.monotonic()
        self.assertEqual("LockUnavailable", waiting.answer())
        self.assertLess(time.monotonic() - begin, 5 + SLACK_SECONDS)
        self.server.resume()
        holder.ask("release")
        self.assertEqual("held", self.process().ask("acquire", ONE))

    def test_killed_while_a_lock_is_held(self) -> None:
        holder = self.holder()
        self.server.kill()
        self.server.start()
        # It kept its data, and the lock.
        other = self.process(SOON_SECONDS)
        self.assertEqual("LockTimeout", other.ask("acquire", ONE))
        self.assertEqual("released", holder.ask("release"))
        self.assertEqual("held", other.ask("acquire", ONE))

    def test_stopped_at_the_release(self) -> None:
        held = self.locks(1).acquire(ONE)
        self.server.stop()
        begin = time.monotonic()
        held.release()
        self.assertLess(time.monotonic() - begin, 1 + SLACK_SECONDS)
        self.server.start()
        # By the lease, if not by the release: nobody renews it for ever.
        self.assertEqual("held", self.process().ask("acquire", ONE))


def _acquire_again(image_locks: locks.ImageLocks, image_id: str) -> locks.Held:
    """Ask until the lock is got: a driver may be late to notice a server."""
    while True:
        with contextlib.suppress(locks.LockError):
            return image_locks.acquire(image_id)
