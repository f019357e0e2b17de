# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import configparser
import importlib
import io
import pathlib
from unittest import mock

import fixtures
import testtools

import glance_filters
from glance_filters.cmd import main
from glance_filters.cmd import status as status_command
from glance_filters.filters.disk_format_validator import inspection
from glance_filters.metadefs import packaged

PASTE = """\
[pipeline:glance-api]
pipeline = context cache app
[composite:app]
paste.composite_factory = glance.api:root_app_factory
[filter:context]
paste.filter_factory = glance.api.middleware.context:ContextMiddleware.factory
[filter:cache]
paste.filter_factory = glance.api.middleware.cache:CacheFilter.factory
""".replace("\n", "\r\n")

SETUP_CFG = pathlib.Path(glance_filters.__file__).parents[1] / "setup.cfg"


class CommandTestCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.stdout = io.StringIO()
        self.stderr = io.StringIO()
        self.useFixture(fixtures.MonkeyPatch("sys.stdout", self.stdout))
        self.useFixture(fixtures.MonkeyPatch("sys.stderr", self.stderr))

    def run_command(self, *arguments: str) -> tuple[int, str, str]:
        """Return exit status, standard output and standard error."""
        try:
            status = main.main(arguments)
        except SystemExit as stop:
            assert isinstance(stop.code, int)
            status = stop.code
        return status, self.stdout.getvalue(), self.stderr.getvalue()


class CommandTest(CommandTestCase):
    def test_is_installed_as_glance_filters(self) -> None:
        config = configparser.ConfigParser()
        config.read(SETUP_CFG)
        scripts = config["entry_points"]["console_scripts"].split("\n")[1:]
        found = {}
        for script in scripts:
            name, _, target = script.partition(" = ")
            module, _, function = target.partition(":")
            found[name] = getattr(importlib.import_module(module), function)
        self.assertEqual(
            {
                "glance-filters": main.main,
                "glance-filters-status": status_command.main,
            },
            found,
        )

    def test_wrong_use(self) -> None:
        for arguments in ((), ("no-such",), ("check-metadefs",)):
            status, output, error = self.run_command(*arguments)
            self.assertEqual((2, ""), (status, output), str(arguments))
            self.assertIn("usage: glance-filters", error)


class CheckMetadefsTest(CommandTestCase):
    def test_clean(self) -> None:
        self.assertEqual(
            (0, "", ""),
            self.run_command(
                "check-metadefs", str(packaged.metadefs_folder())
            ),
        )

    def test_one_line_for_each_finding(self) -> None:
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        (folder / "a.json").write_text('{"namespace": "A", "tags": [{}, 1]}')
        (folder / "b.json").write_text("[]")
        self.assertEqual(
            (
                1,
                f"{folder}/a.json: $.tags[0]: member 'name' is missing\n"
                f"{folder}/a.json: $.tags[1]: must be an object\n"
                f"{folder}/b.json: $: must be an object\n",
                "",
            ),
            self.run_command("check-metadefs", str(folder)),
        )

    def test_unreadable(self) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        status, output, error = self.run_command(
            "check-metadefs", f"{folder}/absent"
        )
        self.assertEqual((2, ""), (status, output))
        self.assertIn(f"{folder}/absent", error)


