# SPDX-License-Identifier: Apache-2.0

"""Locks between processes: files, real Redis and real etcd."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import threading
from collections.abc import Iterator

import fixtures
import testtools

from glance_filters.tests.fixtures import (
    certificates,
    lock_servers,
    raw_upstream,
)
from glance_filters.tests.functional import lock_contract


def untrusted_port(test: testtools.TestCase) -> int:
    """Return the port of a server with a certificate that nobody trusts."""
    context = test.useFixture(certificates.Authority()).context
    server = raw_upstream.RawUpstream(
        raw_upstream.Conversation.wait_closed, context=context
    )
    return test.useFixture(server).port


class RedisLocksTest(
    lock_contract.Exclusion,
    lock_contract.Waiting,
    lock_contract.Outages,
    lock_contract.Leases,
):
    server_class = lock_servers.RedisServer

    def wrong_urls(self) -> Iterator[tuple[str, str]]:
        yield from super().wrong_urls()
        port = untrusted_port(self)
        yield f"redis://127.0.0.1:{port}?ssl=true", "certificate verify"


class EtcdLocksTest(
    lock_contract.Exclusion,
    lock_contract.Waiting,
    lock_contract.Outages,
    lock_contract.Leases,
):
    server_class = lock_servers.EtcdServer

    def wrong_urls(self) -> Iterator[tuple[str, str]]:
        # Its driver sends no password.
        port = untrusted_port(self)
        yield f"etcd3+https://127.0.0.1:{port}", "certificate verify"


class FileLocksTest(lock_contract.Exclusion, lock_contract.Waiting):
    def setUp(self) -> None:
        super().setUp()
        root = self.useFixture(fixtures.TempDir()).path
        self.folder = os.path.join(root, "locks")
        self.marker = os.path.join(root, "marker")
        self.url = f"file://{self.folder}"

    def test_removed_while_requests_run(self) -> None:
        """By a job that tidies up, at any moment."""
        times = 1000 if lock_contract.IS_LONG else 60
        processes = [self.process() for _ in range(lock_contract.PROCESSES)]
        for process in processes:
            process.tell("exclude", lock_contract.ONE, self.marker, str(times))
        ended = threading.Event()
        chance = random.Random(0)

        def tidy() -> None:
            file = os.path.join(self.folder, "image-locks")
            numbers = itertools.count()
            ways = (
                lambda: os.unlink(file),
                lambda: shutil.rmtree(self.folder),
                lambda: os.rename(
                    self.folder, f"{self.folder}-{next(numbers)}"
                ),
            )
            while not ended.wait(chance.uniform(0, 0.02)):
                # Gone, or not empty as the file is made anew.
                with contextlib.suppress(OSError):
                    chance.choice(ways)()

        tidying = threading.Thread(target=tidy)
        tidying.start()
        try:
            overlaps = [process.answer() for process in processes]
        finally:
            ended.set()
            tidying.join()
        self.assertEqual(["0"] * len(processes), overlaps)
