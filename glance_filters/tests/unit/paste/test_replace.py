# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os
import pathlib
import shutil
import stat
from unittest import mock

import fixtures
import testtools

from glance_filters.paste import replace


class ReplaceTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.file = self.root / "paste.ini"
        self.file.write_bytes(b"old\r\n")
        self.file.chmod(0o645)

    def names(self) -> list[str]:
        return sorted(each.name for each in self.root.iterdir())

    def test_replaced_and_kept(self) -> None:
        if not os.geteuid():
            os.chown(self.file, 12, 34)
        before = self.file.stat()
        backup = replace.replace(self.file, "n\u00e9w\r\n")
        self.assertEqual("n\u00e9w\r\n".encode(), self.file.read_bytes())
        self.assertEqual(b"old\r\n", backup.read_bytes())
        for each in (self.file, backup):
            after = each.stat()
            self.assertEqual(before.st_mode, after.st_mode)
            self.assertEqual(before.st_uid, after.st_uid)
            self.assertEqual(before.st_gid, after.st_gid)
        self.assertEqual(["paste.ini", "paste.ini.orig"], self.names())

    def test_no_backup_is_lost(self) -> None:
        for text in ("1", "2", "3"):
            replace.replace(self.file, text)
        kept = [(self.root / name).read_text() for name in self.names()[1:]]
        self.assertEqual(["old\n", "1", "2"], kept)

    def test_nothing_is_lost_if_the_machine_stops(self) -> None:
        """The new text is on the disk before it has the name."""
        events: list[object] = []

        def sync(descriptor: int) -> None:
            events.append(os.fstat(descriptor).st_size)

        def rename(source: str, target: pathlib.Path) -> None:
            events.append(target)
            os.rename(source, target)

        with mock.patch("os.fsync", sync), mock.patch("os.replace", rename):
            replace.replace(self.file, "four")
        self.assertEqual([4, self.file], events)

    def test_nobody_else_reads_the_copy_meanwhile(self) -> None:
        copy, modes = shutil.copy2, []

        def look(source: pathlib.Path, target: pathlib.Path) -> None:
            modes.append(stat.S_IMODE(target.stat().st_mode))
            copy(source, target)

        with mock.patch("shutil.copy2", look):
            replace.replace(self.file, "new")
        self.assertEqual([0o600], modes)

    def test_link_stays(self) -> None:
        link = self.root / "link"
        link.symlink_to(self.file)
        replace.replace(link, "new")
        self.assertTrue(link.is_symlink())
        self.assertEqual("new", self.file.read_text())

    def test_nothing_changes_on_errors(self) -> None:
        with mock.patch("os.replace", side_effect=OSError("full")):
            self.assertRaises(OSError, replace.replace, self.file, "new")
        self.assertEqual(b"old\r\n", self.file.read_bytes())
        self.assertEqual(["paste.ini", "paste.ini.orig"], self.names())
