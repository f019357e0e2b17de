# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from glance_filters.tests.unit.cmd import cases


class CheckPasteTest(cases.PasteCase):
    def test_exit_status(self) -> None:
        status, output, error = self.run_on_file("check")
        self.assertEqual((1, ""), (status, error))
        self.assertEqual(
            "error: pipelines: none of the filters is in them. Use "
            "'glance-filters insert'.\n",
            output,
        )
        self.run_on_file("insert", "--write")
        self.assertEqual((0, "", ""), self.run_on_file("check"))
        conf = self.root / "glance-api.conf"
        conf.write_text("[location_guard]\nenabled = no\n")
        folder = self.root / "glance-api.conf.d"
        folder.mkdir()
        (folder / "a.conf").write_text("[location_gard]\n")
        more = ["--config-file", str(conf)]
        status, output, error = self.run_on_file("check", *more)
        self.assertEqual((0, ""), (status, error))
        self.assertIn("note: [filter:location_guard]: it is switched", output)
        more += ["--config-dir", str(folder)]
        status, output, error = self.run_on_file("check", *more)
        self.assertEqual((1, ""), (status, error))
        self.assertIn("\nerror: [location_gard]: ", output)

    def test_names_the_file_that_cannot_be_read(self) -> None:
        conf = self.root / "glance-api.conf"
        more = ("--config-file", str(conf))
        for data in (None, b"x\n", b"\xff"):
            if data is not None:
                conf.write_bytes(data)
            status, output, error = self.run_on_file("check", *more)
            self.assertEqual((2, ""), (status, output))
            self.assertIn(str(conf), error)
            self.assertNotIn(str(self.file), error)
            self.assertEqual(1, error.count("\n"))
            self.assertTrue(error.endswith("\n"), error)
        self.file.unlink()
        self.assertEqual(
            (
                2,
                "",
                f"{self.file}: [Errno 2] No such file or directory: "
                f"'{self.file}'\n",
            ),
            self.run_on_file("check", *more),
        )
