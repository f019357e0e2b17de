# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import fcntl
import logging
import os
import stat
import threading
import time

import fixtures
import hypothesis
import testtools
from hypothesis import strategies as st

from glance_filters import locks
from glance_filters.locks import folder, process

ONE = "2f5b3c1e-6f0e-4a53-9d0f-3a4f0c7b8a11"
OTHER = "9e0d7a52-13f4-4c0b-8f5d-55d1b6a0c722"

# Spellings by which a database may find the image ONE; the collations of
# MySQL that do so are named.
SPELLINGS = (
    ("upper case", ONE.upper()),
    ("mixed case", ONE[:18].upper() + ONE[18:]),
    ("spaces at the end (those with PAD SPACE)", ONE + "  "),
    ("accents (those with _ai)", ONE.replace("e", "\u00e9")),
    ("accents apart", ONE.replace("a", "a\u0301")),
    ("full width (utf8mb4_unicode_ci)", ONE.replace("c", "\uff43")),
    ("other digits (utf8mb4_unicode_ci)", ONE.replace("1", "\u0661")),
    ("ignored characters (utf8mb4_unicode_ci)", "\u00ad" + ONE + "\u200b"),
    ("what a MySQL C string hides", ONE + "\0"),
)

IMPATIENT_SECONDS = 0.1
PATIENT_SECONDS = 30


class NameTest(testtools.TestCase):
    def test_spellings_of_one_image(self) -> None:
        for label, spelling in SPELLINGS:
            with self.subTest(label):
                self.assertEqual(
                    locks.lock_name(ONE), locks.lock_name(spelling)
                )

    def test_the_image_can_be_seen(self) -> None:
        self.assertEqual(
            f"glance-filters-image-{ONE}".encode(), locks.lock_name(ONE)
        )

    def test_images_apart(self) -> None:
        ids = [ONE, OTHER, "", "a", "a b", "ab", "..", "a/b", "\udcff"]
        self.assertEqual(len(ids), len(set(map(locks.lock_name, ids))))

    @hypothesis.given(st.text() | st.binary().map(os.fsdecode))
    def test_valid_for_a_file_and_for_any_server(self, image_id: str) -> None:
        name = locks.lock_name(image_id)
        self.assertRegex(name, b"^[0-9a-z-]+$")
        self.assertLess(len(name), 100)

    @hypothesis.given(st.text(max_size=8))
    def test_case_and_trailing_spaces(self, image_id: str) -> None:
        self.assertEqual(
            locks.lock_name(image_id), locks.lock_name(image_id + " ")
        )
        self.assertEqual(
            locks.lock_name(image_id.casefold()), locks.lock_name(image_id)
        )


