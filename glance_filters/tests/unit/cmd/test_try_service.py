# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from unittest import mock

import fixtures

from glance_filters.acceptance import suite
from glance_filters.acceptance.checks import Check, Seen, Trial
from glance_filters.acceptance.scratch import NotTried
from glance_filters.tests.unit.cmd import cases

# Nobody is asked there.
URL, ALONE = "http://127.0.0.1:1", "http://127.0.0.1:2"


def refuse(trial: Trial) -> Seen:
    raise NotTried("no")


class TryTest(cases.CommandCase):
    def run_checks(
        self, arguments: list[str], *checks: Check
    ) -> tuple[int, str, str]:
        with mock.patch.object(suite, "CHECKS", checks):
            with mock.patch.object(suite, "refusal", return_value=None):
                return self.run_command("try", "--token=x", *arguments)

    def test_table(self) -> None:
        held = Check("asked", "expected", lambda trial: Seen(True, "seen"))
        lacked = Check("other", "this", lambda trial: Seen(False, "that"))
        tried = Check("third", "x", refuse)
        self.assertEqual(
            (
                1,
                "holds      asked\n"
                "           expected: expected\n"
                "           seen:     seen\n"
                "lacks      other\n"
                "           expected: this\n"
                "           seen:     that\n"
                "not tried  third\n"
                "           seen:     not tried: no\n"
                "1 holds, 0 by itself, 1 lacks, 1 not tried\n",
                "",
            ),
            self.run_checks([f"--url={URL}"], held, lacked, tried),
        )

    def test_beside_the_service_alone(self) -> None:
        check = Check("asked", "expected", lambda trial: Seen(True, "seen"))
        self.assertEqual(
            (
                0,
                "by itself  asked\n"
                "           seen:     seen\n"
                "           alone:    seen\n"
                "0 holds, 1 by itself, 0 lacks, 0 not tried\n",
                "",
            ),
            self.run_checks([f"--url={URL}", f"--alone={ALONE}"], check),
        )

    def test_an_image_is_left(self) -> None:
        check = Check("x", "y", lambda trial: Seen(True, "z"))
        self.useFixture(
            fixtures.MonkeyPatch(
                "glance_filters.acceptance.scratch.Scratch.__exit__",
                lambda self, *args: self.left.append("the-id"),
            )
        )
        code, _, error = self.run_checks([f"--url={URL}"], check)
        self.assertEqual(1, code)
        self.assertEqual("image the-id could not be deleted\n", error)

    def test_token_of_the_environment(self) -> None:
        for token, expected in ((None, "a token is needed"), ("y", "Refused")):
            self.useFixture(fixtures.EnvironmentVariable("OS_TOKEN", token))
            code, output, error = self.run_command("try", f"--url={URL}")
            self.assertEqual((2, ""), (code, output))
            self.assertIn(expected, error)
