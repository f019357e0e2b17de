# SPDX-License-Identifier: Apache-2.0

"""A fifth filter: one folder, one place in the registry, one entry point."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys

import fixtures
import testtools

import glance_filters
from glance_filters.metadefs import packaged
from glance_filters.tests.fixtures import glance_config, optional

PACKAGE = pathlib.Path(glance_filters.__file__).parent
FOLDER = '''
"""Answers for an image by itself."""
from dataclasses import dataclass
from glance_filters.filters import base, counters
from glance_filters.glance_api import calls


@dataclass(frozen=True)
class Settings:
    enabled: bool


class Fifth(base.Filter[Settings]):
    name = "fifth"
    opts = (base.enabled_opt("answers for an image"), *counters.OPTS)
    api_calls = (calls.DOWNLOAD_IMAGE,)

    @classmethod
    def make_settings(cls, values, config):
        return Settings(**values)

    def handle(self, request, settings):
        def answer(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [request.match.path.encode()]

        return answer
'''
ENTRY_POINTS = "[paste.filter_factory]\n"
ENTRY_POINT = "fifth = glance_filters.filters.fifth:Fifth.factory\n"
# Prints what there is of each filter: its options, and what it answers.
PROGRAM = """
import json, sys
from paste.deploy import loadwsgi
from glance_filters import opts

app = loadwsgi.loadfilter("egg:glance-filters#fifth", global_conf={})(None)
environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/v2/images/x/file"}
environ.update({"SCRIPT_NAME": "", "QUERY_STRING": ""})
body = b"".join(app(environ, lambda *arguments: None)).decode()
groups = {group: [opt.name for opt in opts_] for group, opts_ in
          opts.list_opts()}
json.dump([groups, body], sys.stdout)
"""
# Puts the filters into a file, prints it, checks it and takes them out again.
COMMANDS = """
import sys
from glance_filters.cmd import main

for command in ("insert --write", "check", "remove --write"):
    status = main.main([*command.split(), sys.argv[1]])
    if status:
        sys.exit(f"{command}: {status}")
    if command.startswith("insert"):
        with open(sys.argv[1]) as file:
            print(file.read())
"""


class FifthFilterTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        package = self.root / PACKAGE.name
        ignored = shutil.ignore_patterns("tests", "__pycache__")
        shutil.copytree(PACKAGE, package, ignore=ignored)
        metadefs = self.root / "etc" / "metadefs"
        shutil.copytree(packaged.metadefs_folder(), metadefs)
        # It is what a source tree is known by.
        (self.root / "setup.cfg").touch()
        folder = package / "filters" / "fifth"
        folder.mkdir()
        (folder / "__init__.py").write_text(FOLDER)
        registry = package / "filters" / "registry.py"
        text = registry.read_text()
        for place, line in (
            (
                "# In the order",
                "from glance_filters.filters.fifth import Fifth",
            ),
            (")\n", "    Fifth,"),
        ):
            before, found, after = text.rpartition(place)
            text = f"{before}{line}\n{found}{after}"
        registry.write_text(text)
        distribution = importlib.metadata.distribution("glance-filters")
        metadata = self.root / "glance_filters-1.dist-info"
        metadata.mkdir()
        for name in ("METADATA", "entry_points.txt"):
            (metadata / name).write_text(
                (distribution.read_text(name) or "").replace(
                    ENTRY_POINTS, ENTRY_POINTS + ENTRY_POINT
                )
            )

    def run_python(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root)},
            capture_output=True,
            text=True,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def test_it_is_loaded_with_its_options(self) -> None:
        groups, body = json.loads(self.run_python("-c", PROGRAM))
        self.assertIn("enabled", groups["fifth"])
        self.assertIn("location_guard", groups)
        self.assertEqual("/images/x/file", body)

    @optional.needs("keystoneauth1", "Glance")
    def test_commands_know_it(self) -> None:
        file = self.root / "paste.ini"
        ini = glance_config.paste_ini(layout=glance_config.Layout.PIPELINE)
        file.write_text(ini)
        text = self.run_python("-c", COMMANDS, str(file))
        self.assertIn(" range_translator fifth rootapp", text)
        factory = "glance_filters.filters.fifth:Fifth.factory"
        self.assertIn(f"paste.filter_factory = {factory}", text)
        self.assertEqual(ini, file.read_text())