class PasteCase(CommandTestCase):
    def setUp(self) -> None:
        super().setUp()
        root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.file = root / "paste.ini"
        self.file.write_bytes(PASTE.encode())

    def say(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command on the file; the outputs are this run's alone."""
        for each in (self.stdout, self.stderr):
            each.seek(0)
            each.truncate()
        command, *more = arguments
        return self.run_command(command, str(self.file), *more)


class EditPasteTest(PasteCase):
    def test_shows_and_writes(self) -> None:
        status, output, error = self.say("insert")
        self.assertEqual((0, ""), (status, error))
        self.assertEqual(PASTE, self.file.read_bytes().decode())
        self.assertIn("\n-pipeline = context cache app\r\n", output)
        self.assertIn(
            "\n+pipeline = context metadef_overlay disk_format_validator "
            "location_guard range_translator cache app\r\n",
            output,
        )
        self.assertIn("\n+use = egg:glance-filters#location_guard\r\n", output)
        status, written, error = self.say("insert", "--write")
        self.assertEqual((0, output), (status, written))
        self.assertEqual(f"the former file is {self.file}.orig\n", error)
        self.assertEqual((0, "", ""), self.say("insert", "--write"))
        status, _, _ = self.say("remove", "--write")
        self.assertEqual(0, status)
        self.assertEqual(PASTE, self.file.read_bytes().decode())

    def test_some(self) -> None:
        _, output, _ = self.say(
            *("insert", "--filter", "range_translator"),
            *("--filter", "location_guard", "--flavor", "default"),
        )
        self.assertIn(
            "\n+pipeline = context location_guard range_translator cache app",
            output,
        )

    def test_what_cannot_be_done(self) -> None:
        for arguments, words in (
            (("insert", "--filter", "none"), "there is no filter none"),
            (("insert", "--flavor", "none"), "there is no flavor none"),
        ):
            status, output, error = self.say(*arguments, "--write")
            self.assertEqual((2, ""), (status, output))
            self.assertIn(words, error)
        for data, words in (
            (b"", "no pipeline"),
            (b"\xff", "decode"),
            (b"x", "cannot be read"),
        ):
            self.file.write_bytes(data)
            status, output, error = self.say("insert", "--write")
            self.assertEqual((2, ""), (status, output))
            self.assertIn(f"{self.file}: ", error)
            self.assertIn(words, error)
            self.assertEqual(data, self.file.read_bytes())
        self.file.unlink()
        self.assertEqual(2, self.say("insert")[0])
        self.assertEqual(2, self.say("check")[0])

    def test_without_the_library(self) -> None:
        modules = {"glance_filters.paste.pipelines": None}
        with mock.patch.dict("sys.modules", modules):
            with mock.patch.object(
                glance_filters.paste, "pipelines", create=True
            ):
                del glance_filters.paste.pipelines
                for command in ("insert", "remove", "check"):
                    status, _, error = self.say(command)
                    self.assertEqual(2, status)
                    self.assertIn("glance-filters[operator]", error)


class CheckPasteTest(PasteCase):
    def check(self, *replacements: str, conf: str = "") -> tuple[int, str]:
        """Insert the filters, replace texts, and check the file."""
        self.file.write_bytes(PASTE.encode())
        self.say("insert", "--write")
        text = self.file.read_bytes().decode()
        for old, new in zip(replacements[::2], replacements[1::2]):
            self.assertIn(old, text)
            text = text.replace(old, new)
        self.file.write_bytes(text.encode())
        more = []
        if conf:
            path = self.file.with_name("glance-api.conf")
            path.write_text(conf)
            more = ["--config-file", str(path)]
        status, output, error = self.say("check", *more)
        self.assertEqual("", error)
        return status, output

    def test_clean(self) -> None:
        self.assertEqual((0, ""), self.check())

    def test_without_filters(self) -> None:
        status, output, _ = self.say("check")
        self.assertEqual(1, status)
        self.assertIn("none of the filters is in them", output)

    def test_places(self) -> None:
        for old, new, words in (
            ("context metadef_overlay", "metadef_overlay context", "know"),
            (
                "range_translator cache",
                "cache range_translator",
                "behind the cache",
            ),
            (
                "location_guard range_translator",
                "range_translator location_guard",
                "Put them in the order metadef_overlay, disk",
            ),
            (
                "location_guard range",
                "location_guard location_guard range",
                "there twice",
            ),
            (
                "[composite:app]",
                "[pipeline:glance-api-a]\r\npipeline = context location_guard "
                "app\r\n[composite:app]",
                "--filter range_translator --flavor a",
            ),
        ):
            status, output = self.check(old, new)
            self.assertEqual(1, status, words)
            self.assertIn(words, output)

    def test_options(self) -> None:
        guard = "#location_guard\r\n"
        validator = "#disk_format_validator\r\n"
        overlay = "#metadef_overlay\r\n"
        for section, key, conf, status, words in (
            (guard, "nonsense = 1", "", 1, "unknown key 'nonsense'"),
            (guard, "lock_timeout = x", "", 1, "lock_timeout = x"),
            (guard, "enabled = no", "", 0, "note: [filter:location_guard]"),
            (guard, "coordination_url =", "", 1, "Set coordination_url"),
            (
                *(guard, "coordination_url =", "[DEFAULT]\nworkers = 1\n"),
                *(0, "note: [filter:location_guard]: Glance's show_mult"),
            ),
            (
                *(validator, "disk_formats = raw,new"),
                *("[image_format]\ndisk_formats = raw\n", 1, "refuses new"),
            ),
            (overlay, "metadefs_dir = /nowhere", "", 1, "/nowhere"),
            (guard, "", "[location_guard]\nlock_timeout = x\n", 1, "x"),
        ):
            with self.subTest(key):
                found = self.check(section, f"{section}{key}\r\n", conf=conf)
                self.assertEqual(status, found[0], found[1])
                self.assertIn(words, found[1])

    def test_missing_extras(self) -> None:
        guard = "#location_guard\r\n"
        url = f"{guard}coordination_url = redis://127.0.0.1\r\n"
        with mock.patch("importlib.util.find_spec", return_value=object()):
            self.assertEqual((0, ""), self.check(guard, url))
        with mock.patch("importlib.util.find_spec", return_value=None):
            status, output = self.check(guard, url)
        self.assertEqual(1, status)
        self.assertIn("glance-filters[coordination]", output)
        validator = "#disk_format_validator\r\n"
        inspect = f"{validator}inspect = enforce\r\n"
        with mock.patch.object(inspection, "detection", None):
            status, output = self.check(validator, inspect)
        self.assertEqual(1, status)
        self.assertIn("glance-filters[inspect]", output)

    def test_filter_that_is_not_there(self) -> None:
        status, output = self.check("#location_guard", "#locations_guard")
        self.assertEqual(1, status)
        self.assertIn("no filter locations_guard", output)


class StatusTest(PasteCase):
    def check_status(self, conf: str = "") -> tuple[int, str]:
        path = self.file.with_name("glance-api.conf")
        path.write_text(f"[paste_deploy]\nconfig_file = {self.file}\n{conf}")
        for each in (self.stdout, self.stderr):
            each.seek(0)
            each.truncate()
        code = status_command.main(
            ["--config-file", str(path), "upgrade", "check"]
        )
        return code, self.stdout.getvalue()

    def test_codes(self) -> None:
        code, output = self.check_status()
        self.assertEqual(1, code, output)
        self.assertIn("none of the filters", output)
        self.say("insert", "--write")
        code, output = self.check_status("[image_format]\ndisk_formats = raw")
        self.assertEqual(1, code, output)
        self.assertIn("[image_format]", output)
        formats = "ami,ari,aki,vhd,vhdx,vmdk,raw,qcow2,vdi,iso,ploop"
        code, output = self.check_status(
            f"[image_format]\ndisk_formats = {formats}\n"
        )
        self.assertEqual(0, code, output)
        self.file.write_text("x")
        self.assertEqual(2, self.check_status()[0])
        self.file.unlink()
        self.assertEqual(2, self.check_status()[0])
