# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pathlib
from typing import Any
from unittest import mock

import fixtures
import testtools
from oslo_config import cfg

from glance_filters.filters import configuration, registry, standalone


class InFrontOfTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        # The configuration and the log of a process are global.
        self.conf = cfg.ConfigOpts()
        self.useFixture(fixtures.MockPatchObject(cfg, "CONF", self.conf))
        log = fixtures.MockPatch("oslo_log.log.setup")
        self.setup = self.useFixture(log).mock

    def make(self, text: str) -> Any:
        path = self.root / "filters.conf"
        path.write_text(text)
        return standalone.in_front_of(lambda *arguments: [], [str(path)])

    def test_filters_and_options(self) -> None:
        made = self.make("[range_translator]\nmax_ranges = 3\n")
        self.setup.assert_called_once_with(self.conf, "glance-filters")
        self.assertIn("log_file", self.conf)
        found = []
        while hasattr(made, "name"):
            found.append(made.name)
            if made.name == "range_translator":
                self.assertEqual(3, made._settings.max_ranges)
            made = made._app
        self.assertEqual([each.name for each in registry.FILTERS], found)
        self.assertEqual([], made({}, None))

    def test_wrong_files(self) -> None:
        for text in ("[range_translator]\nmax_ranges = x\n", "nonsense\n"):
            with mock.patch.object(cfg, "CONF", cfg.ConfigOpts()):
                self.assertRaises(
                    configuration.ConfigurationError, self.make, text
                )
        self.assertRaises(
            configuration.ConfigurationError,
            standalone.in_front_of,
            mock.Mock(),
            [str(self.root / "x")],
        )
