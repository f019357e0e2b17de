# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from typing import Any
from unittest import mock

from glance_filters.paste import edit, show
from glance_filters.paste.check import glance_conf
from glance_filters.paste.file import FACTORIES, NAMES
from glance_filters.tests.unit.paste import samples
from glance_filters.tests.unit.paste.check import cases

GUARD = f"{FACTORIES['location_guard']}\n"


class ShowTest(cases.FileCase):
    def show(
        self, *replacements: str, conf: str = ""
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return all that is shown, and what is of the guard."""
        text = edit.insert(samples.TWO_FLAVORS, NAMES)
        file = self.write(text, *replacements)
        self.conf = self.root / "glance-api.conf"
        self.conf.write_text(conf)
        shown = show.show(file, glance_conf.read([str(self.conf)]))
        [guard] = [
            each
            for each in shown[0]["filters"]
            if each["name"] == "location_guard"
        ]
        return shown, guard

    def options(self, guard: dict[str, Any]) -> dict[str, tuple[Any, str]]:
        return {
            f"{each['group']}.{each['name']}": (each["value"], each["from"])
            for each in guard["options"]
        }

    def test_pipelines(self) -> None:
        shown, _ = self.show()
        self.assertEqual(
            [
                ("default", "[pipeline:glance-api] pipeline"),
                ("a", "[pipeline:glance-api-a] pipeline"),
            ],
            [(each["flavor"], each["place"]) for each in shown],
        )
        for each in shown:
            self.assertEqual(
                [(name, f"[filter:{name}]") for name in NAMES],
                [(one["name"], one["section"]) for one in each["filters"]],
            )

    def test_where_values_come_from(self) -> None:
        _, guard = self.show(
            *(GUARD, f"{GUARD}lock_timeout = 3\nstats_port = 1\n"),
            conf="[location_guard]\nlock_timeout = 4\nadd_statuses = queued\n"
            "[glance_filters]\nstats_host = h\n",
        )
        found = self.options(guard)
        section = f"{self.root}/paste.ini [filter:location_guard]"
        file = str(self.conf)
        for name, value in (
            ("location_guard.enabled", (True, "default")),
            ("location_guard.lock_timeout", (3.0, section)),
            ("location_guard.add_statuses", (("queued",), file)),
            ("location_guard.stats_port", (1, section)),
            ("glance_filters.stats_host", ("h", file)),
        ):
            self.assertEqual(value, found[name], name)
        # It is deprecated, and not set.
        self.assertNotIn("location_guard.stats_host", found)

    def test_values_that_the_filter_finds_itself(self) -> None:
        conf = "[image_format]\ndisk_formats = raw,new\n"
        shown, _ = self.show(conf=conf)
        [found] = [
            self.options(each)["disk_format_validator.disk_formats"]
            for each in shown[0]["filters"]
            if each["name"] == "disk_format_validator"
        ]
        self.assertEqual((("raw", "new"), "default"), found)

    def test_own_configuration(self) -> None:
        own = self.root / "own.conf"
        own.write_text("[location_guard]\nlock_timeout = 9\n")
        _, guard = self.show(
            *(
                GUARD,
                f"{GUARD}oslo_config_project = x\noslo_config_file = {own}\n",
            )
        )
        self.assertEqual(
            (9.0, str(own)), self.options(guard)["location_guard.lock_timeout"]
        )

    def test_secrets_are_masked(self) -> None:
        for conf, value in (("file:///p", "****"), ("", "")):
            conf = f"[location_guard]\ncoordination_url = {conf}\n"
            _, guard = self.show(conf=conf)
            found = self.options(guard)["location_guard.coordination_url"]
            self.assertEqual((value, str(self.conf)), found)
        with mock.patch.object(glance_conf, "origin", return_value="some"):
            _, guard = self.show()
        found = self.options(guard)["location_guard.coordination_url"]
        self.assertEqual(("****", "some"), found)
        _, guard = self.show()
        found = self.options(guard)["location_guard.coordination_url"]
        self.assertEqual(("file://", "default"), found)

    def test_what_is_wrong(self) -> None:
        for more, conf, words in (
            ("nonsense = 1", "", "unknown key 'nonsense'"),
            ("lock_timeout = 100%", "", "%%"),
            ("", "[location_guard]\nlock_timeout = x\n", "lock_timeout"),
        ):
            shown, guard = self.show(GUARD, f"{GUARD}{more}\n", conf=conf)
            self.assertIn(words, guard["error"])
            self.assertNotIn("options", guard)
            self.assertIn("options", shown[0]["filters"][0])

    def test_filters_by_uri(self) -> None:
        uri = "egg:glance-filters#location_guard"
        _, guard = self.show("location_guard range", f"{uri} range")
        self.assertEqual(uri, guard["section"])
        self.assertIn("options", guard)
