# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import contextlib
import logging
import tempfile
import threading
from typing import Any
from unittest import mock

from oslo_config import cfg

from glance_filters import locks
from glance_filters.filters import location_guard
from glance_filters.filters.location_guard import proxying
from glance_filters.glance_api import request as request_module
from glance_filters.locks import process
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID
from glance_filters.tests.unit.filters.location_guard.cases import (
    PATH,
    GuardTestCase,
    make_lock_file,
)


class ProxyingTest(GuardTestCase):
    """A request that Glance sends on to the host that has the data."""

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.section = {
            "coordination_url": f"file://{folder.name}/locks",
            "lock_timeout": "0.05",
        }
        make_lock_file(self.section["coordination_url"])
        self.glance.answers["GET"] = fakes.image("active")

    def make(
        self,
        app: Any,
        url: str | None = "http://host:9292",
        option: str = "worker_self_reference_url",
    ) -> Any:
        conf = cfg.ConfigOpts()
        conf([])
        conf.register_opt(cfg.StrOpt(option, default=url))
        with mock.patch.object(cfg, "CONF", conf):
            factory = location_guard.LocationGuard.factory({}, **self.section)
            return factory(app)

    def run_nested(
        self,
        first: tuple[str, str, str],
        second: tuple[str, str, str],
        **keys: Any,
    ) -> int:
        """Send *second* while Glance carries out *first*.

        Each is its method, path and token.
        """
        there = self.make(self.glance, **keys)
        found: list[int] = []

        def app(environ: Any, start_response: Any) -> Any:
            if environ["REQUEST_METHOD"] != "GET":
                found.append(self.call(there, second))
                # In another process, which has the files in common.
                with mock.patch.object(process, "_queues", {}):
                    found.append(self.call(there, second))
            return self.glance(environ, start_response)

        with mock.patch.object(proxying.LOG, "warning") as warning:
            self.assertEqual(200, self.call(self.make(app, **keys), first))
        # Each guest has left.
        warning.assert_not_called()
        self.assertEqual(found[0], found[1])
        return found[0]

    def call(self, app: Any, request: tuple[str, str, str]) -> int:
        method, path, token = request
        field, _, value = token.rpartition("=")
        token_fields: dict[str, Any] = {field or "HTTP_X_AUTH_TOKEN": value}
        environ = fakes.environ_of(method, f"{PATH}{path}", **token_fields)
        return fakes.call(app, environ)[0]

    def test_which_are_guests(self) -> None:
        delete, imported = ("DELETE", "", "a"), ("POST", "/import", "a")
        deactivate = ("POST", "/actions/deactivate", "a")
        # The other field in which Keystone takes a token.
        stored = ("DELETE", "", "HTTP_X_STORAGE_TOKEN=a")
        for first, second, expected in (
            (delete, delete, 200),
            (imported, imported, 200),
            (stored, delete, 200),
            (stored, ("DELETE", "", "HTTP_X_STORAGE_TOKEN=b"), 409),
            (delete, ("DELETE", "", "b"), 409),
            (delete, imported, 409),
            (delete, deactivate, 409),
            (deactivate, delete, 409),
            (deactivate, deactivate, 409),
        ):
            with self.subTest(first, second=second):
                self.assertEqual(expected, self.run_nested(first, second))
        # Glance takes this one for want of the other.
        option = "public_endpoint"
        self.assertEqual(200, self.run_nested(delete, delete, option=option))
        # A Glance that sends nothing on has no guests.
        self.assertEqual(409, self.run_nested(delete, delete, url=None))

    def test_retry_waits_while_another_request_holds_the_image(self) -> None:
        """Of two equal requests neither is a guest before one is a host."""
        guard = self.make(self.glance)
        delete = ("DELETE", "", "a")
        with guard._locking.made.acquire(IMAGE_ID):
            for _ in range(2):
                self.assertEqual(409, self.call(guard, delete))
        self.assertEqual(200, self.call(guard, delete))

    def test_host_stays_until_its_guests_have_left(self) -> None:
        guard = self.make(self.glance)
        locking_ = guard._locking
        environ = fakes.environ_of("DELETE", PATH, HTTP_X_AUTH_TOKEN="a")
        match = guard._matcher.match(environ)
        made = request_module.Request(self.glance, environ, match, "x")
        key = proxying.key(made)
        entered = threading.Event()
        with contextlib.ExitStack() as guests:

            def run() -> None:
                with proxying.being_host(
                    key, locking_.made.acquire, locking_.try_acquire
                ):
                    entered.set()
                    left.wait(30)

            left = threading.Event()
            thread = threading.Thread(target=run)
            thread.start()
            entered.wait(30)
            for _ in range(3):
                guest = proxying.enter_as_guest(key, locking_.try_acquire)
                assert guest is not None
                guests.enter_context(guest)
            with self.assertRaises(locks.LockTimeout):
                proxying.enter_as_guest(key, locking_.try_acquire)
        left.set()
        thread.join(30)
        self.assertIsNone(proxying.enter_as_guest(key, locking_.try_acquire))
        for number in range(3):
            free = locking_.try_acquire(f"{key} {number}")
            assert free is not None
            free.release()

    def test_guests_that_cannot_be(self) -> None:
        guard = self.make(self.glance)
        for error, expected in (
            (locks.LockTimeout("too many"), 409),
            # Then it is locked as any other image.
            (locks.LockUnavailable("no server"), 200),
        ):
            with mock.patch.object(
                proxying, "enter_as_guest", side_effect=error
            ):
                code = self.call(guard, ("DELETE", "", "a"))
            self.assertEqual(expected, code)

    def test_nothing_can_be_locked(self) -> None:
        """Then the answer is that of a Glance that sends nothing on."""
        with tempfile.NamedTemporaryFile() as file:
            self.section["coordination_url"] = f"file://{file.name}"
            for policy, expected in (("proceed", 200), ("refuse", 503)):
                self.section["on_lock_failure"] = policy
                guard = self.make(self.glance)
                for request in (
                    ("DELETE", "", "a"),
                    ("POST", "/import", "a"),
                ):
                    with self.subTest(request, policy=policy):
                        self.assertEqual(expected, self.call(guard, request))

    def test_second_host(self) -> None:
        """Of two that hold the image one after the other, one is host."""
        locking_ = self.make(self.glance)._locking
        with locking_.made.acquire("x"):
            with proxying.being_host(
                "x", locking_.made.acquire, locking_.try_acquire
            ):
                self.assertIsNone(locking_.try_acquire("x"))
            self.assertIsNone(locking_.try_acquire("x"))

    def test_host_that_waits_in_vain(self) -> None:
        locking_ = self.make(self.glance)._locking
        with self.assertLogs(level="WARNING") as logs:
            logging.disable(logging.NOTSET)
            with proxying.being_host(
                "x", locking_.made.acquire, locking_.try_acquire
            ):
                guest = proxying.enter_as_guest("x", locking_.try_acquire)
                assert guest is not None
        guest.close()
        self.assertIn("unlocked", logs.output[0])
