# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import logging
import socket
import time
import unittest
from typing import Any
from unittest import mock

from oslo_config import cfg

from glance_filters.filters import (
    configuration,
    counters,
    disk_format_validator,
    shared,
)
from glance_filters.tests.unit import fakes

BODY = b'{"disk_format": "x"}'


class CountersTest(unittest.TestCase):
    def setUp(self) -> None:
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.server.close)
        self.server.bind(("127.0.0.1", 0))
        self.server.settimeout(10)
        self.port = str(self.server.getsockname()[1])
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    def send(self, **section: str) -> None:
        factory = disk_format_validator.DiskFormatValidator.factory
        app: Any = factory({}, **section)(fakes.Glance())
        self.addCleanup(app._in_force.counters.close)
        for method, path, body in (
            ("POST", "/v2/images", BODY),
            ("POST", "/v2/images", b"{}"),
            ("GET", "/v2/images", b""),
        ):
            fakes.call(app, fakes.environ_of(method, path, body))

    def test_counted(self) -> None:
        self.send(stats_host="127.0.0.1", stats_port=self.port)
        prefix = "glance_filters.disk_format_validator.create_image"
        self.assertEqual(
            [
                f"{prefix}.requests:1|c",
                f"{prefix}.refused.400:1|c",
                f"{prefix}.requests:1|c",
            ],
            [self.server.recv(1000).decode() for _ in range(3)],
        )

    def test_not_counted_without_a_host(self) -> None:
        self.send(stats_port=self.port)
        self.server.setblocking(False)
        with self.assertRaises(BlockingIOError):
            self.server.recv(1000)

    def test_shared_options(self) -> None:
        conf = cfg.ConfigOpts()
        conf([])
        with mock.patch.object(cfg, "CONF", conf):
            validator = disk_format_validator.DiskFormatValidator
            app: Any = validator.factory({})(fakes.Glance())
            group = shared.GROUP
            conf.set_override("stats_host", "127.0.0.1", group)
            conf.set_override("stats_port", int(self.port), group)
            app._in_force.reload()
            first = app._in_force.counters
            # One that is replaced is closed, and may be used all the same.
            app._in_force.reload()
        self.addCleanup(app._in_force.counters.close)
        self.assertIsNone(first._client)
        fakes.call(app, fakes.environ_of("POST", "/v2/images", b"{}"))
        prefix = "glance_filters.disk_format_validator"
        self.assertEqual(
            [
                f"{prefix}.reloads:+1|g",
                f"{prefix}.reloads:+1|g",
                f"{prefix}.create_image.requests:1|c",
            ],
            [self.server.recv(1000).decode() for _ in range(3)],
        )

    def test_host_that_can_have_no_name(self) -> None:
        for host in ("a..b", "a" * 64):
            with self.assertRaisesRegex(ValueError, f"stats_host = {host}"):
                counters.make("x", host, 1)

    def test_host_that_cannot_be_resolved(self) -> None:
        """It stops neither the start nor requests, and is tried again."""
        client = mock.Mock()
        statsd = mock.Mock()
        statsd.StatsClient.side_effect = [OSError("no host"), OSError, client]
        logging.disable(logging.NOTSET)
        with mock.patch("importlib.import_module", return_value=statsd):
            with mock.patch.object(time, "monotonic") as monotonic:
                monotonic.return_value = 1000.0
                with self.assertLogs(counters.LOG.logger) as logs:
                    made = counters.make("x", "no.such.host", 1)
                self.assertIn("no.such.host", logs.output[0])
                made.incr("a")
                self.assertEqual(1, statsd.StatsClient.call_count)
                for expected in (2, 3):
                    monotonic.return_value += 59
                    made.incr("a")
                    monotonic.return_value += 1
                    with self.assertLogs() as logs:
                        made.incr("b")
                        counters.LOG.warning("at least one line")
                    self.assertEqual(expected, statsd.StatsClient.call_count)
        client.incr.assert_called_once_with("b")

    def test_name_server_that_does_not_answer(self) -> None:
        """It keeps one request waiting, and no other."""
        statsd = mock.Mock()
        statsd.StatsClient.side_effect = OSError("no host")
        with mock.patch("importlib.import_module", return_value=statsd):
            made: Any = counters.make("x", "no.such.host", 1)
        with made._lock:
            made.incr("a")
        # There is nothing to close then.
        made.close()
        self.assertEqual(1, statsd.StatsClient.call_count)

    def test_without_the_library(self) -> None:
        with mock.patch.dict("sys.modules", {"statsd": None}):
            self.send()
            with self.assertRaisesRegex(
                configuration.ConfigurationError, r"glance-filters\[stats\]"
            ):
                self.send(stats_host="127.0.0.1")
            with self.assertRaises(ValueError):
                counters.make("x", "127.0.0.1", 1)
