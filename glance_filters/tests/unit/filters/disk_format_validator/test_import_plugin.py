# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import fixtures
import testtools
from oslo_config import cfg

from glance_filters.filters import configuration, findings
from glance_filters.filters.disk_format_validator import import_plugin, options

NAME = "disk_format_validator"

# What follows image_import_plugins in the file, and whether that is enough.
CASES = (
    ("[glance_filters_inspect]", True),
    ("['glance_filters_inspect']", True),
    ("[image_decompression,glance_filters_inspect,no_op]", True),
    ("[image_decompression]", False),
    ("[glance_filters_inspector]", False),
    ("[]", False),
    # Glance refuses a list without brackets.
    ("glance_filters_inspect", False),
)

OURS = "glance_filters_inspect"
UNPACKED = "before image_decompression unpacks it"
CONVERTED = "image_conversion runs qemu-img"
# The plugins in their order, and what is wrong with it.
ORDERS: tuple[tuple[list[str], list[str]], ...] = (
    ([OURS], []),
    (["image_decompression", OURS, "no_op", "image_conversion"], []),
    ([OURS, "no_op", "image_decompression"], [UNPACKED]),
    (["image_conversion", "no_op", OURS], [CONVERTED]),
    (["image_conversion", OURS, "image_decompression"], [UNPACKED, CONVERTED]),
    (["image_conversion", "image_decompression"], []),
)


class ImportPluginTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.useFixture(fixtures.TempDir()).path)

    def configuration(
        self, conf: cfg.ConfigOpts
    ) -> configuration.Configuration:
        return configuration.Configuration(NAME, options.OPTS, {}, conf)

    def is_in_force(self, conf: cfg.ConfigOpts) -> bool:
        return import_plugin.is_in_force(self.configuration(conf))

    def test_before_glance_registers_the_option(self) -> None:
        for value, expected in CASES:
            text = f"[image_import_opts]\nimage_import_plugins = {value}\n"
            (self.folder / "glance.conf").write_text(text)
            for key in ("file", "dir"):
                path = self.folder / ("glance.conf" if key == "file" else "")
                conf = cfg.ConfigOpts()
                conf([f"--config-{key}={path}"])
                self.assertEqual(expected, self.is_in_force(conf), value)
                self.assertNotIn("image_import_opts", conf, value)

    def test_the_environment_counts(self) -> None:
        self.useFixture(
            fixtures.EnvironmentVariable(
                "OS_IMAGE_IMPORT_OPTS__IMAGE_IMPORT_PLUGINS",
                "[glance_filters_inspect]",
            )
        )
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[])
        self.assertTrue(self.is_in_force(conf))

    def test_nothing_was_read(self) -> None:
        self.assertFalse(self.is_in_force(cfg.ConfigOpts()))

    def test_the_file_is_gone(self) -> None:
        path = self.folder / "glance.conf"
        path.touch()
        conf = cfg.ConfigOpts()
        conf([f"--config-file={path}"])
        path.unlink()
        self.assertFalse(self.is_in_force(conf))

    def test_the_option_that_glance_registered(self) -> None:
        conf = cfg.ConfigOpts()
        opt = cfg.ListOpt("image_import_plugins")
        conf.register_opt(opt, "image_import_opts")
        conf([], default_config_files=[])
        for value in ([], ["glance_filters_inspect"]):
            conf.set_override(
                "image_import_plugins", value, "image_import_opts"
            )
            self.assertEqual(bool(value), self.is_in_force(conf))

    def check(
        self,
        plugins: list[str],
        methods: Sequence[str] = (),
        **section: str,
    ) -> list[findings.Finding]:
        conf = cfg.ConfigOpts()
        conf.register_opt(
            cfg.ListOpt("enabled_import_methods", default=list(methods))
        )
        opt = cfg.ListOpt("image_import_plugins", default=plugins)
        conf.register_opt(opt, "image_import_opts")
        conf([], default_config_files=[])
        config = configuration.Configuration(NAME, options.OPTS, section, conf)
        conf.set_override("disk_formats", ["raw"], NAME)
        return list(import_plugin.check("here", config.values(), config))

    def test_what_the_plugin_does_not_see(self) -> None:
        for section, names in (
            ({}, []),
            ({"inspect": "auto", "disk_formats": "raw"}, []),
            ({"staged_data": "leave", "max_body_size": "7"}, []),
            ({"inspect": "enforce"}, ["inspect"]),
            (
                {"disk_formats": "raw,iso", "enabled": "false"},
                ["disk_formats"],
            ),
        ):
            found = self.check([OURS], **section)
            places = [f"here {name}" for name in names]
            self.assertEqual(places, [each.place for each in found])
            self.assertEqual([], [each for each in found if each.is_harmless])

    def test_what_nobody_inspects(self) -> None:
        staged = "staged data is inspected by nobody"
        fetched = (
            "data that Glance itself fetches is not inspected: web-download, "
            "glance-download"
        )
        for methods, section, expected in (
            ([], {}, []),
            (["glance-direct", "copy-image"], {}, []),
            ([], {"staged_data": "leave"}, [(staged, False)]),
            (["glance-download", "web-download"], {}, [(fetched, True)]),
            (["web-download"], {"inspect": "off"}, []),
            (
                ["glance-download", "web-download"],
                {"staged_data": "leave"},
                [(staged, False), (fetched, True)],
            ),
        ):
            found = self.check([], methods, **section)
            self.assertEqual(len(expected), len(found), str(methods))
            for (words, is_harmless), finding in zip(expected, found):
                self.assertIn(words, finding.message)
                self.assertIs(is_harmless, finding.is_harmless)
                self.assertIn(f"Add {OURS} to", finding.mend)

    def test_order(self) -> None:
        for plugins, expected in ORDERS:
            found = self.check(plugins)
            self.assertEqual(len(expected), len(found), str(plugins))
            for words, finding in zip(expected, found):
                self.assertIn(words, finding.message)
                self.assertFalse(finding.is_harmless)
