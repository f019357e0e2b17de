# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import contextlib
import fcntl
import itertools
import logging
import os
import shutil
import stat
import struct
from collections.abc import Callable
from typing import Any
from unittest import mock

import fixtures
import testtools

from glance_filters.locks import errors, folder

ONE = b"glance-filters-image-1"
OTHER = b"glance-filters-image-2"


class FolderCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = self.useFixture(fixtures.TempDir()).path
        self.parent = os.path.join(self.root, "state")
        self.folder = os.path.join(self.parent, "locks")
        self.file = os.path.join(self.folder, "image-locks")
        self.locks = folder.FolderLocks(self.folder)
        # Another process: its locks are those of other open files.
        self.others = folder.FolderLocks(self.folder)
        self.logger = self.useFixture(
            fixtures.FakeLogger("glance_filters", level=logging.INFO)
        )
        self.useFixture(
            fixtures.MockPatchObject(folder, "_MAKE_SECONDS", 0.02)
        )
        self.addCleanup(lambda: self.assertEqual(set(), folder._descriptors))

    def lock(self, name: bytes = ONE) -> Callable[[], None]:
        # However slow the machine is.
        with mock.patch.object(folder, "_MAKE_SECONDS", 30):
            release = self.locks.try_lock(name)
        assert release is not None
        return release

    def assert_unavailable(self, text: str) -> None:
        for method in (self.locks.check, lambda: self.locks.try_lock(ONE)):
            error = self.assertRaises(errors.LockUnavailable, method)
            self.assertIn(text, str(error))


class LockTest(FolderCase):
    def test_one_at_a_time(self) -> None:
        release = self.lock()
        for each in (self.locks, self.others):
            self.assertIsNone(each.try_lock(ONE))
        self.lock(OTHER)()
        self.locks.close()
        self.assertIsNone(self.others.try_lock(ONE))
        release()
        self.lock()()

    def test_one_empty_file_for_all(self) -> None:
        releases = [self.lock(str(number).encode()) for number in range(50)]
        self.assertEqual(["image-locks"], os.listdir(self.folder))
        self.assertEqual(0, os.path.getsize(self.file))
        for release in releases:
            release()
        self.assertEqual("", self.logger.output)

    def test_nobody_else_may_look_in(self) -> None:
        self.addCleanup(os.umask, os.umask(0))
        self.lock()()
        for path, mode in ((self.folder, 0o700), (self.file, 0o600)):
            self.assertEqual(mode, stat.S_IMODE(os.stat(path).st_mode))

    def test_a_fork_does_not_keep_the_lock(self) -> None:
        # Its parent ends without a release, as if it were killed.
        reader, writer = os.pipe()
        forked, told = os.pipe()
        parent = os.fork()
        if not parent:
            os.close(writer)
            self.lock()
            if not os.fork():
                os.write(told, b"1")
                os.read(reader, 1)
            os._exit(0)
        os.close(reader)
        try:
            os.read(forked, 1)
            os.waitpid(parent, 0)
            self.lock()()
        finally:
            for each in (writer, forked, told):
                os.close(each)

    def test_the_end_of_a_fork_releases_nothing(self) -> None:
        release = self.lock()
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        self.assertIsNone(self.others.try_lock(ONE))
        release()


class ByteTest(testtools.TestCase):
    def test_the_same_in_each_release(self) -> None:
        """Old and new workers exclude each other during an upgrade."""
        request = struct.unpack("hhqqi0q", folder._request_of(b"a"))
        expected = (fcntl.F_WRLCK, os.SEEK_SET, 3649569658711240562, 1, 0)
        self.assertEqual(expected, request)


class LineTest(FolderCase):
    def test_a_lock_is_left_to_who_is_next(self) -> None:
        release = self.lock()
        place = self.others.line_up(ONE)
        assert place is not None
        self.assertIsNone(self.locks.line_up(ONE))
        release()
        # The former holder is as fast as it can be, and yet not served.
        self.assertIsNone(self.locks.try_lock(ONE))
        # Nor does it stop anybody who wants another one.
        self.lock(OTHER)()
        theirs = self.others.try_lock(ONE, is_next=True)
        assert theirs is not None
        place()
        self.assertIsNone(self.locks.try_lock(ONE))
        theirs()
        self.lock()()

    def test_a_place_ends_with_its_process(self) -> None:
        # So that there is a file, however slow the machine is.
        self.lock()()
        child = os.fork()
        if not child:
            place = self.others.line_up(ONE)
            os._exit(0 if place else 1)
        self.assertEqual((child, 0), os.waitpid(child, 0))
        self.lock()()


