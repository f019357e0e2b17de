# SPDX-License-Identifier: Apache-2.0

"""Locks by real MariaDB and real PostgreSQL, where they are installed.

All of it with ``HYPOTHESIS_PROFILE=long`` only: it takes some minutes.
"""

from __future__ import annotations

from typing import Any, ClassVar
from unittest import SkipTest

import fixtures
import sqlalchemy

from glance_filters.locks import database
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
    limit_idle_time: ClassVar[str]
    unlimit_idle_time: ClassVar[str]

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
        self.addCleanup(self.kept.revive)
        return self.kept

    def count_connections(self) -> int:
        return int(self.execute(self.connections))

    def execute(self, statement: str) -> Any:
        """Execute a statement by a connection of its own.

        :returns: the first value of the answer, if there is one
        """
        engine = sqlalchemy.create_engine(
            self.url,
            isolation_level="AUTOCOMMIT",
            poolclass=sqlalchemy.pool.NullPool,
        )
        with engine.connect() as connection:
            found = connection.execute(sqlalchemy.text(statement))
            return found.scalar() if found.returns_rows else None

    def test_a_connection_that_is_idle_is_kept(self) -> None:
        """Though the server closes what is idle for a second."""
        self.execute(self.limit_idle_time)
        self.addCleanup(self.execute, self.unlimit_idle_time)
        other = self.process(2.5)
        self.useFixture(
            fixtures.MockPatchObject(database, "_BEAT_SECONDS", 0.2)
        )
        log = self.useFixture(fixtures.FakeLogger("glance_filters"))
        with self.locks().acquire(lock_contract.ONE):
            self.assertEqual(
                "LockTimeout", other.ask("acquire", lock_contract.ONE)
            )
        self.assertNotIn("lost", log.output)


class MariaDbLocksTest(DatabaseCase):
    server_class = lock_databases.MariaDbServer
    limit_idle_time = "SET GLOBAL wait_timeout = 1"
    unlimit_idle_time = "SET GLOBAL wait_timeout = 28800"
    connections = (
        "SELECT COUNT(*) FROM information_schema.processlist "
        "WHERE user = 'glance'"
    )


class PostgresqlLocksTest(DatabaseCase):
    server_class = lock_databases.PostgresqlServer
    limit_idle_time = "ALTER ROLE glance SET idle_session_timeout = 1000"
    unlimit_idle_time = "ALTER ROLE glance RESET idle_session_timeout"
    connections = (
        "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = 'glance' "
        "AND backend_type = 'client backend'"
    )
