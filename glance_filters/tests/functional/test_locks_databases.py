# SPDX-License-Identifier: Apache-2.0

"""Locks by real MariaDB and real PostgreSQL, where they are installed.

All of it with ``HYPOTHESIS_PROFILE=long`` only: it takes some minutes.
"""

from __future__ import annotations

from typing import ClassVar
from unittest import SkipTest, mock

import sqlalchemy

from glance_filters.tests.fixtures import lock_databases, lock_servers
from glance_filters.tests.functional import lock_contract


class DatabaseCase(
    lock_contract.Exclusion,
    lock_contract.Waiting,
    lock_contract.Outages,
    lock_contract.Sessions,
):
    server_class: ClassVar[type[lock_databases.DatabaseServer]]
    kept: ClassVar[lock_databases.DatabaseServer]
    connections: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if "server_class" not in vars(cls):
            raise SkipTest("a class to derive from")
        reason = cls.server_class.missing()
        if reason is not None:
            raise SkipTest(reason)
        if not lock_contract.IS_LONG:
            raise SkipTest("with HYPOTHESIS_PROFILE=long only")
        # It takes seconds to make one.
        cls.kept = cls.server_class()
        cls.addClassCleanup(cls.kept.cleanUp)
        cls.kept.setUp()

    def make_server(self) -> lock_servers.LockServer:
        return self.kept

    def count_connections(self) -> int:
        engine = sqlalchemy.create_engine(self.url)
        self.addCleanup(engine.dispose)
        with engine.connect() as connection:
            found: int = connection.execute(
                sqlalchemy.text(self.connections)
            ).scalar_one()
        engine.dispose()
        return found

    def test_a_connection_that_is_idle_is_kept(self) -> None:
        """Though something between closes it when it is idle for long."""
        beat = "glance_filters.locks.database._BEAT_SECONDS"
        with mock.patch(beat, 0.01):
            image_locks = self.locks()
            held = image_locks.acquire(lock_contract.ONE)
            other = self.process(lock_contract.SOON_SECONDS)
            self.limit_idle_time()
            self.assertEqual(
                "LockTimeout", other.ask("acquire", lock_contract.ONE)
            )
            held.release()

    def limit_idle_time(self) -> None:
        """Let the server close what has been idle for a second."""


class MariaDbLocksTest(DatabaseCase):
    server_class = lock_databases.MariaDbServer
    connections = (
        "SELECT COUNT(*) FROM information_schema.processlist "
        "WHERE user = 'glance'"
    )


class PostgresqlLocksTest(DatabaseCase):
    server_class = lock_databases.PostgresqlServer
    connections = (
        "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = 'glance' "
        "AND backend_type = 'client backend'"
    )