class RemovalTest(FolderCase):
    """What if someone tidies up while locks are held."""

    def remove_file(self) -> None:
        os.unlink(self.file)

    def remove_folder(self) -> None:
        shutil.rmtree(self.folder)

    def replace_folder(self) -> None:
        os.rename(self.folder, f"{self.folder}-old")
        os.mkdir(self.folder, 0o700)

    def test_while_free(self) -> None:
        for remove in (
            self.remove_file,
            self.remove_folder,
            self.replace_folder,
            lambda: shutil.rmtree(self.parent),
        ):
            with self.subTest(remove):
                self.lock()()
                remove()
                self.lock()()

    def test_while_held(self) -> None:
        for remove in (
            self.remove_file,
            self.remove_folder,
            self.replace_folder,
        ):
            with self.subTest(remove):
                releases = [self.lock(), self.lock(OTHER)]
                remove()
                for release in releases:
                    # A new file would not tell what is held.
                    error = self.assertRaises(
                        errors.LockTimeout, self.others.try_lock, ONE
                    )
                    self.assertIn("was removed while", str(error))
                    release()
                self.lock()()
                shutil.rmtree(f"{self.folder}-old", ignore_errors=True)
        self.assertEqual("", self.logger.output)

    def test_a_slow_disk(self) -> None:
        """What takes long to make is there all the same."""
        with mock.patch("time.monotonic", side_effect=itertools.count()):
            release = self.locks.try_lock(ONE)
        assert release is not None
        release()

    def test_file_where_everybody_may_write_around(self) -> None:
        os.mkdir(self.parent)
        os.chmod(self.parent, 0o1777)
        release = self.lock()
        self.remove_file()
        clock = mock.Mock()
        clock.monotonic.side_effect = [1, 1.01, 1.03]
        with mock.patch.object(folder, "time", clock):
            self.assertRaises(errors.LockTimeout, self.others.try_lock, ONE)
        # It does not ask for all of the time.
        self.assertEqual([mock.call(0.001)] * 3, clock.sleep.mock_calls)
        release()
        self.lock()()

    def test_what_is_not_noticed_in_time_is_told(self) -> None:
        os.mkdir(self.parent)
        os.chmod(self.parent, 0o1777)
        release = self.lock()
        self.remove_folder()
        self.lock()()
        self.assertEqual("", self.logger.output)
        release()
        self.assertEqual(
            "An image lock may have been lost while it was held: "
            f"{self.folder} was removed or replaced\n",
            self.logger.output,
        )

    def test_gone_is_told_too(self) -> None:
        os.mkdir(self.parent)
        os.chmod(self.parent, 0o1777)
        release = self.lock()
        self.remove_folder()
        release()
        self.assertIn("was removed or replaced", self.logger.output)

    def test_made_by_another_process_meanwhile(self) -> None:
        os.mkdir(self.parent)
        stat_of, missing = os.stat, [self.parent]

        def look(path: Any, **options: Any) -> os.stat_result:
            if path in missing:
                missing.remove(path)
                raise FileNotFoundError
            return stat_of(path, **options)

        with fixtures.MonkeyPatch("os.stat", look):
            self.lock()()
        self.assertEqual([], missing)

    def test_replaced_between_open_and_lock(self) -> None:
        os.mkdir(self.parent)
        os.chmod(self.parent, 0o1777)
        self.lock()()
        flock = fcntl.flock

        def flock_too_late(anchor: int, operation: int) -> None:
            fcntl.flock = flock
            self.replace_folder()
            self.lock(OTHER)()
            flock(anchor, operation)

        with fixtures.MonkeyPatch("fcntl.flock", flock_too_late):
            release = self.lock()
        self.remove_file()
        self.assertRaises(errors.LockTimeout, self.others.try_lock, ONE)
        release()

    def test_at_any_moment(self) -> None:
        """Removed between two system calls, whichever they are."""
        for call in ("os.mkdir", "os.open", "fcntl.flock", "fcntl.fcntl"):
            for path in (self.parent, self.folder):
                for moment in range(1, 6):
                    with self.subTest(call, path=path, moment=moment):
                        self.check_removal(call, path, moment)

    def check_removal(self, call: str, path: str, moment: int) -> None:
        module, _, name = call.partition(".")
        original = getattr({"os": os, "fcntl": fcntl}[module], name)
        left = [moment]

        def remove_after(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            left[0] -= 1
            if not left[0]:
                shutil.rmtree(path, ignore_errors=True)
            return result

        with mock.patch(call, remove_after):
            release = self.lock()
            release()
            left[0] = moment
            release = self.lock()
        if os.path.exists(self.parent):
            with contextlib.suppress(errors.LockTimeout):
                self.assertIsNone(self.others.try_lock(ONE))
        release()


class UnusableTest(FolderCase):
    def test_check_makes_nothing(self) -> None:
        self.locks.check()
        self.assertFalse(os.path.exists(self.parent))
        self.lock()()
        self.locks.check()

    def test_a_folder_that_cannot_be_made(self) -> None:
        with open(self.parent, "w"):
            pass
        self.assert_unavailable(f"lock folder {self.folder}: ")

    def test_a_folder_that_is_not_writable(self) -> None:
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o555)
        os.chmod(self.root, 0o755)
        if not os.geteuid():
            # For root every folder is writable.
            self.addCleanup(os.seteuid, 0)
            os.seteuid(65534)
        self.assert_unavailable(
            f"lock folder {self.folder}: Permission denied"
        )

    def test_a_folder_around_that_is_not_readable(self) -> None:
        os.makedirs(self.folder, 0o700)
        os.chmod(self.parent, 0o711)
        os.chmod(self.root, 0o755)
        if not os.geteuid():
            os.chown(self.folder, 65534, 0)
            self.addCleanup(os.seteuid, 0)
            os.seteuid(65534)
        self.lock()()
        self.locks.check()

    def test_a_folder_of_others(self) -> None:
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o777)
        self.assert_unavailable("not safe for locks")
        os.chmod(self.folder, 0o770)
        self.lock()()
        if not os.geteuid():
            os.chown(self.folder, 65534, 0)
            self.assert_unavailable("not safe for locks")

    def test_a_folder_that_is_a_link_or_a_file(self) -> None:
        os.makedirs(self.parent)
        os.symlink(self.root, self.folder)
        self.assert_unavailable("not safe for locks")
        os.unlink(self.folder)
        with open(self.folder, "w"):
            pass
        self.assert_unavailable("not safe for locks")

    def test_a_link_is_not_followed(self) -> None:
        os.makedirs(self.folder)
        elsewhere = os.path.join(self.root, "elsewhere")
        os.symlink(elsewhere, self.file)
        self.assertRaises(errors.LockUnavailable, self.locks.try_lock, ONE)
        self.assertFalse(os.path.exists(elsewhere))
