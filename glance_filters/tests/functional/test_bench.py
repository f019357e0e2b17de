# SPDX-License-Identifier: Apache-2.0

"""Tests that the benchmarks measure what they say they do."""

from __future__ import annotations

import importlib.util
import unittest

import testtools

from bench import apps, cores, effort, uploads
from glance_filters.tests.fixtures import disk_files, real_glance

_LIBRARIES = ("matplotlib", "werkzeug", "whitenoise")


class PassThroughTest(testtools.TestCase):
    def test_a_few_rounds(self) -> None:
        from bench import passthrough

        # The options of the service, which the peers read, are global.
        self.useFixture(real_glance.RealGlance())
        added = passthrough.measure_added(rounds=2, calls=20)
        section = passthrough.section_of(added)
        self.assertEqual(len(passthrough.KINDS) + 1, len(section.head))
        self.assertEqual(len(apps.FILTERS) + 1, len(section.goals))
        own = {
            (row[0], kind)
            for row in section.rows
            for kind, cell in zip(passthrough.KINDS, row[1:])
            if cell == "its own"
        }
        self.assertEqual(
            {
                ("range_translator", "GET file"),
                ("disk_format_validator", "PUT file"),
                ("location_guard", "PUT file"),
                ("disk_format_validator", "PATCH image"),
                ("location_guard", "PATCH image"),
                ("all four filters", "GET file"),
                ("all four filters", "PUT file"),
                ("all four filters", "PATCH image"),
            },
            own,
        )


class CoresTest(testtools.TestCase):
    def test_ranges_are_given_by_glance_or_cut(self) -> None:
        size = 5 * cores.BLOCK
        # What ignores Range has sent the whole already.
        for is_native in (True, False):
            core = cores.Core(size, is_native)
            app = apps.filtered("range_translator", core)
            environ = apps.environ_of(
                "GET", f"{apps.IMAGE}/file", Range="bytes=1000-70999"
            )
            self.assertEqual(70_000, apps.send(app, environ))
            self.assertEqual(1, core.asked)

    def test_uploads_are_inspected(self) -> None:
        core = uploads.UploadCore("raw")
        app = apps.filtered("disk_format_validator", core, inspect="enforce")
        uploads.put(app, 2**20, uploads.Zeros())
        with testtools.ExpectedException(RuntimeError, "415 .*"):
            uploads.put(app, 2**20, uploads.Zeros(disk_files.qcow2()))


@unittest.skipUnless(
    all(importlib.util.find_spec(name) for name in _LIBRARIES),
    "not installed: bench-requirements.txt",
)
class PeersTest(testtools.TestCase):
    def test_all_give_the_same_bytes(self) -> None:
        from bench import range_peers

        # It raises if one gives less or more than the range.
        (section,) = range_peers.sections(effort.Effort(is_quick=True))
        self.assertEqual(6, len(section.rows))
