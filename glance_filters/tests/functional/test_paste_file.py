# SPDX-License-Identifier: Apache-2.0

"""The paste file of this package against that of the installed Glance."""

from __future__ import annotations

import importlib.metadata
import pathlib

import testtools
from paste.deploy import loadwsgi

import glance_filters
from glance_filters.paste import check
from glance_filters.paste.check import glance_conf
from glance_filters.paste.file import PasteFile
from glance_filters.tests.fixtures import glance_releases

OURS = (
    pathlib.Path(glance_filters.__file__).parents[1]
    / "etc"
    / "glance-api-paste.ini"
)


def pipelines(path: pathlib.Path, without: set[str]) -> dict[str, list[str]]:
    """Return the pipeline of each flavor, but for the filters *without*."""
    parser = loadwsgi.ConfigLoader(str(path)).parser
    root, found = "composite:glance-api", {}
    for section in parser.sections():
        if section.startswith(root):
            flavor = section[len(root) + 1 :] or "default"
            names = parser.get("composite:api", flavor).split()
            found[flavor] = [name for name in names if name not in without]
    return found


class PasteFileTest(testtools.TestCase):
    def test_nothing_is_wrong_with_it(self) -> None:
        file = PasteFile.read(OURS)
        self.assertEqual([], check.check(file, glance_conf.read([])))

    def test_pipelines_are_glances_and_the_filters(self) -> None:
        ours = {
            entry_point.name
            for entry_point in importlib.metadata.distribution(
                "glance-filters"
            ).entry_points
            if entry_point.group == "paste.filter_factory"
        }
        self.assertEqual(
            pipelines(glance_releases.installed_paste_file(), set()),
            pipelines(OURS, ours),
        )

    def test_filters_and_applications_are_glances(self) -> None:
        ours = loadwsgi.ConfigLoader(str(OURS)).parser
        glances = loadwsgi.ConfigLoader(
            str(glance_releases.installed_paste_file())
        ).parser
        for section in glances.sections():
            if section.startswith(("filter:", "app:")):
                # Paste Deploy adds the path of the file to each section.
                keys = set(glances.options(section)) - set(glances.defaults())
                for key in keys:
                    self.assertEqual(
                        glances.get(section, key), ours.get(section, key)
                    )
