# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import socket

from urllib3 import exceptions

from glance_filters.tests.fixtures.raw_upstream import Conversation
from glance_filters.tests.unit.proxy.cases import (
    CHUNKED,
    HEAD,
    LENGTH,
    SHORT_SECONDS,
    ProxyCase,
    broken,
    raw,
    serve,
    stopped,
)
from glance_filters.wsgi import bodies


class FailureTest(ProxyCase):
    """Upstreams that fail, at each stage of an answer."""

    def test_before_the_header_is_complete(self) -> None:
        many = b"".join(b"X-%d: a\r\n" % number for number in range(200))
        for name, script, expected in (
            ("closes", raw(b""), 502),
            ("resets", broken(b""), 502),
            ("is stopped", stopped(b""), 504),
            ("closes in the status", raw(b"HTTP/1.1 20"), 502),
            ("is stopped in the status", stopped(b"HTTP/1.1 20"), 504),
            ("closes in a field", raw(HEAD + b"Content-Le"), 502),
            ("closes after a field", raw(HEAD), 502),
            (
                "has something else in its header",
                raw(HEAD + b"else\r\nContent-Length: 5\r\n\r\n01234"),
                502,
            ),
            ("resets in a field", broken(HEAD + b"Content-Le"), 502),
            ("is stopped in a field", stopped(HEAD + b"Content-Le"), 504),
            ("speaks something else", raw(b"220 smtp\r\n"), 502),
            ("has a long line", raw(HEAD + b"A: " + b"a" * 70000), 502),
            ("has many fields", raw(HEAD + many + b"\r\n"), 502),
            (
                "has two lengths",
                raw(
                    HEAD
                    + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n0123"
                ),
                502,
            ),
            ("switches", stopped(b"HTTP/1.1 101 Switching\r\n\r\n"), 502),
            ("hints", stopped(b"HTTP/1.1 103 Early Hints\r\n\r\n"), 502),
            ("has a bad field", stopped(HEAD + b"A: \0\r\n\r\n"), 502),
        ):
            self.upstream(script, read_timeout=SHORT_SECONDS)
            self.assertEqual(expected, self.request("POST").status, name)

    def test_in_the_body(self) -> None:
        for name, script in (
            ("closes", raw(LENGTH + b"012")),
            ("resets", broken(LENGTH + b"012")),
            ("is stopped", stopped(LENGTH + b"012")),
            ("closes in a chunk", raw(CHUNKED + b"a\r\n012")),
            ("closes after a chunk", raw(CHUNKED + b"3\r\n012\r\n")),
            ("closes in the trailer", raw(CHUNKED + b"3\r\n012\r\n0\r\n")),
            ("closes in a size", raw(CHUNKED + b"3\r\n012\r\n4")),
            ("resets in a chunk", broken(CHUNKED + b"a\r\n012")),
            ("is stopped in a chunk", stopped(CHUNKED + b"a\r\n012")),
            ("has a wrong size", raw(CHUNKED + b"3\r\n012\r\nx\r\n")),
        ):
            self.upstream(script, read_timeout=SHORT_SECONDS)
            status, body = self.start()
            self.assertEqual("200 OK", status, name)
            self.assertRaises(exceptions.HTTPError, list, body)
            bodies.close(body)

    def test_refused(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.make_proxy(url)
        self.assertEqual(502, self.request().status)

    def test_no_such_name(self) -> None:
        self.make_proxy("http://nowhere.invalid")
        self.assertEqual(502, self.request().status)

    def test_not_accepted(self) -> None:
        # The queue of a listener that accepts nothing is soon full.
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            address = full.getsockname()
            with socket.create_connection(address):
                self.make_proxy(
                    f"http://127.0.0.1:{address[1]}",
                    connect_timeout=SHORT_SECONDS,
                )
                self.assertEqual(504, self.request().status)

    def test_idle_connection_closed(self) -> None:
        def once(client: Conversation) -> None:
            client.read_head()
            client.answer()

        upstream = self.upstream(once)
        for number in range(3):
            self.assertEqual(200, self.request("POST").status)
            upstream.conversation(number).ended.wait(30)

    def test_closed_as_it_is_used_again(self) -> None:
        """The upstream gives up an idle connection when a request comes."""

        def second_unanswered(client: Conversation) -> None:
            client.read_head()
            client.answer()
            client.read_head()

        for method, body, expected in (
            ("GET", b"", 200),
            ("HEAD", b"", 200),
            ("POST", b"", 502),
            ("DELETE", b"", 502),
            ("PUT", b"data", 502),
        ):
            self.upstream(second_unanswered, serve)
            self.assertEqual(200, self.request().status)
            answer = self.request(method, body=body)
            self.assertEqual(expected, answer.status, method)
