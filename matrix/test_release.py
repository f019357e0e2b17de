# SPDX-License-Identifier: Apache-2.0

"""The Glance of this environment, by this project's tests and by its own.

To be run in one of the tox environments of ``matrix.releases``.
"""

from __future__ import annotations

import collections
import pathlib
import re
import sys
import unittest
from importlib import metadata

from matrix import (
    exceptions,
    glance_tests,
    observed,
    our_tests,
    releases,
    results,
)


def _normalized(name: str) -> str:
    """Return a distribution's name as the files of versions have it."""
    return re.sub(r"[-_.]+", "-", name).lower()


class ReleaseTest(unittest.TestCase):
    maxDiff = None
    release: releases.Release
    result: results.Result
    folder: pathlib.Path

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        version = metadata.version("glance")
        [cls.release] = [
            each for each in releases.RELEASES if each.version == version
        ]
        python = ".".join(map(str, sys.version_info[:2]))
        cls.result = results.Result(version, cls.release.series, python)
        cls.folder = results.folder(version, python)
        cls.addClassCleanup(cls.result.save)

    def test_a_nothing_was_moved(self) -> None:
        """The filters are installed, and all else is as pinned."""
        pinned = dict(
            line.split("==")
            for line in self.release.pins.read_text().splitlines()
            if not line.startswith("#")
        )
        installed = {
            _normalized(each.metadata["Name"]): each.version
            for each in metadata.distributions()
        }
        self.assertEqual(
            pinned, {name: installed.get(name) for name in pinned}
        )
        self.assertIn("glance-filters", installed)

    def test_b_this_projects_tests(self) -> None:
        ended = our_tests.run(self.folder / "ours.log")
        self.result.ours = dict(collections.Counter(ended.values()))
        self.result.imports = our_tests.describe_imports(ended)
        self.assertEqual(
            [],
            sorted(k for k, v in ended.items() if v not in results.GOOD),
        )

    def test_c_glances_own_tests(self) -> None:
        found = glance_tests.compare(self.folder)
        self.result.glances = dict(collections.Counter(found.alone.values()))
        excepted = set(filter(exceptions.reason, found.different))
        self.result.excepted = sorted(excepted)
        self.result.different = sorted(found.different.keys() - excepted)
        self.assertEqual(
            {},
            {name: found.different[name] for name in self.result.different},
        )
        self.assertGreater(found.insertions, 0)

    def test_d_what_a_client_observes(self) -> None:
        rows = self.result.observed = observed.observe()
        self.assertEqual([], [row for row in rows if not row[2][0]])
