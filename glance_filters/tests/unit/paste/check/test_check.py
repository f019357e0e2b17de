# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import logging
import sys
from importlib import util
from unittest import mock

from glance_filters.filters.disk_format_validator import inspection
from glance_filters.filters.findings import Finding
from glance_filters.paste import check, edit
from glance_filters.paste.check import glance_conf
from glance_filters.paste.file import FACTORIES, NAMES
from glance_filters.tests.unit.paste import samples
from glance_filters.tests.unit.paste.check import cases

# Behind each of them a section takes keys.
GUARD = f"{FACTORIES['location_guard']}\n"
VALIDATOR = f"{FACTORIES['disk_format_validator']}\n"
OVERLAY = f"{FACTORIES['metadef_overlay']}\n"
A = "[pipeline:glance-api-a]"
# Nothing in it is worth a note.
ONE_WORKER = (
    "[DEFAULT]\nworkers = 1\nshow_multiple_locations = true\n"
    "enabled_import_methods = [glance-direct]\n"
)


class CheckCase(cases.FileCase):
    def check(
        self,
        *replacements: str,
        conf: str | None = None,
        text: str = samples.SMALL,
    ) -> list[Finding]:
        """Insert the filters, replace texts, and check the file."""
        file = self.write(edit.insert(text, NAMES), *replacements)
        files = []
        if conf is not None:
            path = self.root / "glance-api.conf"
            path.write_text(conf)
            files = [str(path)]
        return check.check(file, glance_conf.read(files))


