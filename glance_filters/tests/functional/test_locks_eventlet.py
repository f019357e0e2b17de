# SPDX-License-Identifier: Apache-2.0

"""Locks between green threads, as in the servers of old Glance releases."""

from __future__ import annotations

import subprocess
import sys

import fixtures
import testtools

from glance_filters.tests.fixtures import lock_process, lock_servers

ONE = "2f5b3c1e-6f0e-4a53-9d0f-3a4f0c7b8a11"

LEASE_SECONDS = 6


class EventletTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(fixtures.Timeout(120, gentle=True))

    def start(self, url: str) -> subprocess.Popen[str]:
        """Start green threads, the first of which holds the lock."""
        process = subprocess.Popen(
            [
                *(sys.executable, "-W", "ignore", "-m"),
                "glance_filters.tests.fixtures.lock_greenthreads",
                *(url, ONE),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.communicate)
        assert process.stdout is not None
        self.assertEqual("first\n", process.stdout.readline())
        return process

    def assert_in_order(self, process: subprocess.Popen[str]) -> None:
        told, _ = process.communicate("\n")
        self.assertEqual("let go\nsecond\n", told)
        self.assertEqual(0, process.returncode)

    def test_within_a_process(self) -> None:
        self.assert_in_order(self.start(""))

    def test_the_lease_is_renewed(self) -> None:
        url = self.useFixture(lock_servers.RedisServer()).url(LEASE_SECONDS)
        process = self.start(url)
        patient = self.useFixture(
            lock_process.LockProcess(url, LEASE_SECONDS + 1)
        )
        self.assertEqual("LockTimeout", patient.ask("acquire", ONE))
        self.assert_in_order(process)
