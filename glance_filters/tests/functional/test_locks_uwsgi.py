# SPDX-License-Identifier: Apache-2.0

"""Locks in the workers of uWSGI, which loads the application, then forks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import urllib.request

import fixtures
import testtools

from glance_filters.tests.fixtures import lock_process, lock_servers

ONE = "2f5b3c1e-6f0e-4a53-9d0f-3a4f0c7b8a11"

LEASE_SECONDS = 6


class UwsgiTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(fixtures.Timeout(120, gentle=True))
        root = self.useFixture(fixtures.TempDir())
        self.held, self.go = root.join("held"), root.join("go")
        os.mkfifo(self.held)
        os.mkfifo(self.go)
        self.locks_url = self.useFixture(lock_servers.RedisServer()).url(
            LEASE_SECONDS
        )

    def serve(self, *options: str) -> str:
        """Start uWSGI with two workers, and return its URL."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            process = subprocess.Popen(
                [
                    *(sys.executable, "-c"),
                    "import sys, pyuwsgi; pyuwsgi.run(sys.argv[1:])",
                    f"--http-socket=fd://{listener.fileno()}",
                    *("--master", "--processes=2"),
                    *("--need-app", "--die-on-term"),
                    "--module=glance_filters.tests.fixtures.lock_app",
                    *options,
                ],
                env={
                    **os.environ,
                    "LOCKS_URL": self.locks_url,
                    "LOCKS_HELD": self.held,
                    "LOCKS_GO": self.go,
                },
                pass_fds=[listener.fileno()],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.addCleanup(process.wait)
            self.addCleanup(process.terminate)
            return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    def assert_lease_is_renewed(self, *options: str) -> None:
        """Assert that a request holds its lock for more than a lease."""
        url = self.serve(*options)
        bodies: list[bytes] = []

        def request() -> None:
            with urllib.request.urlopen(f"{url}?{ONE}") as answer:
                bodies.append(answer.read())

        requesting = threading.Thread(target=request)
        requesting.start()
        # Opened, and at its end, once the lock is held.
        with open(self.held) as held:
            held.read()
        patient = self.useFixture(
            lock_process.LockProcess(self.locks_url, LEASE_SECONDS + 1)
        )
        self.assertEqual("LockTimeout", patient.ask("acquire", ONE))
        with open(self.go, "w"):
            pass
        requesting.join()
        self.assertEqual([b"released"], bodies)
        self.assertEqual("held", patient.ask("acquire", ONE))

    def test_with_threads(self) -> None:
        self.assert_lease_is_renewed("--enable-threads", "--threads=2")

    def test_without_threads(self) -> None:
        # Python's threads run there while a request runs Python code.
        self.assert_lease_is_renewed()
