# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest import mock

import fixtures
import testtools

from glance_filters.locks import database, errors
from glance_filters.tests.fixtures import lock_leaks

ONE = b"glance-filters-image-1"
PATIENT_SECONDS = 30
SERVER_SECONDS = 0.5


class FakeServer:
    """A database server and its driver, which does as it is told.

    :ivar answers: the first value of the answer to each statement
    :ivar most: how many locks a session may have; one more ends the oldest
    """

    def __init__(self, name: str) -> None:
        self.dialect = SimpleNamespace(name=name)
        self.answers: dict[str, Any] = {}
        self.most = 2
        self.on_trial: list[str] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.cluster: tuple[str, str] | None = None
        self.events: list[str] = []
        self.close_error: Exception | None = None
        self.has_beaten = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.is_waiting = threading.Event()
        self.connection: Any = SimpleNamespace(fileno=lambda: -1)

    def connect(self) -> FakeServer:
        self.events.append("connect")
        return self

    def execute(
        self, statement: object, parameters: dict[str, Any] | None = None
    ) -> Any:
        text = str(statement)
        if text == "SELECT 1":
            self.has_beaten.set()
            return mock.Mock()
        if text.startswith("SHOW"):
            return SimpleNamespace(first=lambda: self.cluster)
        name = str((parameters or {}).get("name"))
        if name.startswith("glance-filters-trial"):
            return SimpleNamespace(scalar=lambda: self.attempt(text, name))
        if not self.may_answer.is_set():
            self.is_waiting.set()
            self.may_answer.wait(PATIENT_SECONDS)
            self.events.append("answer")
        self.asked.append((text, parameters or {}))
        return SimpleNamespace(scalar=lambda: self.answers.get(text))

    def attempt(self, text: str, name: str) -> int | None:
        if "GET_LOCK" in text:
            self.on_trial = [*self.on_trial, name][-self.most :]
            return 1
        if name not in self.on_trial:
            return None
        self.on_trial.remove(name)
        return 1

    def invalidate(self) -> None:
        self.events.append("invalidate")
        if self.close_error is not None:
            raise self.close_error

    def close(self) -> None:
        self.events.append("close")


class DatabaseTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.create = self.useFixture(
            fixtures.MockPatch("sqlalchemy.create_engine")
        ).mock
        self.logger = self.useFixture(
            fixtures.FakeLogger("glance_filters", level=logging.DEBUG)
        )

    def make(
        self, url: str, name: str, seconds: float = PATIENT_SECONDS
    ) -> FakeServer:
        server = FakeServer(name)
        self.create.return_value = server
        self.locks = database.make(url, seconds)
        self.addCleanup(self.locks.close)
        return server

    def lock(self) -> Callable[[], None]:
        release = self.locks.try_lock(ONE)
        assert release is not None
        return release

    def test_lock(self) -> None:
        for url, name, lock, unlock, key in (
            (
                "mysql+pymysql://host/glance",
                "mysql",
                "SELECT GET_LOCK(:name, 0)",
                "SELECT RELEASE_LOCK(:name)",
                "glance-filters-image-1",
            ),
            (
                "postgresql+psycopg2://host/glance",
                "postgresql",
                "SELECT pg_try_advisory_lock(:name)",
                "SELECT pg_advisory_unlock(:name)",
                -4430070315441381004,
            ),
        ):
            with self.subTest(url):
                server = self.make(url, name)
                if name == "postgresql":
                    # It is none of Galera, and not asked for one.
                    server.cluster = ("wsrep_cluster_size", "9")
                # 0 or false if another holds it, NULL if MySQL fails.
                for answer in (0, False, None):
                    server.answers = {lock: answer}
                    self.assertIsNone(self.locks.try_lock(ONE))
                server.answers = {lock: 1, unlock: 1}
                self.lock()()
                self.assertEqual(
                    [(lock, {"name": key})] * 4 + [(unlock, {"name": key})],
                    server.asked,
                )
                self.assertEqual("", self.logger.output)
                server.answers[unlock] = None
                self.lock()()
                self.assertIn("lost while it was held", self.logger.output)
                self.logger._output.truncate(0)

    def test_a_server_that_ends_one_lock_by_another(self) -> None:
        """As MySQL did before 5.7.5: two would hold the same lock."""
        server = self.make("mysql+pymysql://host/glance", "mysql")
        server.most = 1
        error = self.assertRaises(
            errors.LockUnavailable, self.locks.try_lock, ONE
        )
        self.assertIn("keeps only one lock for each connection", str(error))
        self.assertEqual([], server.on_trial)
        self.assertEqual(["connect", "close"], server.events)

    def test_keys_of_mysql(self) -> None:
        names = [b"a" * 64, b"a" * 65, b"a" * 66]
        keys = list(map(database._short, names))
        self.assertEqual("a" * 64, keys[0])
        self.assertEqual(3, len(set(keys)))
        self.assertEqual({64}, set(map(len, keys)))

    def test_keys_of_postgresql(self) -> None:
        names = [str(number).encode() for number in range(1000)]
        keys = set(map(database._bigint, names))
        self.assertEqual(len(names), len(keys))
        for key in keys:
            self.assertTrue(-(2**63) <= key < 2**63)
        # Hosts exclude each other while they are upgraded one by one.
        self.assertEqual(-3848465438864589366, database._bigint(b"a"))

    def test_one_connection_is_kept(self) -> None:
        server = self.make("mysql+pymysql://host/glance", "mariadb")
        server.answers = {
            "SELECT GET_LOCK(:name, 0)": 1,
            "SELECT RELEASE_LOCK(:name)": 1,
        }
        leaks = lock_leaks.Leaks()
        for _ in range(3):
            self.lock()()
        self.assertEqual(["connect"], server.events)
        # Something is sent over it, so that nobody closes it.
        self.assertTrue(server.has_beaten.wait(PATIENT_SECONDS))
        session = self.locks._session
        assert session is not None
        self.locks.close()
        self.assertEqual(["connect", "invalidate", "close"], server.events)
        # Who asks it all the same does not wait.
        self.assertFalse(session.connection._in_use.locked())  # type: ignore[attr-defined]
        self.assertEqual([], leaks.left())

    def test_timeouts(self) -> None:
        for url, expected in (
            ("mysql+pymysql://h/g", {"connect", "read", "write"}),
            ("mysql+pymysql://h/g?read_timeout=9", {"connect", "write"}),
            ("mysql+mysqldb://h/g", {"connect", "read", "write"}),
            ("postgresql+psycopg2://h/g", {"connect"}),
            ("postgresql+psycopg://h/g", {"connect"}),
            ("postgresql+pg8000://h/g", set()),
        ):
            with self.subTest(url):
                self.make(url, url.partition("+")[0], SERVER_SECONDS)
                options = self.create.call_args.kwargs
                self.assertEqual(
                    {f"{each}_timeout": 1 for each in expected},
                    options["connect_args"],
                )
                self.assertEqual("AUTOCOMMIT", options["isolation_level"])

    def test_something_is_sent_every_quarter_of_a_minute(self) -> None:
        heart = self.useFixture(
            fixtures.MockPatch("glance_filters.locks.threads.Heart")
        ).mock
        self.make("mysql+pymysql://h/g", "mysql")
        self.locks.try_lock(ONE)
        beat = heart.call_args.args[0]
        self.assertEqual(15, beat())

    def test_the_driver_of_mysql(self) -> None:
        for there, driver in (("x", "mysql+pymysql"), ("MySQLdb", "mysql")):
            specs = {there: mock.Mock()}
            with mock.patch("importlib.util.find_spec", specs.get):
                self.make("mysql://mysql:p@host/glance", "mysql")
            url = self.create.call_args.args[0]
            self.assertEqual("mysql", url.username)
            self.assertEqual(driver, url.drivername)
            self.assertEqual("host", url.host)

    def test_a_cluster(self) -> None:
        for size, is_told in (("0", False), ("1", False), ("2", True)):
            with self.subTest(size):
                server = self.make("mysql+pymysql://h/g", "mysql")
                server.cluster = ("wsrep_cluster_size", size)
                self.locks.try_lock(ONE)
                self.assertEqual(is_told, "Galera" in self.logger.output)

    def test_a_server_that_hangs(self) -> None:
        url = "postgresql+psycopg2://h/g"
        server = self.make(url, "postgresql")
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        server.connection = ours
        self.locks.try_lock(ONE)
        server.may_answer.clear()
        session = self.locks._session
        assert session is not None
        # From now on only.
        self.locks._calls._seconds = SERVER_SECONDS
        session.connection._seconds = SERVER_SECONDS  # type: ignore[attr-defined]
        self.assertRaises(errors.LockUnavailable, self.locks.try_lock, ONE)
        self.assertTrue(server.is_waiting.wait(PATIENT_SECONDS))
        # Nor does a second statement wait for the first.
        self.assertRaises(TimeoutError, session.connection.try_lock, ONE)
        closing = threading.Thread(target=session.connection.close)
        closing.start()
        # The driver, which waits for it, notices the end.
        self.assertEqual(b"", theirs.recv(1))
        server.may_answer.set()
        closing.join()
        self.assertEqual(
            ["connect", "answer", "invalidate", "close"], server.events
        )

    def test_a_connection_that_does_not_close(self) -> None:
        server = self.make("mysql+pymysql://h/g", "mysql")
        self.locks.try_lock(ONE)
        server.close_error = OSError("gone")
        self.locks.close()
        self.assertIn("did not close: gone", self.logger.output)

    def test_one_that_tells_no_socket(self) -> None:
        server = self.make("mysql+pymysql://h/g", "mysql")
        server.connection = object()
        database._shut_down(server)  # type: ignore[arg-type]


class UrlTest(testtools.TestCase):
    def test_one_that_cannot_be_used(self) -> None:
        for url in (
            "mysql+nothing://u:secret@host/glance",
            "postgresql+nothing://u:secret@host/glance",
            "mysql+pymysql://u:sec/ret@host/glance",
            "sqlite://",
        ):
            with self.subTest(url):
                error = self.assertRaises(
                    ValueError, database.make, url, SERVER_SECONDS
                )
                self.assertNotIn("sec", str(error))
                self.assertIsNone(error.__cause__)
