# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from glance_filters.paste.file import FACTORIES
from glance_filters.tests.unit.cmd import cases


class EditPasteTest(cases.PasteCase):
    def test_shows_and_writes(self) -> None:
        status, output, error = self.run_on_file("insert")
        self.assertEqual((0, ""), (status, error))
        self.assertEqual(cases.PASTE, self.file.read_bytes().decode())
        self.assertIn("\n-pipeline = context cache app\r\n", output)
        self.assertIn(
            "\n+pipeline = context metadef_overlay disk_format_validator "
            "location_guard range_translator cache app\r\n",
            output,
        )
        self.assertIn(
            f"\n+paste.filter_factory = {FACTORIES['location_guard']}\r\n",
            output,
        )
        self.assertNotIn("No newline", output)
        status, written, error = self.run_on_file("insert", "--write")
        self.assertEqual((0, output), (status, written))
        self.assertEqual(f"the former file is {self.file}.orig\n", error)
        self.assertEqual((0, "", ""), self.run_on_file("insert", "--write"))
        self.assertEqual(0, self.run_on_file("remove", "--write")[0])
        self.assertEqual(cases.PASTE, self.file.read_bytes().decode())

    def test_help(self) -> None:
        for command, words in (
            ("insert", "Put the filters into a paste file of Glance: each "),
            (
                "remove",
                "Take the filters out of a paste file of Glance: each ",
            ),
        ):
            _, output, _ = self.run_command(command, "--help")
            self.assertIn(words, " ".join(output.split()))

    def test_some(self) -> None:
        _, output, _ = self.run_on_file(
            *("insert", "--filter", "range_translator"),
            *("--filter", "location_guard", "--flavor", "default"),
        )
        self.assertIn(
            "\n+pipeline = context location_guard range_translator cache app",
            output,
        )

    def test_a_last_line_without_an_end(self) -> None:
        first, others = cases.PASTE.split("[composite", 1)
        self.file.write_bytes(f"[composite{others}{first.rstrip()}".encode())
        _, output, _ = self.run_on_file("insert")
        end = "cache app\n\\ No newline at end of file\n"
        self.assertEqual(2, output.count(end), output)
        self.assertEqual(2, output.count("No newline"), output)

    def test_what_cannot_be_done(self) -> None:
        for arguments, words in (
            (
                ("insert", "--filter", "none"),
                "there is no filter none; filters: metadef_overlay, "
                "disk_format_validator, location_guard, range_translator",
            ),
            (
                ("insert", "--flavor", "none"),
                f"{self.file}: there is no flavor none; flavors: default",
            ),
        ):
            self.assertEqual(
                (2, "", f"{words}\n"), self.run_on_file(*arguments, "--write")
            )
        for data, words in (
            (b"", "no pipeline"),
            (b"\xff", "decode"),
            (b"x", "cannot be read"),
        ):
            self.file.write_bytes(data)
            status, output, error = self.run_on_file("insert", "--write")
            self.assertEqual((2, ""), (status, output))
            self.assertTrue(error.startswith(f"{self.file}: "), error)
            self.assertIn(words, error)
            self.assertEqual(data, self.file.read_bytes())
        self.file.unlink()
        self.assertEqual(2, self.run_on_file("insert")[0])
