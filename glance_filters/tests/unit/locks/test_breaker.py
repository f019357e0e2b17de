# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import logging
from collections.abc import Callable
from unittest import mock

import fixtures
import testtools

from glance_filters.locks import breaker, errors

NAME = b"name"
RETRY_SECONDS = 5


def release() -> None:
    pass


class FakeBackend:
    """A backend that does what it is told."""

    def __init__(self) -> None:
        self.calls = 0
        self.is_next: bool | None = None
        self.outcome: Exception | Callable[[], None] | None = release
        self.closed = False

    def try_lock(
        self, name: bytes, is_next: bool = False
    ) -> Callable[[], None] | None:
        self.calls += 1
        self.is_next = is_next
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def line_up(self, name: bytes) -> Callable[[], None] | None:
        return self.try_lock(name)

    def close(self) -> None:
        self.closed = True


class BreakerTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = self.useFixture(fixtures.MockPatch("time.monotonic")).mock
        self.clock.return_value = 1000.0
        self.logger = self.useFixture(
            fixtures.FakeLogger(
                "glance_filters",
                level=logging.INFO,
                format="%(levelname)s %(message)s",
            )
        )
        self.backend = FakeBackend()
        self.breaker = breaker.Breaker(self.backend, RETRY_SECONDS)

    def fails(self, reason: str) -> None:
        self.backend.outcome = errors.LockUnavailable(reason)

    def assert_unavailable(self, reason: str, calls: int) -> None:
        before = self.backend.calls
        error = self.assertRaises(
            errors.LockUnavailable, self.breaker.try_lock, NAME
        )
        self.assertEqual(reason, str(error))
        self.assertEqual(calls, self.backend.calls - before)
        self.assertEqual(reason, self.breaker.outage)

    def test_what_works_goes_through(self) -> None:
        for outcome in (release, None):
            self.backend.outcome = outcome
            self.assertIs(outcome, self.breaker.try_lock(NAME, True))
            self.assertIs(True, self.backend.is_next)
            self.assertIs(outcome, self.breaker.try_lock(NAME))
            self.assertIs(False, self.backend.is_next)
            self.assertIs(outcome, self.breaker.line_up(NAME))
        self.assertIsNone(self.breaker.outage)
        self.breaker.close()
        self.assertTrue(self.backend.closed)
        self.assertEqual("", self.logger.output)

    def test_a_place_in_the_line_is_not_needed(self) -> None:
        """A lock that can be acquired without is not refused."""
        for error in (
            errors.LockUnavailable("no such key"),
            errors.LockTimeout("removed"),
        ):
            self.backend.outcome = error
            before = self.backend.calls
            # Nor is it asked for again and again.
            for _ in range(2):
                self.assertIsNone(self.breaker.line_up(NAME))
            self.assertEqual(1, self.backend.calls - before)
            self.assertIsNone(self.breaker.outage)
            self.clock.return_value += RETRY_SECONDS
        self.backend.outcome = release
        self.assertIs(release, self.breaker.line_up(NAME))
        # In an outage, nothing is sent for it.
        self.fails("gone")
        self.assert_unavailable("gone", calls=1)
        self.clock.return_value += RETRY_SECONDS
        self.assertIsNone(self.breaker.line_up(NAME))
        self.assert_unavailable("gone", calls=1)

    def test_no_try_for_some_seconds(self) -> None:
        self.fails("one")
        self.assert_unavailable("one", calls=1)
        self.fails("other")
        self.clock.return_value += RETRY_SECONDS - 0.1
        self.assert_unavailable("one", calls=0)
        self.clock.return_value += 0.1
        self.assert_unavailable("other", calls=1)
        self.assert_unavailable("other", calls=0)

    def test_one_try_at_a_time(self) -> None:
        self.fails("one")
        self.assert_unavailable("one", calls=1)
        self.clock.return_value += RETRY_SECONDS

        def during(name: bytes, is_next: bool = False) -> None:
            # Who asks while the first try is under way.
            self.backend.outcome = release
            with mock.patch.object(self.backend, "try_lock") as try_lock:
                self.assertRaises(
                    errors.LockUnavailable, self.breaker.try_lock, NAME
                )
                try_lock.assert_not_called()
                # One that hangs keeps others out for so long only.
                self.clock.return_value += RETRY_SECONDS
                self.breaker.try_lock(NAME)
                try_lock.assert_called_once_with(NAME, False)

        with mock.patch.object(self.backend, "try_lock", during):
            self.assertIsNone(self.breaker.try_lock(NAME))
        self.assertIsNone(self.breaker.outage)

    def test_told_once_per_change(self) -> None:
        for _ in range(2):
            for reason in ("refused", "timed out"):
                self.fails(reason)
                self.clock.return_value += RETRY_SECONDS
                self.assert_unavailable(reason, calls=1)
            self.clock.return_value += RETRY_SECONDS
            self.backend.outcome = None
            for _ in range(2):
                self.assertIsNone(self.breaker.try_lock(NAME))
        self.assertEqual(
            [
                "WARNING Image locks are unavailable: refused",
                "INFO Image locks are available again",
            ]
            * 2,
            self.logger.output.splitlines(),
        )

    def test_a_timeout_is_no_outage(self) -> None:
        self.fails("gone")
        self.assert_unavailable("gone", calls=1)
        self.clock.return_value += RETRY_SECONDS
        self.backend.outcome = errors.LockTimeout("held")
        self.assertRaises(errors.LockTimeout, self.breaker.try_lock, NAME)
        self.assertIsNone(self.breaker.outage)

    def test_without_a_pause(self) -> None:
        self.breaker = breaker.Breaker(self.backend, 0)
        self.fails("gone")
        # Nor does it wait.
        self.assert_unavailable("gone", calls=1)
        self.assert_unavailable("gone", calls=1)
