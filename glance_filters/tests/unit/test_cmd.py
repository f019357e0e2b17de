# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

from __future__ import annotations

import configparser
import importlib
import io
import pathlib

import fixtures
import testtools

import glance_filters
from glance_filters import datafiles
from glance_filters.cmd import main

SETUP_CFG = pathlib.Path(glance_filters.__file__).parents[1] / "setup.cfg"


class CommandTestCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.stdout = io.StringIO()
        self.stderr = io.StringIO()
        self.useFixture(fixtures.MonkeyPatch("sys.stdout", self.stdout))
        self.useFixture(fixtures.MonkeyPatch("sys.stderr", self.stderr))

    def run_command(self, *arguments: str) -> tuple[int, str, str]:
        """Return exit status, standard output and standard error."""
        try:
            status = main.main(arguments)
        except SystemExit as stop:
            assert isinstance(stop.code, int)
            status = stop.code
        return status, self.stdout.getvalue(), self.stderr.getvalue()


class CommandTest(CommandTestCase):
    def test_is_installed_as_glance_filters(self) -> None:
        config = configparser.ConfigParser()
        config.read(SETUP_CFG)
        [script] = config["entry_points"]["console_scripts"].split("\n")[1:]
        name, _, target = script.partition(" = ")
        module, _, function = target.partition(":")
        self.assertEqual("glance-filters", name)
        self.assertIs(
            main.main, getattr(importlib.import_module(module), function)
        )

    def test_wrong_use(self) -> None:
        for arguments in ((), ("no-such",), ("check-metadefs",)):
            status, output, error = self.run_command(*arguments)
            self.assertEqual((2, ""), (status, output), str(arguments))
            self.assertIn("usage: glance-filters", error)


class CheckMetadefsTest(CommandTestCase):
    def test_clean(self) -> None:
        self.assertEqual(
            (0, "", ""),
            self.run_command(
                "check-metadefs", str(datafiles.metadefs_folder())
            ),
        )

    def test_one_line_for_each_finding(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        (folder / "a.json").write_text('{"namespace": "A", "tags": [{}, 1]}')
        (folder / "b.json").write_text("[]")
        self.assertEqual(
            (
                1,
                f"{folder}/a.json: $.tags[0]: member 'name' is missing\n"
                f"{folder}/a.json: $.tags[1]: must be an object\n"
                f"{folder}/b.json: $: must be an object\n",
                "",
            ),
            self.run_command("check-metadefs", str(folder)),
        )

    def test_unreadable(self) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        status, output, error = self.run_command(
            "check-metadefs", f"{folder}/absent"
        )
        self.assertEqual((2, ""), (status, output))
        self.assertIn(f"{folder}/absent", error)
