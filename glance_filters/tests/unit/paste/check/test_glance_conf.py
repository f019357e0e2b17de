# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pathlib
import re
from unittest import mock

import fixtures
import testtools

import glance_filters.filters
from glance_filters import opts
from glance_filters.filters import shared
from glance_filters.paste.check import glance_conf


class GlanceConfCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def write(self, text: str, name: str = "glance-api.conf") -> str:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)


class ReadTest(GlanceConfCase):
    def test_flavor(self) -> None:
        for text, flavor in (
            ("", "default"),
            ("[paste_deploy]\nflavor =", "default"),
            ("[paste_deploy]\nflavor = keystone", "keystone"),
        ):
            conf = glance_conf.read([self.write(text)])
            self.assertEqual(flavor, glance_conf.flavor(conf))
        self.assertIsNone(glance_conf.flavor(glance_conf.read([])))

    def test_folders(self) -> None:
        self.write("[paste_deploy]\nflavor = a", "d/a.conf")
        self.write("[paste_deploy]\nflavor = b", "d/b.conf")
        self.write("[paste_deploy]\nflavor = c", "d/c.ini")
        for files in ([], [self.write("")]):
            conf = glance_conf.read(files, [str(self.root / "d")])
            self.assertEqual("b", glance_conf.flavor(conf))

    def test_what_cannot_be_read(self) -> None:
        good = self.write("")
        bad = self.write("x", "bad.conf")
        binary = self.root / "binary.conf"
        binary.write_bytes(b"\xff")
        for files, folders, name in (
            ([good, bad], [], bad),
            ([str(binary)], [], str(binary)),
            ([str(self.root / "none.conf")], [], "none.conf"),
            ([], [str(self.root / "none")], "none"),
        ):
            error = self.assertRaises(
                glance_conf.CannotRead, glance_conf.read, files, folders
            )
            self.assertIn(name, str(error))
            self.assertNotIn("\n", str(error))


class UsualConfTest(GlanceConfCase):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(fixtures.EnvironmentVariable("HOME", str(self.root)))

    def test_what_is_read(self) -> None:
        self.write("x", ".glance/glance-cache.conf")
        for name, flavor, arguments in (
            (".glance/glance.conf", "e", []),
            (".glance/glance-api.conf", "a", []),
            ("other.conf", "b", ["--config-file", "{path}"]),
            # As with glance-api, folders are read after each file.
            (".glance/glance-api.conf.d/a.conf", "c", []),
            ("folder/a.conf", "d", ["--config-dir", "{path.parent}"]),
        ):
            path = pathlib.Path(
                self.write(f"[paste_deploy]\nflavor = {flavor}", name)
            )
            conf = glance_conf.UsualConf()
            conf([each.format(path=path) for each in arguments])
            self.assertEqual(flavor, glance_conf.flavor(conf))

    def test_what_cannot_be_read(self) -> None:
        path = pathlib.Path(self.write("x", ".glance/glance-api.conf"))
        for data, text in (
            (b"x", f"Failed to parse {path}: at {path}:1, No "),
            (b"\xff", "the configuration: 'utf-8' codec "),
        ):
            path.write_bytes(data)
            error = self.assertRaises(
                glance_conf.CannotRead, glance_conf.UsualConf(), []
            )
            self.assertEqual(text, str(error)[: len(text)])


