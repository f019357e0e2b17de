# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import argparse
import importlib.metadata
import subprocess
import sys
from typing import TYPE_CHECKING
from unittest import mock

import fixtures

from glance_filters.cmd import main, status
from glance_filters.tests.unit.cmd import cases

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]


class CommandTest(cases.CommandCase):
    def test_is_installed_as_glance_filters(self) -> None:
        distribution = importlib.metadata.distribution("glance-filters")
        found = {
            each.name: each.load()
            for each in distribution.entry_points
            if each.group == "console_scripts"
        }
        self.assertEqual(
            {
                "glance-filters": main.main,
                "glance-filters-status": status.main,
            },
            found,
        )

    def test_wrong_use(self) -> None:
        for arguments in ((), ("no-such",), ("check-metadefs",)):
            code, output, error = self.run_command(*arguments)
            self.assertEqual((2, ""), (code, output), str(arguments))
            self.assertIn("usage: glance-filters", error)

    def test_usage(self) -> None:
        """What scripts rely on."""
        self.useFixture(fixtures.EnvironmentVariable("COLUMNS", "500"))
        files = "[--config-file GLANCE_API_CONF] [--config-dir DIR]"
        edited = "[--filter NAME] [--flavor NAME] [--write]"
        for command, expected in (
            ("", "[--version] COMMAND ..."),
            ("check", f"{files} PASTE_INI"),
            ("show", f"{files} [--format {{text,json}}] PASTE_INI"),
            ("insert", f"{edited} PASTE_INI"),
            ("remove", f"{edited} PASTE_INI"),
            ("check-metadefs", "DIR"),
            (
                "try",
                "--url URL [--token TOKEN] [--alone URL] [--location-url URL] "
                "[--timeout SECONDS] [--ca-file PEM] [--insecure]",
            ),
            (
                "serve",
                "--upstream URL [--listen HOST:PORT] [--workers N] "
                "[--threads N] [--config-file FILE] [--ca-file PEM] "
                "[--insecure] [--connect-timeout SECONDS] "
                "[--read-timeout SECONDS] [--upstream-host]",
            ),
        ):
            words = command.split()
            status, output, error = self.run_command(*words, "--help")
            self.assertEqual((0, ""), (status, error))
            usage, _, _ = output.partition("\n")
            start = " ".join(["usage: glance-filters", *words, "[-h]"])
            self.assertEqual(f"{start} {expected}", usage)

    def test_version(self) -> None:
        version = importlib.metadata.version("glance-filters")
        self.assertEqual(
            (0, f"glance-filters {version}\n", ""),
            self.run_command("--version"),
        )

    def test_program(self) -> None:
        code, output, error = self.run_program(main, "--version")
        self.assertEqual((0, ""), (code, error))
        self.assertTrue(output.startswith("glance-filters "), output)


class MissingLibraryTest(cases.PasteCase):
    def test_exit_status(self) -> None:
        def run(_: argparse.Namespace) -> int:
            raise ModuleNotFoundError("No module named 'x.y'", name="x.y")

        def add_parser(sub_parsers: SubParsers) -> None:
            sub_parsers.add_parser("try").set_defaults(run=run)

        with mock.patch.object(main, "SUB_COMMANDS", (add_parser,)):
            self.assertEqual(
                (2, "", "glance-filters: x.y is not installed\n"),
                self.run_command("try"),
            )

    def test_is_told_in_one_line(self) -> None:
        libraries = ("oslo_config", "paste", "webob", "routes", "jsonschema")
        program = (
            "import sys; from glance_filters.cmd import main; "
            f"sys.modules.update(dict.fromkeys({libraries}, None)); "
            "sys.exit(main.main())"
        )
        for command in ("insert", "remove", "check", "show"):
            done = subprocess.run(
                [sys.executable, "-c", program, command, str(self.file)],
                capture_output=True,
                text=True,
            )
            self.assertEqual((2, ""), (done.returncode, done.stdout))
            self.assertRegex(
                done.stderr, r"\Aglance-filters: \w+ is not installed\n\Z"
            )

    def test_insert_needs_none_of_the_extras(self) -> None:
        modules = {"oslo_upgradecheck": None, "configupdater": None}
        with mock.patch.dict("sys.modules", modules):
            self.assertEqual(0, self.run_on_file("insert")[0])
