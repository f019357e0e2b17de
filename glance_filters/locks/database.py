# SPDX-License-Identifier: Apache-2.0

"""Locks by a database server: MySQL, MariaDB and PostgreSQL.

They are of the session, not of a transaction, and one session may have any
number of them. So each process keeps one connection, which nothing else uses.
The server releases its locks when the connection ends, in whatever way.

tooz has drivers for these too. They open a connection for each try, the names
of PostgreSQL's locks have 16 bits, and nothing is sent over the connection of
a lock that is held, which proxies close then.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import math
import os
import socket
import threading
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy
from oslo_log import log as logging
from sqlalchemy import pool

from glance_filters.locks import errors, server, threads, urls

LOG = logging.getLogger(__name__)

# How often the connection is used at least, in seconds: proxies and servers
# close one that is idle for long.
_BEAT_SECONDS = 15.0


# Characters in the name of a lock of MySQL.
_MAX_NAME = 64


class _Dialect(NamedTuple):
    """How a kind of server locks.

    :ivar lock: a statement that gives 1 or true if the lock is acquired, 0 or
        false if another session holds it
    :ivar unlock: a statement that gives 1 or true if the lock was held
    :ivar key: the value of ``:name`` in both for the name of a lock
    """

    lock: str
    unlock: str
    key: Callable[[bytes], str | int]


def _bigint(name: bytes) -> int:
    digest = hashlib.sha256(name).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _short(name: bytes) -> str:
    """Return *name*, or what stands for it where it is too long for MySQL."""
    if len(name) <= _MAX_NAME:
        return name.decode()
    return hashlib.sha256(name).hexdigest()


# Both are 1 if the lock is held, and 0 or NULL if not.
_MYSQL = _Dialect(
    "SELECT GET_LOCK(:name, 0)", "SELECT RELEASE_LOCK(:name)", _short
)
_POSTGRESQL = _Dialect(
    "SELECT pg_try_advisory_lock(:name)",
    "SELECT pg_advisory_unlock(:name)",
    _bigint,
)
_DIALECTS = {
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "postgresql": _POSTGRESQL,
}

# How the driver libraries name their time-outs, in whole seconds.
_TIMEOUTS = {
    "pymysql": ("connect_timeout", "read_timeout", "write_timeout"),
    "mysqldb": ("connect_timeout", "read_timeout", "write_timeout"),
    "psycopg2": ("connect_timeout",),
    "psycopg": ("connect_timeout",),
}

# Begins the names of two locks by which a server of MySQL is tried.
_TRIAL = "glance-filters-trial-"

# The number of nodes of a Galera cluster; no row on other servers.
_CLUSTER_SIZE = "SHOW STATUS LIKE 'wsrep_cluster_size'"


def make(text: str, seconds: float) -> server.ServerLocks:
    """Return the locks of the database server at a URL of SQLAlchemy.

    :param seconds: how long to wait for the server
    :raises ValueError: it is not a server of a kind that is known, or the
        library that its driver needs is missing
    """
    url = urls.ServerUrl(text)
    if url.scheme == "mysql" and not importlib.util.find_spec("MySQLdb"):
        # The driver that OpenStack uses.
        text = text.replace("mysql:", "mysql+pymysql:", 1)
    try:
        parsed = sqlalchemy.engine.url.make_url(text)
        names = _TIMEOUTS.get(parsed.get_driver_name(), ())
        engine = sqlalchemy.create_engine(
            parsed,
            poolclass=pool.NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={
                name: math.ceil(seconds)
                for name in names
                if name not in parsed.query
            },
        )
        dialect = _DIALECTS[engine.dialect.name]
    except Exception as error:  # whatever a driver raises
        # Not with its cause: that may tell a password.
        raise ValueError(
            f"locks by {url.scheme!r}: {url.describe(error)}"
        ) from None
    return server.ServerLocks(
        lambda: _Connection(engine, dialect, seconds, url.describe),
        seconds,
        url.describe,
    )


class _Connection:
    """A session of a database server.

    :raises sqlalchemy.exc.SQLAlchemyError: there is no connection
    :raises LockUnavailable: the server has no locks that can be used
    """

    def __init__(
        self,
        engine: sqlalchemy.engine.Engine,
        dialect: _Dialect,
        seconds: float,
        describe: Callable[[BaseException], str],
    ) -> None:
        self._dialect = dialect
        self._seconds = seconds
        self._describe = describe
        self._in_use = threading.Lock()
        self._connection = engine.connect()
        try:
            if dialect is _MYSQL:
                self._check_that_locks_stay()
                self._warn_of_cluster()
        except BaseException:
            self._connection.close()
            raise
        self._heart = threads.Heart(self._beat, describe)

    def try_lock(self, name: bytes) -> Callable[[], bool] | None:
        if not self._ask(self._dialect.lock, name):
            return None
        return lambda: bool(self._ask(self._dialect.unlock, name))

    def close(self) -> None:
        if not self._in_use.acquire(blocking=False):
            # It ends a call that still waits for the server.
            _shut_down(self._connection)
            self._in_use.acquire()
        try:
            # Closes the socket, whatever state the connection is in.
            self._connection.invalidate()
            self._connection.close()
        except Exception as error:  # whatever a driver raises
            LOG.debug(
                "The connection did not close: %s", self._describe(error)
            )
        finally:
            self._in_use.release()
        self._heart.stop(self._seconds)

    def _ask(self, statement: str, name: bytes) -> Any:
        parameters = {"name": self._dialect.key(name)}
        return self._execute(statement, parameters)

    def _execute(
        self, statement: str, parameters: dict[str, Any] | None = None
    ) -> Any:
        """Return the first value of the answer; None if there is none."""
        if not self._in_use.acquire(timeout=self._seconds):
            raise TimeoutError(f"no answer within {self._seconds:g} s")
        try:
            return self._connection.execute(
                sqlalchemy.text(statement), parameters or {}
            ).scalar()
        finally:
            self._in_use.release()

    def _beat(self) -> float:
        self._execute("SELECT 1")
        return _BEAT_SECONDS

    def _check_that_locks_stay(self) -> None:
        """Look whether a session may have several locks.

        :raises LockUnavailable: a lock ends the one before, without a word
        """
        trial = f"{_TRIAL}{uuid.uuid4().hex}"
        first, second = ({"name": f"{trial}-{n}"} for n in (1, 2))
        self._execute(self._dialect.lock, first)
        self._execute(self._dialect.lock, second)
        has_stayed = self._execute(self._dialect.unlock, first)
        self._execute(self._dialect.unlock, second)
        if not has_stayed:
            raise errors.LockUnavailable(
                "the database server keeps only one lock for each connection "
                "(MySQL before 5.7.5 and MariaDB before 10.0.2 do)"
            )

    def _warn_of_cluster(self) -> None:
        row = self._connection.execute(sqlalchemy.text(_CLUSTER_SIZE)).first()
        if row is not None and int(row[1]) > 1:
            LOG.warning(
                "The database is a Galera cluster: its locks hold only "
                "between those that use the same node"
            )


def _shut_down(connection: sqlalchemy.engine.Connection) -> None:
    """Shut the socket down under the driver, if it tells which it is."""
    with contextlib.suppress(Exception):
        fileno = connection.connection.fileno()
        with socket.socket(fileno=os.dup(fileno)) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)
