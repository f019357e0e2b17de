# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from unittest import mock

import fixtures

from glance_filters.cmd import status
from glance_filters.tests.unit.cmd import cases


class StatusTest(cases.PasteCase):
    def run_check(self, *arguments: str) -> tuple[int, str, str]:
        return self.run_command(
            *arguments, "upgrade", "check", command=status.main
        )

    def check(self, conf: str = "") -> tuple[int, str, str]:
        path = self.root / "glance-api.conf"
        path.write_text(f"[paste_deploy]\nconfig_file = {self.file}\n{conf}")
        return self.run_check("--config-file", str(path))

    def test_codes(self) -> None:
        code, output, _ = self.check()
        self.assertEqual(1, code, output)
        self.assertIn("none of the filters", output)
        self.run_on_file("insert", "--write")
        code, output, _ = self.check(
            "[image_format]\ndisk_formats = raw\n"
            "[disk_format_validator]\ndisk_formats = raw,new\n"
        )
        self.assertEqual(1, code, output)
        self.assertIn("[image_format]", output)
        code, output, _ = self.check()
        self.assertEqual(0, code, output)
        self.file.write_text("x")
        code, output, _ = self.check()
        self.assertEqual(2, code, output)
        self.file.unlink()
        code, output, _ = self.check()
        self.assertEqual(2, code, output)
        self.assertIn("there is no", output)

    def test_files_of_glance_api(self) -> None:
        """Without arguments those are read that glance-api reads."""
        self.useFixture(fixtures.EnvironmentVariable("HOME", str(self.root)))
        home = self.root / ".glance"
        folder = home / "glance-api.conf.d"
        folder.mkdir(parents=True)
        other = self.root / "other.conf"
        other.write_text("")
        named = "[paste_deploy]\nconfig_file = "
        for path, text, arguments, code, words in (
            (home / "glance-api.conf", f"{named}a", [], 2, "there is no a "),
            (folder / "a.conf", f"{named}b", [], 2, "there is no b "),
            (
                *(folder / "a.conf", ""),
                *(["--config-file", str(other)], 2),
                "there is no glance-api-paste.ini ",
            ),
            # It is found in the folder of the service.
            (
                *(home / "glance-api-paste.ini", cases.PASTE),
                *(["--config-file", str(other)], 1),
                "none of the filters",
            ),
        ):
            path.write_text(text)
            found, output, error = self.run_check(*arguments)
            self.assertEqual((code, ""), (found, error))
            self.assertIn(words, output)

    def test_a_configuration_that_cannot_be_read(self) -> None:
        path = self.root / "glance-api.conf"
        prefix = "glance-filters-status: "
        for data, text in (
            (None, f"Failed to find some config files: {path}"),
            (b"x", f"Failed to parse {path}: at {path}:1, "),
            (b"\xff", "the configuration: 'utf-8' codec "),
        ):
            if data is not None:
                path.write_bytes(data)
            code, output, error = self.run_check("--config-file", str(path))
            self.assertEqual((2, ""), (code, output))
            self.assertTrue(error.startswith(f"{prefix}{text}"), error)
            self.assertTrue(error.endswith("\n"), error)
            self.assertEqual(1, error.count("\n"))

    def test_program(self) -> None:
        arguments = ("--config-file", "/no-such", "upgrade", "check")
        self.assertEqual(
            (
                2,
                "",
                "glance-filters-status: Failed to find some config files: "
                "/no-such\n",
            ),
            self.run_program(status, *arguments),
        )

    def test_without_its_library(self) -> None:
        # Nor without what that needs itself.
        modules = dict.fromkeys(("oslo_upgradecheck", "oslo_config"))
        with mock.patch.dict("sys.modules", modules):
            self.assertEqual(
                (
                    2,
                    "",
                    "glance-filters-status: oslo_upgradecheck is not "
                    "installed: install glance-filters[operator]\n",
                ),
                self.run_program(status, "upgrade", "check"),
            )
