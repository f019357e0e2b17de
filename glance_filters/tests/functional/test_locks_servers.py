# SPDX-License-Identifier: Apache-2.0

"""Locks between processes: files, real Redis and real etcd."""

from __future__ import annotations

import os

import fixtures

from glance_filters.tests.fixtures import lock_servers
from glance_filters.tests.functional import lock_contract


class RedisLocksTest(lock_contract.Exclusion, lock_contract.Faults):
    server_class = lock_servers.RedisServer


class EtcdLocksTest(lock_contract.Exclusion, lock_contract.Faults):
    server_class = lock_servers.EtcdServer


class FileLocksTest(lock_contract.Exclusion):
    def setUp(self) -> None:
        super().setUp()
        self.folder = os.path.join(
            self.useFixture(fixtures.TempDir()).path, "locks"
        )
        self.url = f"file://{self.folder}"

    def test_no_file_stays(self) -> None:
        holder, other = self.holder(), self.process()
        other.tell("acquire", lock_contract.ONE)
        holder.ask("release")
        self.assertEqual("held", other.answer())
        self.assertEqual(1, len(os.listdir(self.folder)))
        other.ask("release")
        self.assertEqual([], os.listdir(self.folder))

    def test_a_file_left_by_a_killed_holder_goes_with_the_next(self) -> None:
        holder = self.holder()
        holder.kill()
        self.assertEqual(1, len(os.listdir(self.folder)))
        next_one = self.process()
        self.assertEqual("held", next_one.ask("acquire", lock_contract.ONE))
        next_one.ask("release")
        self.assertEqual([], os.listdir(self.folder))
