# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from typing import Any
from unittest import mock

import fixtures
import testtools

from glance_filters.acceptance import scratch, service, suite
from glance_filters.acceptance.checks import Check, Seen, Trial
from glance_filters.tests.unit.acceptance.cases import answer

HELD, LACKED = Seen(True, "yes"), Seen(False, "no")
NOT_TRIED = "not tried: no"


class RowTest(testtools.TestCase):
    def test_verdicts(self) -> None:
        check = Check("x", "y", lambda trial: HELD)
        for seen, alone, expected in (
            (HELD, None, "holds"),
            (HELD, LACKED, "holds"),
            (HELD, NOT_TRIED, "holds"),
            (HELD, HELD, "by itself"),
            (LACKED, None, "lacks"),
            (LACKED, HELD, "lacks"),
            (NOT_TRIED, None, "not tried"),
            (NOT_TRIED, HELD, "not tried"),
        ):
            row = suite.Row(check, seen, alone)
            self.assertEqual(expected, row.verdict.value)


class RunTest(testtools.TestCase):
    def test_what_is_seen(self) -> None:
        def refuse(trial: Trial) -> Seen:
            raise scratch.NotTried("no")

        def fail(trial: Trial) -> Seen:
            raise service.Unreachable("gone")

        checks = [
            Check("x", "y", run) for run in (lambda trial: HELD, refuse, fail)
        ]
        self.useFixture(
            fixtures.MonkeyPatch(
                "glance_filters.acceptance.suite.CHECKS", checks
            )
        )
        unused: Any = None
        trial = Trial(unused, unused)
        self.assertEqual(
            [(HELD, HELD), (NOT_TRIED, NOT_TRIED), (Seen(False, "gone"),) * 2],
            [(row.seen, row.alone) for row in suite.run(trial, trial)],
        )
        self.assertEqual([None] * 3, [row.alone for row in suite.run(trial)])

    def test_refusal(self) -> None:
        """Why nothing can be tried at all."""
        given = mock.Mock()
        for status, expected in (
            (200, None),
            (401, "GET images: 401 Unauthorized"),
        ):
            given.request.return_value = answer(status)
            self.assertEqual(expected, suite.refusal(given))
        given.request.assert_called_with("GET", "/v2/images?limit=1")
        given.request.side_effect = service.Unreachable("gone")
        self.assertEqual("gone", suite.refusal(given))

    def test_each_is_named_once(self) -> None:
        names = [check.asked for check in suite.CHECKS]
        self.assertEqual(sorted(set(names)), sorted(names))
