# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os

import fixtures
import testtools
from oslo_config import cfg

from glance_filters.filters import configuration

OPTS = (
    cfg.BoolOpt("enabled", default=True, mutable=True),
    cfg.IntOpt("size", default=1, min=1, mutable=True),
    cfg.ListOpt("names", default=["a"], mutable=True),
)
SECONDS = cfg.FloatOpt("seconds", default=2.0, min=0.0)


class ConfigurationTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = os.path.join(
            self.useFixture(fixtures.TempDir()).path, "service.conf"
        )
        self.write("")
        # The section then has a configuration of its own.
        self.section = {
            "oslo_config_project": "glance",
            "oslo_config_program": "glance-api",
            "oslo_config_file": self.path,
        }

    def write(self, text: str) -> None:
        with open(self.path, "w") as file:
            file.write(text)

    def configure(self, **section: str) -> configuration.Configuration:
        return configuration.Configuration(
            "a_filter", OPTS, {**self.section, **section}
        )

    def test_defaults(self) -> None:
        self.assertEqual(
            {"enabled": True, "size": 1, "names": ("a",)},
            self.configure().values(),
        )

    def test_a_file(self) -> None:
        self.write("[a_filter]\nsize = 7\nnames = b, c\n")
        self.assertEqual(
            {"enabled": True, "size": 7, "names": ("b", "c")},
            self.configure().values(),
        )

    def test_the_section_overrides_the_file(self) -> None:
        self.write("[a_filter]\nsize = 7\nenabled = true\n")
        values = self.configure(size="8", enabled="no", names="x,y").values()
        self.assertEqual(
            {"enabled": False, "size": 8, "names": ("x", "y")}, values
        )

    def test_the_services_configuration(self) -> None:
        config = configuration.Configuration("a_test_filter", OPTS, {})
        self.addCleanup(cfg.CONF.clear_override, "size", "a_test_filter")
        cfg.CONF.set_override("size", 9, "a_test_filter")
        self.assertEqual(9, config.values()["size"])

    def test_wrong_sections(self) -> None:
        for section, words in (
            ({"szie": "1"}, ("filter:a_filter", "'szie'", "size")),
            ({"size": "x"}, ("filter:a_filter", "size = x")),
            ({"size": "0"}, ("filter:a_filter", "size = 0")),
            ({"enabled": "perhaps"}, ("filter:a_filter", "enabled")),
        ):
            error = self.assertRaises(
                configuration.ConfigurationError, self.configure, **section
            )
            for word in words:
                self.assertIn(word, str(error))

    def test_wrong_sources(self) -> None:
        self.write("nonsense\n")
        for section, words in (
            ({"oslo_config_file": self.path}, "means nothing without"),
            ({"oslo_config_program": "x"}, "means nothing without"),
            (self.section, "Failed to parse"),
        ):
            error = self.assertRaises(
                configuration.ConfigurationError,
                configuration.Configuration,
                *("a_filter", OPTS, section),
            )
            self.assertIn("[filter:a_filter]", str(error))
            self.assertIn(words, str(error))

    def test_a_project_without_a_file(self) -> None:
        # oslo.config looks for the project's files; it has none.
        config = configuration.Configuration(
            "a_filter", OPTS, {"oslo_config_project": "no-such-project"}
        )
        self.assertEqual(1, config.values()["size"])

    def test_two_filters_of_one_kind(self) -> None:
        # As in a paste file with a pipeline for each flavor.
        one, other = (
            configuration.Configuration("a_twin", OPTS, section)
            for section in ({}, {"size": "5"})
        )
        self.assertEqual(1, one.values()["size"])
        self.assertEqual(5, other.values()["size"])

    def test_a_wrong_file(self) -> None:
        self.write("[a_filter]\nsize = x\n")
        error = self.assertRaises(
            configuration.ConfigurationError, self.configure().values
        )
        self.assertIn("[a_filter] size", str(error))

    def test_what_oslo_config_takes_for_a_number(self) -> None:
        for opt, text, words in (
            (OPTS[1], "", "must not be empty"),
            (SECONDS, " ", "must not be empty"),
            (SECONDS, "nan", "must be a number"),
        ):
            name = opt.dest
            self.write(f"[a_filter]\n{name} = {text}\n")
            for section in ({}, {name: text}):
                config = {**self.section, **section}
                error = self.assertRaises(
                    configuration.ConfigurationError,
                    lambda opt=opt, config=config: configuration.Configuration(
                        "a_filter", [opt], config
                    ).values(),
                )
                self.assertIn(name, str(error))
                self.assertIn(words, str(error))

    def test_an_empty_list(self) -> None:
        self.assertEqual((), self.configure(names="").values()["names"])

    def test_change(self) -> None:
        config = self.configure()
        seen = []
        config.on_change(lambda: seen.append(config.values()["size"]))
        self.write("[a_filter]\nsize = 3\n")
        config.conf.mutate_config_files()
        self.assertEqual([3], seen)
