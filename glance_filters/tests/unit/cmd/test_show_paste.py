# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
from unittest import mock

from glance_filters.paste import show
from glance_filters.tests.unit.cmd import cases


class ShowPasteTest(cases.PasteCase):
    def setUp(self) -> None:
        super().setUp()
        self.run_on_file("insert", "--write", "--filter", "location_guard")
        self.conf = self.root / "glance-api.conf"
        self.conf.write_text("[location_guard]\nremove_statuses = queued\n")
        self.more = ("--config-file", str(self.conf))

    def test_text(self) -> None:
        text = self.file.read_text().replace(
            "[composite:app]",
            "[pipeline:glance-api-a]\npipeline = context location_guard app\n"
            "[pipeline:glance-api-b]\npipeline = context app\n[composite:app]",
        )
        self.file.write_text(text)
        status, output, error = self.run_on_file("show", *self.more)
        self.assertEqual((0, ""), (status, error))
        lines = output.splitlines()
        self.assertEqual(
            [
                "[pipeline:glance-api] pipeline",
                "[pipeline:glance-api-a] pipeline",
                "  [filter:location_guard] location_guard",
                "    [location_guard] enabled = true  (default)",
                "    [location_guard] remove_statuses = queued"
                f"  ({self.conf})",
                "    [location_guard] replace_statuses = active,queued"
                "  (default)",
            ],
            lines[:6],
        )
        self.assertIn("    [glance_filters] stats_host =   (default)", lines)
        self.assertEqual("[pipeline:glance-api-b] pipeline", lines[-1])

    def test_values(self) -> None:
        """They are as a configuration file has them."""
        for value, text in (
            (None, ""),
            (True, "true"),
            (False, "false"),
            (0, "0"),
            (2.5, "2.5"),
            ("a b", "a b"),
            (("a", "b"), "a,b"),
            ((), ""),
        ):
            option = {"group": "g", "name": "n", "value": value, "from": "f"}
            shown = {"section": "s", "name": "x", "options": [option]}
            pipelines = [{"place": "p", "filters": [shown]}]
            with mock.patch.object(show, "show", return_value=pipelines):
                self.assertEqual(
                    (0, f"p\n  s x\n    [g] n = {text}  (f)\n", ""),
                    self.run_on_file("show"),
                )

    def test_json(self) -> None:
        status, output, error = self.run_on_file(
            "show", *self.more, "--format", "json"
        )
        self.assertEqual((0, ""), (status, error))
        self.assertTrue(output.startswith('[\n  {\n    "'), output)
        self.assertTrue(output.endswith("\n  }\n]\n"), output)
        [pipeline] = json.loads(output)
        self.assertEqual("default", pipeline["flavor"])
        [shown] = pipeline["filters"]
        self.assertEqual("location_guard", shown["name"])
        self.assertIn(
            {
                "group": "location_guard",
                "name": "remove_statuses",
                "value": ["queued"],
                "from": str(self.conf),
            },
            shown["options"],
        )

    def test_wrong_configuration(self) -> None:
        self.conf.write_text("[location_guard]\nlock_timeout = x\n")
        status, output, error = self.run_on_file("show", *self.more)
        self.assertEqual((1, ""), (status, error))
        self.assertIn("    error: [location_guard] lock_timeout: ", output)

    def test_unreadable(self) -> None:
        self.file.unlink()
        status, output, error = self.run_on_file("show", *self.more)
        self.assertEqual((2, ""), (status, output))
        self.assertIn(str(self.file), error)
