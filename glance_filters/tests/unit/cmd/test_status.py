# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from unittest import mock

from glance_filters.cmd import status
from glance_filters.tests.unit.cmd import cases


class StatusTest(cases.PasteCase):
    def check(self, conf: str = "") -> tuple[int, str, str]:
        path = self.root / "glance-api.conf"
        path.write_text(f"[paste_deploy]\nconfig_file = {self.file}\n{conf}")
        return self.run_command(
            *("--config-file", str(path), "upgrade", "check"),
            command=status.main,
        )

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

    def test_without_its_library(self) -> None:
        with mock.patch.dict("sys.modules", {"oslo_upgradecheck": None}):
            self.assertEqual(
                (
                    2,
                    "",
                    "glance-filters-status: oslo_upgradecheck is not "
                    "installed: install glance-filters[operator]\n",
                ),
                self.check(),
            )