class OptionsTest(CheckCase):
    def test_right(self) -> None:
        self.assertEqual([], self.check())
        self.assertEqual([], self.check(conf=ONE_WORKER))

    def test_what_would_stop_the_start(self) -> None:
        url = "coordination_url ="
        group = "[location_guard]\n"
        for section, keys, conf, words in (
            (GUARD, "nonsense = 1", "", "unknown key 'nonsense'"),
            (GUARD, "lock_timeout = x", "", "lock_timeout = x"),
            (GUARD, "", f"{group}lock_timeout = x\n", "lock_timeout"),
            (GUARD, f"{url} file://var/lock", "", "file://var/lock"),
            (GUARD, f"{url} reddis://h", "", "reddis"),
            (GUARD, f"{url} redis://h?lock_timeout=abc", "", "redis"),
            (GUARD, f"{url} etcd3+http://h?timeout=abc", "", "etcd3"),
            (GUARD, f"{url} /var/lock", "", "coordination_url"),
            (GUARD, "", f"{group}{url} reddis://h\n", "reddis"),
            (OVERLAY, "metadefs_dir = /nowhere", "", "/nowhere"),
            (GUARD, "oslo_config_file = /nowhere", "", "oslo_config_project"),
            (
                *(GUARD, "oslo_config_project=x\noslo_config_file=/nowhere"),
                *("", "/nowhere"),
            ),
        ):
            with self.subTest(keys + conf):
                conf = ONE_WORKER + conf
                found = self.check(section, f"{section}{keys}\n", conf=conf)
                [error] = [each for each in found if not each.is_harmless]
                self.assertIn(words, error.message)
                self.assertIn("Glance does not start", error.mend)

    def test_locks_of_the_database(self) -> None:
        url = f"{GUARD}coordination_url = database\n"
        database = "[database]\nconnection = sqlite:////tmp/x\n"
        self.assertEqual(
            [], self.check(GUARD, url, conf=ONE_WORKER + database)
        )
        [found] = self.check(GUARD, url, conf=ONE_WORKER)
        self.assertIn("[database] connection", found.message)
        self.assertNotIn("--config-file", found.mend)
        self.assertIn(
            "--config-file", self.check_guard(url[len(GUARD) :]).mend
        )

    def test_driver_of_the_database(self) -> None:
        """What is missing for its locks is found, and Galera is named."""
        for connection, missing, words in (
            ("mysql+pymysql://u:secret@h/g", None, "Galera"),
            ("mariadb+pymysql://u:secret@h/g", None, "Galera"),
            ("postgresql+psycopg2://u:secret@h/g", None, ""),
            ("mysql+pymysql://u:secret@h/g", "pymysql", "pymysql"),
            ("postgresql+psycopg2://u:secret@h/g", "psycopg2", "psycopg2"),
            (
                *("mysql+pymysql://u:secret@h/g", "sqlalchemy"),
                "install glance-filters[database]",
            ),
        ):
            driver = connection.partition(":")[0].partition("+")[2]
            if missing is None and not util.find_spec(driver):
                # The functional tests' requirements have it.
                continue
            conf = f"{ONE_WORKER}[database]\nconnection = {connection}\n"
            with self.subTest(connection, missing=missing):
                hidden = {missing: None} if missing else {}
                with mock.patch.dict("sys.modules", hidden):
                    found = self.check(
                        *(GUARD, f"{GUARD}coordination_url = database\n"),
                        conf=conf,
                    )
                self.assertEqual(bool(words), bool(found))
                for each in found:
                    self.assertIn(words, str(each))
                    self.assertNotIn("secret", str(each))
                    self.assertEqual(missing is None, each.is_harmless)

    def check_guard(self, keys: str) -> Finding:
        [found] = self.check(GUARD, f"{GUARD}{keys}\n")
        self.assertFalse(found.is_harmless)
        return found

    def test_what_is_not_installed(self) -> None:
        for module, driver, url in (
            ("redis", "tooz.drivers.redis", "redis://h"),
            ("etcd3gw", "tooz.drivers.etcd3gw", "etcd3+http://h"),
        ):
            with mock.patch.dict("sys.modules", {module: None}):
                sys.modules.pop(driver, None)
                found = self.check_guard(f"coordination_url = {url}")
            self.assertIn(module, found.message)
        with mock.patch("importlib.util.find_spec", return_value=None):
            found = self.check_guard("coordination_url = redis://h")
        self.assertIn("glance-filters[coordination]", found.message)
        with mock.patch.object(inspection, "detection", None):
            [found] = self.check(VALIDATOR, f"{VALIDATOR}inspect = enforce\n")
        self.assertIn("glance-filters[inspect]", found.message)

    def test_what_the_filters_check_themselves(self) -> None:
        for section, key, conf, is_harmless, words in (
            (GUARD, "coordination_url =", ONE_WORKER, None, ""),
            (GUARD, "coordination_url =", "", False, "Set coordination_url"),
            (GUARD, "enabled = no", ONE_WORKER, True, "switched off"),
            (
                *(VALIDATOR, "disk_formats = raw,new", ONE_WORKER),
                *(False, "refuses new"),
            ),
        ):
            with self.subTest(key + conf):
                found = self.check(section, f"{section}{key}\n", conf=conf)
                self.assertEqual(
                    [] if is_harmless is None else [is_harmless],
                    [each.is_harmless for each in found if words in str(each)],
                )

    def test_data_that_glance_fetches(self) -> None:
        plugins = "[image_import_opts]\nimage_import_plugins = {}\n".format
        ours = "glance_filters_inspect"
        for methods, more, fetching in (
            (None, "", "web-download"),
            (
                "[web-download,'glance-download']",
                *("", "web-download, glance-download"),
            ),
            ("[glance-direct,copy-image]", "", None),
            (None, plugins("[no_op]"), "web-download"),
            (None, plugins(f"[{ours},no_op]"), None),
            (None, plugins(f"['{ours}']"), None),
            (None, "[disk_format_validator]\ninspect = off\n", None),
        ):
            with self.subTest(f"{methods} {more}"):
                conf = ONE_WORKER.replace("[glance-direct]", methods or "")
                if methods is None:
                    conf = conf.replace("enabled_import_methods = \n", "")
                found = self.check(conf=conf + more)
                self.assertEqual(
                    [True] if fetching else [],
                    [each.is_harmless for each in found],
                )
                if fetching:
                    self.assertIn(f"inspected: {fetching}.", str(found[0]))
                    self.assertIn(f"Add {ours}", found[0].mend)

    def test_configuration_of_the_section(self) -> None:
        own = self.root / "own.conf"
        own.write_text("[location_guard]\nlock_timeout = x\n")
        found = self.check_guard(
            f"oslo_config_project = own\noslo_config_file = {own}"
        )
        self.assertIn("lock_timeout", found.message)

    def test_keys_that_do_not_reach_the_filter(self) -> None:
        head = "[composite:app]\n"
        shadow = (head, f"[DEFAULT]\nlock_timeout = 5\n{head}")
        self.assertEqual([], self.check(*shadow))
        [found] = self.check(GUARD, f"{GUARD}lock_timeout = 3\n", *shadow)
        self.assertEqual("[filter:location_guard] lock_timeout", found.place)
        self.assertIn("Remove it from [DEFAULT]", found.mend)
        found = self.check_guard("set lock_timeout = 3")
        place = "[filter:location_guard] set lock_timeout"
        self.assertEqual(place, found.place)
        self.assertEqual("Write lock_timeout = ...", found.mend)

    def test_values_with_percent_signs(self) -> None:
        found = self.check_guard("coordination_url = redis://:a%b@h")
        place = "[filter:location_guard] coordination_url"
        self.assertEqual(place, found.place)
        self.assertNotIn("a%b", str(found))

    def test_sections_that_no_pipeline_names(self) -> None:
        section = "[filter:own]\nuse = egg:glance-filters#location_guard\n"
        head = "[composite:app]\n"
        for keys, place in (
            ("lock_timeout = 3%", "[filter:own] lock_timeout"),
            ("nonsense = 1", "[filter:own]"),
        ):
            [found] = self.check(head, f"{section}{keys}\n{head}")
            self.assertEqual(place, found.place)
            self.assertTrue(found.is_harmless)

    def test_sections_of_the_same_name(self) -> None:
        keys = "nonsense = 1\n[app:location_guard]\nx = y\n"
        found = self.check_guard(keys)
        self.assertEqual("[filter:location_guard]", found.place)

    def test_filters_by_uri(self) -> None:
        uri = "egg:glance-filters#location_guard"
        [found] = self.check(
            *("location_guard range", f"{uri} range"),
            conf=f"{ONE_WORKER}[location_guard]\nlock_timeout = x\n",
        )
        self.assertIn("lock_timeout", found.message)
        self.assertFalse(found.is_harmless)

    def test_no_such_filter(self) -> None:
        [found] = self.check(
            f"paste.filter_factory = {GUARD}",
            "use = egg:glance-filters#guard\n",
        )
        self.assertEqual("[filter:location_guard]", found.place)
        self.assertIn("'guard' not found", found.message)

    def test_nothing_is_logged(self) -> None:
        with mock.patch.object(logging.Logger, "callHandlers") as handle:
            self.check_guard("coordination_url =")
        handle.assert_not_called()
        self.assertEqual(logging.NOTSET, logging.root.manager.disable)


