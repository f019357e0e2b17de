# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pathlib

import fixtures

from glance_filters.metadefs import packaged
from glance_filters.tests.unit.cmd import cases


class CheckMetadefsTest(cases.CommandCase):
    def test_clean(self) -> None:
        folder = str(packaged.metadefs_folder())
        self.assertEqual(
            (0, "", ""), self.run_command("check-metadefs", folder)
        )

    def test_one_line_for_each_finding(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        (folder / "a.json").write_text('{"namespace": "A", "tags": [{}, 1]}')
        (folder / "b.json").write_text("[]")
        status, output, error = self.run_command("check-metadefs", str(folder))
        self.assertEqual((1, ""), (status, error))
        places = [line.split(": ")[:2] for line in output.splitlines()]
        self.assertEqual(
            [
                [f"{folder}/a.json", "$.tags[0]"],
                [f"{folder}/a.json", "$.tags[1]"],
                [f"{folder}/b.json", "$"],
            ],
            places,
        )

    def test_unreadable(self) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        status, output, error = self.run_command(
            "check-metadefs", f"{folder}/absent"
        )
        self.assertEqual((2, ""), (status, output))
        self.assertEqual(
            f"[Errno 2] No such file or directory: '{folder}/absent'\n", error
        )
