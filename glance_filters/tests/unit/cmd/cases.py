# SPDX-License-Identifier: Apache-2.0

"""What the tests of the commands share."""

from __future__ import annotations

import io
import pathlib
import runpy
import types
from collections.abc import Callable
from unittest import mock

import fixtures
import testtools

from glance_filters.cmd import main
from glance_filters.paste.check import loading
from glance_filters.tests.unit.paste import samples


class Output(io.StringIO):
    """What a command writes."""


PASTE = samples.SMALL.replace("\n", "\r\n")


class CommandCase(testtools.TestCase):
    """Runs commands, each with outputs of its own."""

    def run_command(
        self,
        *arguments: str,
        command: Callable[[tuple[str, ...]], int] = main.main,
    ) -> tuple[int, str, str]:
        """Return exit status, standard output and standard error."""
        stdout, stderr = Output(), Output()
        with (
            mock.patch("sys.stdout", stdout),
            mock.patch("sys.stderr", stderr),
        ):
            try:
                status = command(arguments)
            except SystemExit as stop:
                assert isinstance(stop.code, int)
                status = stop.code
        return status, stdout.getvalue(), stderr.getvalue()

    def run_program(
        self, module: types.ModuleType, *arguments: str
    ) -> tuple[int, str, str]:
        """Run a command's module as a program."""
        assert module.__file__ is not None
        path = module.__file__

        def run(_: object) -> int:
            with mock.patch("sys.argv", ["the-program", *arguments]):
                runpy.run_path(path, run_name="__main__")
            raise AssertionError("it does not exit")

        return self.run_command(command=run)


class PasteCase(CommandCase):
    """Runs commands on a paste file, away from any Glance.

    :ivar root: an empty folder, but for the file
    :ivar file: the paste file
    """

    def setUp(self) -> None:
        super().setUp()
        self.root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.file = self.root / "paste.ini"
        self.file.write_bytes(PASTE.encode())
        self.useFixture(
            fixtures.MockPatchObject(
                loading, "_is_beside_glance", return_value=False
            )
        )

    def run_on_file(self, command: str, *more: str) -> tuple[int, str, str]:
        """Run a sub-command on the paste file."""
        return self.run_command(command, str(self.file), *more)