class FlavorsTest(CheckCase):
    def check_flavor(
        self, flavor: str | None, *replacements: str
    ) -> list[Finding]:
        conf = None
        if flavor is not None:
            conf = f"{ONE_WORKER}[paste_deploy]\nflavor = {flavor}\n"
        return self.check(*replacements, conf=conf, text=samples.TWO_FLAVORS)

    def test_used_ones_are_known(self) -> None:
        old = f"{A}\npipeline = context metadef_overlay "
        for flavor, is_harmless in ((None, False), ("a", False), ("", True)):
            for names, words in (
                ("context metadff_overlay", "metadff_overlay"),
                ("context", "is missing"),
                ("metadef_overlay context", "identity"),
            ):
                with self.subTest(names):
                    new = f"{A}\npipeline = {names} "
                    [found] = self.check_flavor(flavor, old, new)
                    self.assertIn(words, found.message)
                    self.assertIs(is_harmless, found.is_harmless)

    def test_sections_of_unused_ones(self) -> None:
        pipeline = (
            f"{A}\npipeline = context metadef_overlay disk_format_validator "
        )
        own = (
            "[filter:own]\nuse = egg:glance-filters#location_guard\n"
            "[composite:app]"
        )
        for flavor, is_harmless in (("a", True), ("", False)):
            [found] = self.check_flavor(
                flavor,
                *(f"{pipeline}location_guard", f"{pipeline}own"),
                *("[composite:app]", own),
                *(GUARD, f"{GUARD}nonsense = 1\n"),
            )
            self.assertEqual("[filter:location_guard]", found.place)
            self.assertIs(is_harmless, found.is_harmless)

    def test_what_flavors_share(self) -> None:
        head = "[composite:app]"
        more = f"[composite:glance-api-b]\nuse = glance-api-a\n{head}"
        old = f"{A}\npipeline = context metadef_overlay "
        new = f"{A}\npipeline = metadef_overlay context "
        for replacements, is_harmless in (
            ((GUARD, f"{GUARD}nonsense = 1\n"), (False, False, False)),
            ((old, new), (False, True, False)),
        ):
            for flavor, expected in zip((None, "", "b"), is_harmless):
                [found] = self.check_flavor(flavor, head, more, *replacements)
                self.assertIs(expected, found.is_harmless)

    def test_a_mistake_is_told_once(self) -> None:
        default = "[pipeline:glance-api] pipeline"
        for flavor, place in (
            (None, f"{default}, {A} pipeline"),
            ("", default),
        ):
            [found] = self.check_flavor(
                flavor, "location_guard range", "location_gaurd range"
            )
            self.assertEqual(place, found.place)
            self.assertEqual("Write location_guard", found.mend)

    def test_pipelines_that_something_else_leads_to(self) -> None:
        old = f"{A}\npipeline = context metadef_overlay "
        composite = "[composite:glance-api]\nuse = egg:other#x\n"
        for flavor in (None, ""):
            [found] = self.check_flavor(
                flavor,
                *("[pipeline:glance-api]", f"{composite}[pipeline:one]"),
                *(old, f"{A}\npipeline = "),
                *("= context metadef_overlay ", "= metadef_overlay context "),
                *(f"{A}\npipeline = ", old),
            )
            self.assertEqual("[pipeline:one] pipeline", found.place)
            self.assertFalse(found.is_harmless)

    def test_no_such_flavor(self) -> None:
        [found] = self.check_flavor("b")
        self.assertEqual("[paste_deploy] flavor", found.place)
        self.assertIn("no flavor b", found.message)
        self.assertEqual("Flavors: default, a", found.mend)
        both = self.check_flavor("b", GUARD, f"{GUARD}nonsense = 1\n")
        self.assertEqual([False, False], [each.is_harmless for each in both])
