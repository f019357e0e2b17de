# SPDX-License-Identifier: Apache-2.0

"""What a driver of tooz may do wrong, and its locks are right all the same."""

from __future__ import annotations

import logging
import threading
import unittest
from types import SimpleNamespace
from typing import Any
from unittest import mock

import fixtures
import testtools

from glance_filters.locks import coordinator, errors
from glance_filters.tests.fixtures import lock_leaks, optional

ONE = b"one"
PATIENT_SECONDS = 30
SERVER_SECONDS = 1.5
LEASE_SECONDS = 61.0


class FakeCoordinator:
    """A coordinator with one lock, which does as it is told."""

    def __init__(self, events: list[str]) -> None:
        self.events = events
        self.is_free = True
        self.start_error: Exception | None = None
        self.stop_error: Exception | None = None
        self.lease: float | None = LEASE_SECONDS
        self.has_beaten = threading.Event()

    def start(self, start_heart: bool = True) -> None:
        assert not start_heart
        self.events.append("start")
        if self.start_error is not None:
            raise self.start_error

    def stop(self) -> None:
        self.events.append("stop")
        if self.stop_error is not None:
            raise self.stop_error

    def heartbeat(self) -> float | None:
        self.has_beaten.set()
        return self.lease

    def get_lock(self, name: bytes) -> FakeCoordinator:
        return self

    def acquire(self, blocking: bool) -> bool:
        assert not blocking
        return self.is_free

    def release(self) -> bool:
        return True


class CoordinatorTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.events: list[str] = []
        self.coordinator = FakeCoordinator(self.events)
        self.get = self.useFixture(
            fixtures.MockPatch(
                "tooz.coordination.get_coordinator",
                return_value=self.coordinator,
            )
        ).mock
        self.logger = self.useFixture(
            fixtures.FakeLogger("glance_filters", level=logging.DEBUG)
        )

    def options(
        self, url: str, seconds: float = SERVER_SECONDS
    ) -> dict[str, Any]:
        coordinator.make(url, seconds)
        return dict(self.get.call_args.kwargs)

    def test_lock(self) -> None:
        leaks = lock_leaks.Leaks()
        locks = coordinator.make("any://", PATIENT_SECONDS)
        self.assertEqual([], self.events)
        release = locks.try_lock(ONE)
        assert release is not None
        self.assertTrue(self.coordinator.has_beaten.wait(PATIENT_SECONDS))
        self.coordinator.is_free = False
        self.assertIsNone(locks.try_lock(ONE))
        release()
        locks.close()
        self.assertEqual(["start", "stop"], self.events)
        self.assertEqual([], leaks.left())

    def test_leases_are_renewed_when_half_is_over(self) -> None:
        heart = self.useFixture(
            fixtures.MockPatch("glance_filters.locks.threads.Heart")
        ).mock
        locks = coordinator.make("any://", PATIENT_SECONDS)
        self.assertIsNotNone(locks.try_lock(ONE))
        beat = heart.call_args.args[0]
        self.assertEqual(LEASE_SECONDS / 2, beat())
        # Some drivers have locks without a lease.
        self.coordinator.lease = None
        self.assertEqual(15, beat())

    def test_connections_are_closed(self) -> None:
        """tooz closes those of no driver."""
        for names in (
            ("_client", "connection_pool", "disconnect"),
            ("client", "session", "close"),
        ):
            attribute, part, method = names
            for is_refused in (False, True):
                with self.subTest(part, is_refused=is_refused):
                    closed = threading.Event()
                    connections = SimpleNamespace(**{method: closed.set})
                    client = SimpleNamespace(**{part: connections})
                    self.coordinator = FakeCoordinator(self.events)
                    setattr(self.coordinator, attribute, client)
                    self.get.return_value = self.coordinator
                    locks = coordinator.make("any://", PATIENT_SECONDS)
                    if is_refused:
                        error = OSError("refused")
                        self.coordinator.start_error = error
                        self.assertRaises(
                            errors.LockUnavailable, locks.try_lock, ONE
                        )
                    else:
                        release = locks.try_lock(ONE)
                        assert release is not None
                        release()
                        self.assertFalse(closed.is_set())
                    locks.close()
                    self.assertTrue(closed.is_set())

    def test_a_coordinator_that_does_not_stop(self) -> None:
        self.coordinator.stop_error = OSError("gone")
        locks = coordinator.make("any://", PATIENT_SECONDS)
        self.assertIsNotNone(locks.try_lock(ONE))
        self.coordinator.is_free = False
        self.assertIsNone(locks.try_lock(ONE))
        connection = locks._session
        assert connection is not None
        connection.connection.close()
        self.assertIn("did not stop: gone", self.logger.output)

    @unittest.skipUnless(optional.module("redis"), "redis is not installed")
    def test_redis_is_to_fail_at_once(self) -> None:
        redis = mock.Mock()
        patch = mock.patch.dict("sys.modules", redis=redis)
        patch.start()
        self.addCleanup(patch.stop)
        sentinel, client = (
            mock.Mock(spec=["connection_pool", "set_retry"]) for _ in range(2)
        )
        manager = SimpleNamespace(sentinels=[sentinel])
        client.connection_pool = SimpleNamespace(sentinel_manager=manager)
        old = SimpleNamespace(connection_pool=object())
        for made in (client, old):
            make = mock.Mock(return_value=made)
            self.coordinator._make_client = make  # type: ignore[attr-defined]
            coordinator.make("redis://host", SERVER_SECONDS)
            wrapped = self.coordinator._make_client  # type: ignore[attr-defined]
            self.assertIs(made, wrapped("url", {}))
            make.assert_called_once_with("url", {})
        never = mock.call(redis.backoff.NoBackoff(), 0)
        self.assertEqual([never] * 2, redis.retry.Retry.call_args_list)
        for each in (client, sentinel):
            each.set_retry.assert_called_once_with(redis.retry.Retry())

    def test_options(self) -> None:
        for url, options in (
            (
                "redis://host",
                {"socket_timeout": 2, "socket_connect_timeout": 2},
            ),
            (
                "redis://host?socket_timeout=3",
                {"socket_connect_timeout": 2},
            ),
            (
                "etcd3+http://host?lock_timeout=3",
                {"timeout": 2, "membership_timeout": 30},
            ),
            ("etcd3+https://host?timeout=3", {}),
            ("zookeeper://host", {}),
        ):
            with self.subTest(url):
                self.assertEqual(options, self.options(url))
        for seconds, timeout in ((0, 1), (0.5, 1), (1, 1), (2.1, 3)):
            found = self.options("redis://host", seconds)
            self.assertEqual(timeout, found["socket_timeout"])


class UrlTest(testtools.TestCase):
    def test_one_that_cannot_be_used(self) -> None:
        for url in (
            "no-such-driver://:secret@127.0.0.1",
            "redis://:secret@127.0.0.1?lock_timeout=secret",
            "etcd3+http://:secret@127.0.0.1?lock_timeout=long",
        ):
            with self.subTest(url):
                error = self.assertRaises(
                    ValueError, coordinator.make, url, SERVER_SECONDS
                )
                self.assertIn(repr(url.partition(":")[0]), str(error))
                self.assertNotIn("secret", str(error))
                self.assertIsNone(error.__cause__)

    @optional.needs("redis", "redis")
    @optional.needs("etcd3gw", "etcd3gw")
    def test_a_lease_that_is_over_at_once(self) -> None:
        """Two would hold a lock: the first beat ends it, or none comes."""
        for url, names in (
            ("redis://host", ("lock_timeout", "membership_timeout")),
            ("etcd3+http://host", ("lock_timeout", "membership_timeout")),
        ):
            for name in names:
                for seconds in ("0", "-1"):
                    error = self.assertRaises(
                        ValueError,
                        coordinator.make,
                        *(f"{url}?{name}={seconds}", SERVER_SECONDS),
                    )
                    self.assertIn(f"{name} is less than 1 second", str(error))
                coordinator.make(f"{url}?{name}=1", SERVER_SECONDS)
