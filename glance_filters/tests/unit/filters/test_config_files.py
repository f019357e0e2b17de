# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import fixtures
import testtools
from oslo_config import cfg

from glance_filters.filters import config_files

OPTS = {
    "a_group": (
        cfg.IntOpt("size", default=1),
        cfg.StrOpt("text", default=""),
    )
}
INTERVAL = 10.0
# What was written longer ago than that is whole.
SETTLE = 1.0


class ConfigFilesTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.now = 1000.0
        # The clock of the files; what the file system says counts from it.
        self.useFixture(fixtures.MockPatch("time.time", lambda: self.now))
        self.folder = Path(self.useFixture(fixtures.TempDir()).path)
        self.dropins = self.folder / "conf.d"
        self.dropins.mkdir()
        self.path = self.folder / "a.conf"
        self.write(self.path, "[a_group]\nsize = 2\n", at=10)

    def write(self, path: Path, text: str, at: float) -> None:
        path.write_text(text)
        os.utime(path, (at, at))

    def service(self) -> cfg.ConfigOpts:
        conf = cfg.ConfigOpts()
        conf.register_opt(cfg.StrOpt("state_path", default="/state"))
        conf.register_opt(cfg.StrOpt("url", default="u"), "database")
        conf(
            [
                *("--config-file", str(self.path)),
                *("--config-dir", str(self.dropins)),
            ],
        )
        return conf

    def files(self, interval: float = INTERVAL) -> config_files.ConfigFiles:
        made = config_files.ConfigFiles(self.service(), OPTS, lambda: self.now)
        made.look_every(interval)
        return made

    def test_when_to_look(self) -> None:
        files = self.files()
        for seconds, is_due in ((0, False), (8.9, False), (0.1, True)):
            self.now += seconds
            self.assertEqual(is_due, files.is_due())
        self.assertFalse(files.have_changed())
        self.assertFalse(files.is_due())
        self.now += 9
        self.assertTrue(files.is_due())

    def test_time_that_is_left_to_a_writer(self) -> None:
        """A tenth of the interval, but a second at most."""
        for interval, period in ((1, 0.9), (5, 4.5), (20, 19), (100, 99)):
            files = self.files(interval)
            before = self.now
            for seconds, is_due in ((period - 0.01, False), (period, True)):
                self.now = before + seconds
                self.assertEqual(is_due, files.is_due(), str(interval))

    def test_never(self) -> None:
        files = self.files(0)
        self.now += 1e12
        self.assertFalse(files.is_due())

    def test_a_configuration_without_files(self) -> None:
        for conf in (cfg.ConfigOpts(), cfg.ConfigOpts()):
            files = config_files.ConfigFiles(conf, OPTS, lambda: self.now)
            files.look_every(INTERVAL)
            self.now += 1e12
            self.assertFalse(files.is_due())
            conf([], default_config_files=[], default_config_dirs=[])

    def test_what_is_a_change(self) -> None:
        files = self.files()
        added = self.dropins / "b.conf"
        other = self.dropins / "b.txt"

        def replace() -> None:
            new = self.folder / "new"
            self.write(new, self.path.read_text(), at=20)
            os.replace(new, self.path)

        changes: tuple[tuple[Callable[[], Any], bool], ...] = (
            (lambda: None, False),
            (lambda: os.utime(self.path, (20, 20)), True),
            (lambda: self.write(self.path, "# longer\n" * 9, 20), True),
            (replace, True),
            (lambda: self.write(added, "", 20), True),
            (lambda: self.write(other, "", 20), False),
            (lambda: os.utime(added, (30, 30)), True),
            (lambda: self.path.unlink(), True),
            (lambda: None, False),
            (lambda: added.unlink(), True),
        )
        for change, expected in changes:
            change()
            self.assertEqual(expected, files.have_changed())
            self.assertFalse(files.have_changed())

    def test_a_file_that_is_being_written(self) -> None:
        """It is left until it has not changed for a while."""
        files = self.files()
        self.now += 9
        for number in range(3):
            self.write(self.path, "x" * number, at=self.now)
            self.assertFalse(files.have_changed())
            # The next look is soon.
            self.assertFalse(files.is_due())
            self.now += SETTLE
            self.assertTrue(files.is_due())
        self.assertTrue(files.have_changed())
        self.now += SETTLE
        self.assertFalse(files.is_due())

    def test_a_clock_behind_that_of_the_files(self) -> None:
        files = self.files()
        os.utime(self.path, (self.now + 500, self.now + 500))
        self.assertFalse(files.have_changed())
        self.assertTrue(files.have_changed())

    def test_written_while_the_service_started(self) -> None:
        for age, is_new in ((0, True), (59.5, True), (60, False)):
            os.utime(self.path, (self.now - age, self.now - age))
            files = self.files()
            self.now += 1
            self.assertEqual(is_new, files.have_changed(), str(age))
            self.assertFalse(files.have_changed())

    def test_read(self) -> None:
        files = self.files()
        dropin = self.dropins / "b.conf"
        for text, added, size, expected in (
            ("[a_group]\nsize = 3\ntext = x\n", "", 3, "x"),
            ("[a_group]\nsize = 3\n", "[a_group]\nsize = 4\n", 4, ""),
            ("[A_GROUP]\ntext = y\n[other]\nz = 1\n", "", 1, "y"),
            # What refers to the service's own options.
            ("[a_group]\ntext = $state_path/x\n", "", 1, "/state/x"),
            ("[a_group]\ntext = ${database.url}\n", "", 1, "u"),
            ("[a_group]\ntext = $size\nsize = 5\n", "", 5, "5"),
            (
                "[DEFAULT]\nstate_path = /other\n",
                "[a_group]\ntext = $state_path/x\n",
                1,
                "/other/x",
            ),
        ):
            self.write(self.path, text, 20)
            self.write(dropin, added, 20)
            found = files.read().a_group
            self.assertEqual((size, expected), (found.size, found.text))

    def test_unreadable(self) -> None:
        files = self.files()
        self.write(self.path, "\n", 20)

        def binary() -> None:
            self.path.write_bytes(b"[a_group]\ntext = \xff\xfe\n")

        for change, words in (
            (binary, "utf-8"),
            (lambda: self.path.write_text("["), f"{self.path}, line 1"),
            (
                lambda: self.path.write_text("[a_group]\ntext secret\n"),
                f"Failed to parse {self.path}, line 2",
            ),
            (lambda: self.path.unlink(), str(self.path)),
            (lambda: self.path.mkdir(), str(self.path)),
        ):
            change()
            error = self.assertRaises(config_files.Unreadable, files.read)
            self.assertIn(words, str(error))
            self.assertNotIn("\n", str(error))
            self.assertNotIn("secret", str(error))
        self.path.rmdir()
        self.write(self.path, "\n", 20)
        files.read()
        self.dropins.rmdir()
        error = self.assertRaises(config_files.Unreadable, files.read)
        self.assertIn(str(self.dropins), str(error))

    def test_not_a_system_call_before_it_is_time(self) -> None:
        files = self.files()
        with mock.patch("os.stat") as stat, mock.patch("glob.glob") as glob:
            self.assertFalse(files.is_due())
        stat.assert_not_called()
        glob.assert_not_called()
