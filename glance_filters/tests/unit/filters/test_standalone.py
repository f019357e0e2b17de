# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pathlib
import subprocess
import sys

import fixtures
import testtools

# The configuration and the log of a process are global.
PROGRAM = """
import sys
from glance_filters.filters import configuration, registry, standalone
def app(environ, start_response):
    pass
try:
    made = standalone.in_front_of(app, sys.argv[1:])
except configuration.ConfigurationError as error:
    sys.exit(f"wrong: {error}")
names = [each.name for each in registry.FILTERS]
found = []
while made is not app:
    found.append(made.name)
    made = made._app
assert found == names, found
"""


class InFrontOfTest(testtools.TestCase):
    def run_program(self, *files: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *files],
            capture_output=True,
            text=True,
        )
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.stderr.splitlines()[-1] if done.returncode else ""

    def test_filters_and_options(self) -> None:
        root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for number, (text, expected) in enumerate(
            (
                ("[range_translator]\nmax_ranges = 3\n", ""),
                ("[range_translator]\nmax_ranges = x\n", "wrong: "),
                ("nonsense\n", "wrong: "),
            )
        ):
            path = root / f"{number}.conf"
            path.write_text(text)
            found = self.run_program(str(path))
            self.assertEqual(expected, found[: len("wrong: ")], found)
        self.assertEqual("wrong: ", self.run_program(str(root / "x"))[:7])