class OptionsTest(GlanceConfCase):
    def test_all_that_filters_read_are_known(self) -> None:
        package = pathlib.Path(glance_filters.filters.__file__).parent
        pattern = r'of_service\(\s*(?:None|"(\w+)"),\s*"(\w+)"'
        read = {
            found
            for path in package.rglob("*.py")
            for found in re.findall(pattern, path.read_text())
        }
        self.assertIn(("image_format", "disk_formats"), read)
        conf = glance_conf.GlanceConf()
        conf([], default_config_files=[], default_config_dirs=[])
        for group, name in read:
            # Raises if it is not known.
            conf.get_location(name, group or None)

    def test_values(self) -> None:
        """As Glance's configuration reference has them."""
        formats = ["ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2"]
        formats += ["vdi", "iso", "ploop"]
        methods = ["glance-direct", "web-download", "copy-image"]
        for group, name, text, value in (
            ("DEFAULT", "workers", None, None),
            ("DEFAULT", "workers", "3", 3),
            ("DEFAULT", "enabled_backends", None, {}),
            ("DEFAULT", "enabled_backends", "a:b, c:d", {"a": "b", "c": "d"}),
            ("DEFAULT", "show_multiple_locations", None, False),
            ("DEFAULT", "show_multiple_locations", "yes", True),
            ("DEFAULT", "worker_self_reference_url", None, None),
            ("DEFAULT", "public_endpoint", None, None),
            ("database", "connection", None, None),
            ("DEFAULT", "enabled_import_methods", None, methods),
            ("DEFAULT", "enabled_import_methods", "['a', b]", ["a", "b"]),
            ("image_format", "disk_formats", None, formats),
            ("image_format", "disk_formats", "a,b", ["a", "b"]),
            ("oslo_concurrency", "lock_path", None, None),
            ("paste_deploy", "flavor", None, None),
            ("paste_deploy", "config_file", None, None),
            ("paste_deploy", "config_file", "a.ini", "a.ini"),
        ):
            line = "" if text is None else f"{name} = {text}\n"
            conf = glance_conf.read([self.write(f"[{group}]\n{line}")])
            options = conf if group == "DEFAULT" else conf[group]
            self.assertEqual(value, options[name], f"{name} {text}")
        conf = glance_conf.read([self.write("[DEFAULT]\ndisk_formats = a")])
        self.assertEqual(["a"], conf.image_format.disk_formats)


class CheckTest(GlanceConfCase):
    def check(self, text: str) -> list[str]:
        conf = glance_conf.read([self.write("")], [])
        self.assertEqual([], [*glance_conf.check(conf)])
        self.path = self.write(text)
        return [*map(str, glance_conf.check(glance_conf.read([self.path])))]

    def test_what_nothing_reads(self) -> None:
        for text, finding in (
            (
                "[disk_format_validator]\ninspct = enforce\n",
                "[disk_format_validator] inspct: there is no such option, but "
                "it is in {}. Write inspect.",
            ),
            (
                "[location_guard]\nremve_statuses = x\n",
                "[location_guard] remve_statuses: there is no such option, "
                "but it is in {}. Write remove_statuses.",
            ),
            (
                "[cors]\nx = y\n[glance_filters]\nzzz = 1\n",
                "[glance_filters] zzz: there is no such option, but it is in "
                "{}. Write "
                + " or ".join(sorted(each.dest for each in shared.OPTS))
                + ".",
            ),
            *(
                (
                    f"[{group}]\nlock_timeout = 3\n",
                    f"[{group}]: nothing reads this group of {{}}. Write "
                    "[location_guard].",
                )
                for group in (
                    *("location_gard", "locationguard", "location-guard"),
                    *("location_guards", "Locations_Guard"),
                )
            ),
        ):
            with self.subTest(text):
                found = self.check(text)
                self.assertEqual(
                    [f"error: {finding.format(self.path)}"], found
                )

    def test_what_is_read(self) -> None:
        for group, options in opts.list_opts():
            keys = "".join(f"{opt.dest} = \n" for opt in options)
            self.assertEqual([], self.check(f"[{group}]\n{keys}"))
            self.assertEqual([], self.check(f"[{group.upper()}]\n{keys}"))

    def test_groups_of_others(self) -> None:
        for group in (
            *("DEFAULT", "image_format", "glance_store", "paste_deploy"),
            *("store_type_location_strategy", "location_strategy", "cors"),
        ):
            self.assertEqual([], self.check(f"[{group}]\nx = y\n"))


class OriginTest(GlanceConfCase):
    def test_each(self) -> None:
        group = "location_guard"
        first = self.write(
            f"[{group}]\nlock_timeout = 1\nremove_statuses = queued\n"
        )
        second = self.write(
            f"[{group.upper()}]\nremove_statuses = active\n"
            "[a]\nlock_timeout = 2\n[z]\nlock_timeout = 3\n",
            "d/a.conf",
        )
        conf = glance_conf.read([first], [str(self.root / "d")])
        for name, options in opts.list_opts():
            conf.register_opts(options, name)
        files = glance_conf.parse(conf)
        conf.set_override("add_statuses", ["queued"], group)
        variable = "OS_LOCATION_GUARD__MAX_BODY_SIZE"
        with mock.patch.dict("os.environ", {variable: "7"}):
            for option, origin in (
                ("lock_timeout", first),
                ("remove_statuses", second),
                ("replace_statuses", "default"),
                ("max_body_size", variable),
            ):
                self.assertEqual(
                    origin, glance_conf.origin(conf, files, group, option)
                )
