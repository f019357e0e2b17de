# SPDX-License-Identifier: Apache-2.0

"""Upstreams that behave, and others; each is a script of raw bytes."""

from __future__ import annotations

from typing import Any

import testtools

from glance_filters import proxy
from glance_filters.proxy import settings
from glance_filters.tests.fixtures import http_client, raw_upstream
from glance_filters.tests.fixtures.raw_upstream import Conversation

# Long enough to pass nowhere else, and short enough to wait for.
SHORT_SECONDS = "0.2"


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n"
LENGTH = HEAD + b"Content-Length: 10\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def raw(data: bytes) -> raw_upstream.Script:
    """Return a script: read a head, send *data*, close."""

    def script(client: Conversation) -> None:
        client.read_head()
        client.send(data)

    return script


def stopped(data: bytes) -> raw_upstream.Script:
    """Return a script: read a head, send *data*, and then nothing."""

    def script(client: Conversation) -> None:
        raw(data)(client)
        client.wait_closed()

    return script


def broken(data: bytes) -> raw_upstream.Script:
    """Return a script: read a head, send *data*, reset the connection."""

    def script(client: Conversation) -> None:
        raw(data)(client)
        client.reset()

    return script


def serve(client: Conversation) -> None:
    """Answer each request without a body by its own head."""
    while head := client.read_head():
        if head.startswith(b"HEAD"):
            client.send(LENGTH)
        else:
            client.answer(head)


class ProxyCase(testtools.TestCase):
    def upstream(
        self, *scripts: raw_upstream.Script, **section: str
    ) -> raw_upstream.RawUpstream:
        upstream = self.useFixture(raw_upstream.RawUpstream(*scripts))
        self.make_proxy(upstream.url, **section)
        return upstream

    def make_proxy(self, url: str, **section: str) -> None:
        try:
            self.app = proxy.app_factory({}, upstream=url, **section)
        except settings.SettingsError as error:
            if "urllib3" not in str(error):
                raise
            self.skipTest(str(error))

    def request(
        self,
        method: str = "GET",
        path: str = "/",
        body: bytes = b"",
        **headers: str,
    ) -> http_client.Response:
        return http_client.WsgiClient(self.app, None).request(
            method, path, headers, body
        )

    def start(self, method: str = "GET", **keys: Any) -> tuple[str, Any]:
        """Call the proxy as a server would; return status and body."""
        environ = http_client.make_environ(method, "/", {}, b"")
        environ.update(keys)
        started: list[str] = []

        def start_response(status: str, headers: Any, *args: Any) -> Any:
            started.append(status)

        body = self.app(environ, start_response)
        return started[-1], body
