# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import pathlib
import unittest

import fixtures
import testtools

from glance_filters.filters.metadef_overlay import MetadefOverlay, options
from glance_filters.tests.unit.filters import declared
from glance_filters.tests.unit.filters.declared import Promise

PROMISES = {
    "enabled": Promise(True),
    "metadefs_dir": Promise(None),
    # Former places of options that all filters share.
    "stats_host": Promise(None),
    "stats_port": Promise(None),
}


class OptionsTest(unittest.TestCase):
    def test_promises(self) -> None:
        declared.check_filter(self, MetadefOverlay, PROMISES)


class SettingsTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def write(self, name: str, document: object) -> None:
        (self.folder / name).write_text(json.dumps(document))

    def test_folder(self) -> None:
        self.write("a.json", {"namespace": "A"})
        settings = options.make_settings(True, str(self.folder))
        self.assertEqual(["A"], list(settings.namespaces))

    def test_shipped_files_by_default(self) -> None:
        for folder in (None, ""):
            settings = options.make_settings(True, folder)
            self.assertEqual(
                ["OS::Compute::Hypervisor"], list(settings.namespaces)
            )

    def test_disabled_reads_nothing(self) -> None:
        settings = options.make_settings(False, "/nowhere")
        self.assertFalse(settings.enabled)
        self.assertEqual({}, dict(settings.namespaces))

    def test_wrong_files(self) -> None:
        self.write("good.json", {"namespace": "A"})
        self.write("bad.json", {"namespace": "B", "tags": {}})
        self.write("worse.json", [])
        error = self.assertRaises(
            ValueError, options.make_settings, True, str(self.folder)
        )
        self.assertEqual(
            f"{self.folder}/bad.json: $.tags: must be of type array; "
            f"{self.folder}/worse.json: $: must be of type object",
            str(error),
        )

    def test_no_folder(self) -> None:
        error = self.assertRaises(
            ValueError, options.make_settings, True, "/nowhere"
        )
        self.assertIn("metadefs_dir = /nowhere: ", str(error))
