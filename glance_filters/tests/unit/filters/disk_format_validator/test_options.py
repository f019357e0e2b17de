# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest
from typing import Any
from unittest import mock

from glance_filters.filters.disk_format_validator import (
    DiskFormatValidator,
    inspection,
    options,
)
from glance_filters.tests.unit.filters import declared
from glance_filters.tests.unit.filters.declared import Promise

PROMISES = {
    "enabled": Promise(True),
    "disk_formats": Promise(None),
    "inspect": Promise("auto", choices=("auto", "off", "warn", "enforce")),
    "staged_data": Promise("judge", choices=("judge", "leave")),
    "refuse_locations": Promise(False),
    "max_body_size": Promise(2**20, 1),
    # Former places of options that all filters share.
    "stats_host": Promise(None),
    "stats_port": Promise(None),
}


class SettingsTest(unittest.TestCase):
    def test_promises(self) -> None:
        declared.check_filter(self, DiskFormatValidator, PROMISES)

    def make(
        self, glance_formats: Any = None, **values: Any
    ) -> options.DiskFormatValidatorSettings:
        values = {
            "enabled": True,
            "disk_formats": None,
            "inspect": "auto",
            "staged_data": "judge",
            "refuse_locations": False,
            "max_body_size": 1,
            **values,
        }
        return options.make_settings(values, glance_formats)

    def test_formats_without_glance(self) -> None:
        glance = [
            "ami",
            "ari",
            "aki",
            "vhd",
            "vhdx",
            "vmdk",
            "raw",
            "qcow2",
            "vdi",
            "iso",
        ]
        self.assertEqual((*glance, "ploop"), options.DEFAULT_FORMATS)

    def test_disk_formats(self) -> None:
        for own, of_glance, expected in (
            (["raw"], ["qcow2"], ("raw",)),
            ([], ["qcow2"], ()),
            (None, ["qcow2", "root-tar"], ("qcow2", "root-tar")),
            (None, None, options.DEFAULT_FORMATS),
        ):
            settings = self.make(of_glance, disk_formats=own)
            self.assertEqual(expected, settings.disk_formats)

    def test_lists_that_are_none(self) -> None:
        (opt,) = (x for x in options.OPTS if x.dest == "disk_formats")
        self.assertEqual(["raw", "root-tar"], opt.type("raw, root-tar"))
        for text in (
            "raw qcow2",
            "raw;qcow2",
            "[raw, qcow2]",
            "'raw'",
            '"raw"',
        ):
            with self.subTest(text), self.assertRaises(ValueError):
                opt.type(text)

    def test_inspect(self) -> None:
        for is_available, inspect, expected in (
            (True, "auto", "warn"),
            (True, "off", "off"),
            (True, "warn", "warn"),
            (True, "enforce", "enforce"),
            (False, "off", "off"),
        ):
            with mock.patch.object(
                inspection, "is_available", return_value=is_available
            ):
                self.assertEqual(expected, self.make(inspect=inspect).inspect)

    def test_no_inspectors(self) -> None:
        with mock.patch.object(inspection, "is_available", return_value=False):
            with self.assertLogs(level="INFO") as logs:
                self.assertEqual("off", self.make().inspect)
            self.assertIn("glance-filters[inspect]", logs.output[0])
            for inspect in ("warn", "enforce"):
                with self.assertRaisesRegex(
                    ValueError, rf"inspect = {inspect} .*\[inspect\]"
                ):
                    self.make(inspect=inspect)
