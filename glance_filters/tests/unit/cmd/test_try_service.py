# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import ssl
from unittest import mock

import fixtures

from glance_filters.acceptance import service, suite
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

    def test_each_row_is_told_at_once(self) -> None:
        """Trials may take minutes; a pipe would keep the rows."""
        flushed = []
        row = Check("a", "b", lambda trial: Seen(True, "c"))
        with mock.patch.object(
            cases.Output,
            "flush",
            lambda self: flushed.append(self.getvalue().count("seen:")),
        ):
            self.run_checks([f"--url={URL}"], row, row)
        self.assertEqual([1, 2], flushed)

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

    def test_cannot_be_used(self) -> None:
        for arguments, expected in (
            ([f"--url={URL}"], f"{URL}: ConnectionRefused"),
            (["--url=nowhere"], "not a URL of a service: 'nowhere'"),
            ([f"--url={URL}", "--ca-file=/no-such"], "[Errno 2] No such file"),
        ):
            found = self.run_command("try", "--token=x", *arguments)
            self.assertEqual((2, ""), found[:2])
            self.assertIn(f"glance-filters try: {expected}", found[2])
            self.assertTrue(found[2].endswith("\n"), found[2])
            self.assertEqual(1, found[2].count("\n"))

    def test_how_the_service_is_asked(self) -> None:
        check = Check("x", "y", lambda trial: Seen(True, "z"))
        for arguments, timeout, is_verified in (
            ([], 10.0, True),
            (["--timeout=3"], 3.0, True),
            (["--insecure"], 10.0, False),
        ):
            made = self.useFixture(
                fixtures.MockPatchObject(service, "Service")
            ).mock
            self.run_checks([f"--url={URL}", *arguments], check)
            url, token, context, seconds = made.call_args.args
            self.assertEqual((URL, "x", timeout), (url, token, seconds))
            self.assertIs(is_verified, context.check_hostname)
            self.assertIs(
                is_verified, context.verify_mode == ssl.CERT_REQUIRED
            )

    def test_location_url(self) -> None:
        seen = []

        def look(trial: Trial) -> Seen:
            seen.append(trial.location_url)
            return Seen(True, "z")

        for arguments in ([], ["--location-url=http://h/x"]):
            self.run_checks(
                [f"--url={URL}", *arguments], Check("x", "y", look)
            )
        self.assertEqual([None, "http://h/x"], seen)
