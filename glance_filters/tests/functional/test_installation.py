# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""The wheel, beside the Glance that is installed here."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import fixtures
import testtools

import glance_filters
from glance_filters import datafiles, paste_pipelines

CHECKOUT = pathlib.Path(glance_filters.__file__).parents[1]
WHAT_IS_BUILT = (
    *("setup.py", "setup.cfg", "pyproject.toml", "requirements.txt"),
    *("README.rst", "LICENSE", "etc", "glance_filters"),
)


def pip(*arguments: str) -> str:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check"),
            *arguments,
        ],
        env={**os.environ, "PBR_VERSION": "1.0.0"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


class WheelTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        # In the checkout, what a build leaves would come before what is
        # installed.
        source = self.root / "source"
        source.mkdir()
        for name in WHAT_IS_BUILT:
            each = CHECKOUT / name
            if each.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(each, source / name, ignore=ignored)
            else:
                shutil.copy(each, source / name)
        pip("wheel", "--no-deps", "--wheel-dir", str(self.root), str(source))
        [self.wheel] = self.root.glob("*.whl")

    def test_installing_it_moves_nothing_else(self) -> None:
        told = pip(
            *("install", "--dry-run", "--ignore-installed", "--no-deps"),
            str(self.wheel),
        )
        self.assertIn("Would install glance-filters-1.0.0", told)
        told = pip("install", "--dry-run", str(self.wheel))
        [line] = [x for x in told.splitlines() if "Would install" in x]
        self.assertEqual("Would install glance-filters-1.0.0", line)

    def test_what_is_in_it(self) -> None:
        with zipfile.ZipFile(self.wheel) as wheel:
            names = wheel.namelist()
            [entry_points] = [n for n in names if "entry_points.txt" in n]
            text = wheel.read(entry_points).decode()
        for name in paste_pipelines.FILTERS:
            self.assertIn(f"\n{name} = glance_filters.filters.{name}:", text)
        for end in (
            "glance_filters/py.typed",
            "etc/glance-filters/glance-api-paste.ini",
            f"{datafiles.METADEFS_FOLDER}/compute-hypervisor.json",
        ):
            self.assertTrue([n for n in names if n.endswith(end)], end)
