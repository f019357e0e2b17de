# SPDX-License-Identifier: Apache-2.0

"""The files in ``etc`` say what the code does."""

from __future__ import annotations

import argparse
import configparser
import dataclasses
import pathlib

import testtools

import glance_filters
from glance_filters.cmd import serve
from glance_filters.filters.registry import FILTERS
from glance_filters.proxy import settings

ETC = pathlib.Path(glance_filters.__file__).parents[1] / "etc"
PASTE_FILE = ETC / "glance-filters-proxy-paste.ini"
UNIT_FILE = ETC / "glance-filters-proxy.service"


class PasteFileTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.text = PASTE_FILE.read_text(encoding="utf-8")
        self.file = configparser.ConfigParser(interpolation=None)
        self.file.read_string(self.text)

    def test_all_filters_in_their_order(self) -> None:
        names = [each.name for each in FILTERS]
        pipeline = self.file["pipeline:main"]["pipeline"].split()
        self.assertEqual([*names, "glance"], pipeline)
        for name in names:
            use = self.file[f"filter:{name}"]["use"]
            self.assertEqual(f"egg:glance-filters#{name}", use)

    def test_keys_of_the_proxy(self) -> None:
        self.assertEqual(
            "egg:glance-filters#proxy", self.file["app:glance"]["use"]
        )
        offered = {
            line.lstrip("# ").partition(" = ")[0]: line.partition(" = ")[2]
            for line in self.text.split("[app:glance]")[1].splitlines()
            if " = " in line
        }
        del offered["use"]
        fields = {each.name for each in dataclasses.fields(settings.Settings)}
        self.assertEqual(fields, set(offered))
        del offered["ca_file"]
        expected = settings.Settings(offered["upstream"])
        self.assertEqual(expected, settings.read(offered))


class UnitFileTest(testtools.TestCase):
    def test_command(self) -> None:
        file = configparser.ConfigParser(interpolation=None, strict=False)
        text = UNIT_FILE.read_text(encoding="utf-8").replace("\\\n", " ")
        file.read_string(text)
        command = file["Service"]["ExecStart"].split()
        self.assertEqual("glance-filters", pathlib.Path(command[0]).name)
        parser = argparse.ArgumentParser()
        serve.add_parser(parser.add_subparsers())
        options = parser.parse_args(command[1:])
        self.assertEqual("http://127.0.0.1:9292", options.upstream)
