# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import http.client
import io
import ssl
from typing import Any
from unittest import mock

import fixtures
import testtools

from glance_filters.proxy import settings
from glance_filters.tests.fixtures import optional
from glance_filters.tests.fixtures.raw_upstream import Conversation
from glance_filters.tests.unit.proxy.cases import (
    LENGTH,
    ProxyCase,
    raw,
    serve,
    stopped,
)
from glance_filters.wsgi import bodies

connections = optional.module("glance_filters.proxy.connections")


class LeftUnreadTest(ProxyCase):
    """An answer that is not read to its end (Newton sends such)."""

    def test_nobody_waits(self) -> None:
        upstream = self.upstream(stopped(LENGTH + b"01234"), serve)
        _, body = self.start()
        self.assertEqual(b"01234", next(iter(body)))
        bodies.close(body)
        self.assertTrue(upstream.conversation().closed.wait(30))
        self.assertEqual(200, self.request().status)
        self.assertEqual(2, len(upstream.conversations))

    def test_what_follows_an_answer_is_not_another(self) -> None:
        def script(client: Conversation) -> None:
            raw(LENGTH + b"0123456789" + LENGTH + b"9876543210")(client)
            serve(client)

        self.upstream(script, serve)
        self.assertEqual(b"0123456789", self.request().body)
        self.assertIn(b"GET / HTTP/1.1", self.request().body)


class IdleTest(ProxyCase):
    def test_for_long(self) -> None:
        """What is between may have forgotten the connection by now."""
        upstream = self.upstream(serve)
        self.assertEqual(200, self.request().status)
        self.useFixture(
            fixtures.MonkeyPatch(
                "glance_filters.proxy.connections.IDLE_SECONDS", 0.0
            )
        )
        self.assertEqual(200, self.request().status)
        self.assertTrue(upstream.conversation().closed.wait(30))
        self.assertEqual(2, len(upstream.conversations))

    @optional.needs("glance_filters.proxy.connections", "urllib3")
    def test_which_are_closed(self) -> None:
        for seconds, has_sent_all, closed in (
            (30.0, True, 0),
            (30.5, True, 1),
            (0.0, False, 1),
        ):
            idle = connections._Idle()
            item = mock.Mock(has_sent_all=has_sent_all)
            with mock.patch.object(connections, "time") as clock:
                clock.monotonic.side_effect = [20.0, 20.0 + seconds]
                idle.put(item)
                self.assertIs(item, idle.get())
            self.assertEqual(closed, item.close.call_count)


@optional.needs("glance_filters.proxy.connections", "urllib3")
class LinesTest(testtools.TestCase):
    def test_each(self) -> None:
        stream: Any = io.BytesIO(b"ab\ncde\nfgh")
        with connections._Lines(stream) as lines:
            self.assertEqual(b"ab\n", lines.readline())
            # As much as may be read is no line that is cut off.
            self.assertEqual(b"cd", lines.readline(2))
            self.assertEqual(b"e\n", lines.readline(3))
            self.assertRaises(
                http.client.RemoteDisconnected, lines.readline, 4
            )


@optional.needs("glance_filters.proxy.connections", "urllib3")
class PoolTest(testtools.TestCase):
    def test_certificates(self) -> None:
        """They are verified unless the operator says otherwise."""
        for verify, expected, level in (
            (True, (True, ssl.CERT_REQUIRED), ""),
            (False, (False, ssl.CERT_NONE), "not verified"),
        ):
            logger = self.useFixture(fixtures.FakeLogger())
            config = settings.Settings("https://host", verify=verify)
            with mock.patch("urllib3.disable_warnings") as disable:
                pool: Any = connections.make_pool(config)
            self.addCleanup(pool.close)
            self.assertEqual(not verify, disable.called)
            context = pool.ConnectionCls("host", **pool.conn_kw).ssl_context
            self.assertEqual(
                expected, (context.check_hostname, context.verify_mode)
            )
            self.assertIn(level, logger.output)
            self.assertEqual(bool(level), bool(logger.output))

    def test_options(self) -> None:
        config = settings.Settings(
            "http://host:81/x",
            pool_size=3,
            connect_timeout=4,
            read_timeout=5,
        )
        pool = connections.make_pool(config)
        self.addCleanup(pool.close)
        self.assertEqual(("host", 81), (pool.host, pool.port))
        assert pool.pool is not None
        self.assertEqual((3, False), (pool.pool.maxsize, pool.block))
        timeout = pool.timeout
        self.assertEqual(
            (4, 5), (timeout.connect_timeout, timeout.read_timeout)
        )
