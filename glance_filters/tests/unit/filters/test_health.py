# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any
from unittest import mock

import fixtures
import testtools
from oslo_config import cfg

from glance_filters import locks
from glance_filters.filters import base, health, location_guard
from glance_filters.tests.unit import fakes


class OneOf:
    """A filter with what is wrong with it."""

    def __init__(self, name: str, *complaints: str) -> None:
        self.name = name
        self._complaints = complaints

    def complaints(self) -> Iterator[str]:
        yield from self._complaints


class HealthCheckTest(testtools.TestCase):
    def ask(self, *running: Any) -> tuple[bool, str]:
        check = health.HealthCheck(cfg.ConfigOpts(), {})
        with mock.patch.object(base, "RUNNING", set(running)):
            found = check.healthcheck(9292)
        return found.available, found.reason

    def test_which_are_healthy(self) -> None:
        for running, expected in (
            ((), (True, "OK")),
            ((OneOf("a"), OneOf("b")), (True, "OK")),
            ((OneOf("a", "x"), OneOf("b")), (False, "a: x")),
            # As in a paste file with several pipelines.
            (
                (OneOf("b", "x", "y"), OneOf("a", "z"), OneOf("b", "x")),
                (False, "a: z; b: x; b: y"),
            ),
        ):
            self.assertEqual(expected, self.ask(*running))

    def test_those_that_run_are_known(self) -> None:
        before = set(base.RUNNING)
        with mock.patch.object(cfg, "CONF", cfg.ConfigOpts()):
            cfg.CONF([], default_config_files=[], default_config_dirs=[])
            guard: Any = location_guard.LocationGuard.factory(
                {}, coordination_url=""
            )(fakes.Glance())
        self.assertEqual({guard}, set(base.RUNNING) - before)
        del guard
        gc.collect()
        self.assertEqual(set(), set(base.RUNNING) - before)

    def test_guard(self) -> None:
        self.useFixture(fixtures.FakeLogger())
        check = mock.Mock(return_value=None)
        self.useFixture(
            fixtures.MockPatchObject(locks.ImageLocks, "check", check)
        )
        guard: Any = location_guard.LocationGuard.factory(
            {}, coordination_url=""
        )(fakes.Glance())
        self.assertEqual((True, "OK"), self.ask(guard))
        check.return_value = "refused"
        self.assertEqual(
            (False, "location_guard: images cannot be locked: refused"),
            self.ask(guard),
        )
        # What is not used need not work.
        guard = location_guard.LocationGuard.factory(
            {}, enabled="false", coordination_url=""
        )(fakes.Glance())
        self.assertEqual((True, "OK"), self.ask(guard))

    def test_a_reload_that_was_refused(self) -> None:
        guard: Any = location_guard.LocationGuard.factory(
            {}, coordination_url=""
        )(fakes.Glance())
        guard._in_force.refused = "[location_guard] melted"
        self.assertEqual(
            (
                False,
                "location_guard: the former options are in force: "
                "[location_guard] melted",
            ),
            self.ask(guard),
        )