def acquire_in_a_fork(image_locks: locks.ImageLocks) -> str:
    """Acquire ONE in a forked process, and return what came of it."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            image_locks.acquire(ONE)
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

    def make(self, timeout: float = PATIENT_SECONDS) -> locks.ImageLocks:
        image_locks = locks.ImageLocks(self.url, timeout)
        self.addCleanup(image_locks.close)
        return image_locks

    def test_threads_exclude_each_other(self) -> None:
        image_locks, inside, most = self.make(), [0], [0]

        def work() -> None:
            for _ in range(20):
                with image_locks.acquire(ONE):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    time.sleep(0)
                    inside[0] -= 1

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([1], most)

    def test_two_filters_of_a_process_exclude_each_other(self) -> None:
        held = self.make().acquire(ONE)
        other = self.make(IMPATIENT_SECONDS)
        self.assertRaises(locks.LockTimeout, other.acquire, ONE.upper())
        held.release()
        other.acquire(ONE).release()

    def test_images_do_not_wait_for_each_other(self) -> None:
        with self.make().acquire(ONE):
            self.make(IMPATIENT_SECONDS).acquire(OTHER).release()

    def test_the_wait_is_bounded(self) -> None:
        with self.make().acquire(ONE):
            begin = time.monotonic()
            image_locks = self.make(IMPATIENT_SECONDS)
            self.assertRaises(locks.LockTimeout, image_locks.acquire, ONE)
            waited = time.monotonic() - begin
        self.assertGreaterEqual(waited, IMPATIENT_SECONDS)
        self.assertLess(waited, IMPATIENT_SECONDS + 5)

    def test_one_who_waits_is_woken(self) -> None:
        image_locks = self.make()
        held = image_locks.acquire(ONE)
        waiting = threading.Thread(
            target=lambda: image_locks.acquire(ONE).release()
        )
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

    def test_nothing_grows(self) -> None:
        image_locks = self.make(IMPATIENT_SECONDS)
        for number in range(100):
            image_locks.acquire(str(number)).release()
        with image_locks.acquire(ONE):
            self.assertRaises(locks.LockTimeout, image_locks.acquire, ONE)
            self.assertEqual(1, process.count())
        self.assertEqual(0, process.count())


class ForkTest(testtools.TestCase):
    def test_it_starts_anew(self) -> None:
        image_locks = locks.ImageLocks("", PATIENT_SECONDS)
        with image_locks.acquire(ONE):
            self.assertEqual("held", acquire_in_a_fork(image_locks))
        self.assertEqual(0, process.count())


class FolderTest(ThreadsTest):
    def setUp(self) -> None:
        super().setUp()
        self.root = self.useFixture(fixtures.TempDir()).path
        self.folder = os.path.join(self.root, "state", "locks")
        self.url = f"file://{self.folder}"

    def mode(self, *path: str) -> int:
        return stat.S_IMODE(os.stat(os.path.join(self.folder, *path)).st_mode)

    def test_nobody_else_may_look_in(self) -> None:
        self.addCleanup(os.umask, os.umask(0))
        with self.make().acquire(ONE):
            self.assertEqual(0o700, self.mode())
            self.assertEqual(0o600, self.mode(locks.lock_name(ONE).decode()))

    def test_no_file_stays(self) -> None:
        with self.make().acquire(ONE), self.make().acquire(OTHER):
            self.assertEqual(2, len(os.listdir(self.folder)))
        self.assertEqual([], os.listdir(self.folder))

    def test_a_folder_that_goes_is_made_again(self) -> None:
        self.make().acquire(ONE).release()
        os.rmdir(self.folder)
        self.make().acquire(ONE).release()

    def test_a_file_removed_by_an_operator(self) -> None:
        held = self.make().acquire(ONE)
        os.unlink(os.path.join(self.folder, locks.lock_name(ONE).decode()))
        held.release()
        self.make().acquire(ONE).release()

    def test_a_fork_does_not_keep_the_lock(self) -> None:
        # Its parent ends without a release, as if it were killed.
        reader, writer = os.pipe()
        parent = os.fork()
        if not parent:
            os.close(writer)
            self.make().acquire(ONE)
            if not os.fork():
                os.read(reader, 1)
            os._exit(0)
        os.close(reader)
        try:
            os.waitpid(parent, 0)
            self.make(IMPATIENT_SECONDS).acquire(ONE).release()
        finally:
            os.close(writer)

    def test_a_file_removed_between_open_and_lock(self) -> None:
        name = locks.lock_name(ONE)
        folder_locks = folder.FolderLocks(self.folder)
        holders = [folder_locks.try_lock(name, 0)]
        flock = fcntl.flock

        def flock_too_late(descriptor: int, operation: int) -> None:
            while holders:
                release = holders.pop()
                assert release is not None
                release()
            flock(descriptor, operation)

        with fixtures.MonkeyPatch("fcntl.flock", flock_too_late):
            release = folder_locks.try_lock(name, 0)
        assert release is not None
        self.assertIsNone(folder_locks.try_lock(name, 0))
        release()

    def test_a_fork_is_another_process(self) -> None:
        with self.make().acquire(ONE):
            self.assertEqual(
                "LockTimeout", acquire_in_a_fork(self.make(IMPATIENT_SECONDS))
            )

    def test_a_folder_that_cannot_be_made(self) -> None:
        with open(os.path.join(self.root, "state"), "w"):
            pass
        error = self.assertRaises(
            locks.LockUnavailable, self.make().acquire, ONE
        )
        self.assertEqual(
            f"lock file in {self.folder}: Not a directory", str(error)
        )
        self.assertEqual(0, process.count())

    def test_a_folder_that_is_not_writable(self) -> None:
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o555)
        os.chmod(self.root, 0o755)
        image_locks = self.make()
        if not os.geteuid():
            # For root every folder is writable.
            self.addCleanup(os.seteuid, 0)
            os.seteuid(65534)
        self.assertRaises(locks.LockUnavailable, image_locks.acquire, ONE)

    def test_a_folder_of_others(self) -> None:
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o777)
        self.check_unsafe()
        os.chmod(self.folder, 0o770)
        self.make().acquire(ONE).release()
        if not os.geteuid():
            os.chown(self.folder, 65534, 0)
            self.check_unsafe()

    def test_a_folder_that_is_a_link(self) -> None:
        os.makedirs(os.path.join(self.root, "elsewhere"))
        os.makedirs(os.path.dirname(self.folder), exist_ok=True)
        os.symlink(os.path.join(self.root, "elsewhere"), self.folder)
        self.check_unsafe()

    def check_unsafe(self) -> None:
        error = self.assertRaises(
            locks.LockUnavailable, self.make().acquire, ONE
        )
        self.assertIn("not safe for lock files", str(error))
        self.assertEqual(0, process.count())

    def test_a_link_is_not_followed(self) -> None:
        os.makedirs(self.folder)
        elsewhere = os.path.join(self.root, "elsewhere")
        os.symlink(
            elsewhere,
            os.path.join(self.folder, locks.lock_name(ONE).decode()),
        )
        self.assertRaises(locks.LockUnavailable, self.make().acquire, ONE)
        self.assertFalse(os.path.exists(elsewhere))


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

    def test_without_tooz(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch("importlib.util.find_spec", lambda name: None)
        )
        error = self.assertRaises(
            ValueError, locks.ImageLocks, "redis://:secret@127.0.0.1:1", 1
        )
        self.assertEqual(
            "locks by 'redis' need tooz: install glance-filters[coordination]",
            str(error),
        )

    def test_files(self) -> None:
        locks.ImageLocks("file:///var/lib/glance/locks", 1)
        self.assertEqual(
            "Images are locked between the processes of this host, by files "
            "in /var/lib/glance/locks\n",
            self.logger.output,
        )

    def test_files_nowhere(self) -> None:
        for url in ("file:", "file://", "file://locks", "file:locks"):
            with self.subTest(url):
                error = self.assertRaises(ValueError, locks.ImageLocks, url, 1)
                self.assertEqual(f"no absolute path in {url!r}", str(error))
