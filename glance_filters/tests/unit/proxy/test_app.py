# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
import threading
import tracemalloc

from glance_filters.tests.fixtures.raw_upstream import Conversation
from glance_filters.tests.unit.proxy.cases import (
    CHUNKED,
    HEAD,
    LENGTH,
    ProxyCase,
    raw,
    serve,
)
from glance_filters.wsgi import bodies


class ForwardTest(ProxyCase):
    def test_on_the_wire(self) -> None:
        upstream = self.upstream(serve)
        answer = self.request("GET", "/v2/a%2Fb?c=%20d")
        self.assertEqual(200, answer.status)
        self.assertEqual(
            [
                b'Forwarded: for=unknown;host="127.0.0.1";proto=http',
                b"GET /v2/a/b?c=%20d HTTP/1.1",
                b"Host: 127.0.0.1",
                b"Via: 1.0 glance-filters",
                b"X-Forwarded-For: unknown",
                b"X-Forwarded-Host: 127.0.0.1",
                b"X-Forwarded-Proto: http",
            ],
            sorted(filter(None, answer.body.split(b"\r\n"))),
        )
        self.assertEqual("1.1 glance-filters", answer.header("Via"))
        self.assertEqual(1, len(upstream.conversations))

    def test_a_query_is_sent_as_the_filters_have_seen_it(self) -> None:
        self.upstream(serve)
        for query, expected in (
            ("_method=PUT#a", "_method=PUT%23a"),
            ("a=100%&b=%41", "a=100%25&b=%41"),
            ('a=["]&b=%c3%a4', "a=%5B%22%5D&b=%C3%A4"),
            ("a=\xc3\xa0", "a=%C3%A0"),
        ):
            answer = self.request("GET", f"/?{query}")
            [line, *_] = answer.body.decode().splitlines()
            self.assertEqual(f"GET /?{expected} HTTP/1.1", line)

    def test_bodies_on_the_wire(self) -> None:
        def script(client: Conversation) -> None:
            client.read_head()
            client.read(4)
            client.answer()
            client.read_head()
            client.read_until(b"0\r\n\r\n")
            client.send(b"HTTP/1.1 204 No Content\r\n\r\n")

        upstream = self.upstream(script)
        self.assertEqual(200, self.request("PUT", body=b"data").status)
        environ = {
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input": io.BytesIO(b"data"),
            "wsgi.input_terminated": True,
            "SERVER_PROTOCOL": "HTTP/1.1",
        }
        status, body = self.start("PUT", **environ)
        self.assertEqual("204 No Content", status)
        bodies.close(body)
        sent = upstream.conversation().received
        self.assertEqual(1, sent.count(b"Content-Length: 4\r\n"))
        self.assertIn(b"\r\n\r\ndata", sent)
        self.assertEqual(1, sent.count(b"Transfer-Encoding: chunked\r\n"))
        self.assertTrue(sent.endswith(b"\r\n\r\n4\r\ndata\r\n0\r\n\r\n"))

    def test_connections_are_used_again(self) -> None:
        answers = [
            LENGTH + b"0123456789",
            CHUNKED + b"a\r\n0123456789\r\n0\r\n\r\n",
            HEAD + b"Content-Length: 0\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH + b"0123456789",
            LENGTH,
        ]

        def script(client: Conversation) -> None:
            for answer in answers:
                client.read_head()
                client.send(answer)
            client.wait_closed()

        upstream = self.upstream(script)
        methods = ["GET"] * (len(answers) - 1) + ["HEAD"]
        found = [self.request(method) for method in methods]
        self.assertEqual(
            [200, 200, 200, 204, 304, 200, 200],
            [each.status for each in found],
        )
        self.assertEqual(
            [b"0123456789"] * 2 + [b""] * 3 + [b"0123456789", b""],
            [each.body for each in found],
        )
        self.assertEqual("10", found[-1].header("Content-Length"))
        self.assertEqual(1, len(upstream.conversations))

    def test_an_answer_without_a_body_need_not_be_read(self) -> None:
        upstream = self.upstream(serve)
        for method in ("HEAD", "HEAD", "GET"):
            _, body = self.start(method)
            bodies.close(body)
        self.assertEqual(1, len(upstream.conversations))

    def test_pieces_come_as_they_are_sent(self) -> None:
        goes_on = threading.Event()
        for head, pieces in (
            (LENGTH, [b"01234", b"56789"]),
            (CHUNKED, [b"5\r\n01234\r\n", b"5\r\n56789\r\n0\r\n\r\n"]),
            (HEAD + b"\r\n", [b"01234", b"56789"]),
        ):
            goes_on.clear()

            def script(
                client: Conversation,
                head: bytes = head,
                pieces: list[bytes] = pieces,
            ) -> None:
                raw(head + pieces[0])(client)
                goes_on.wait(30)
                client.send(pieces[1])

            self.upstream(script)
            _, body = self.start()
            chunks = iter(body)
            self.assertEqual(b"01234", next(chunks))
            goes_on.set()
            self.assertEqual([b"56789"], list(chunks))
            bodies.close(body)

    def test_memory(self) -> None:
        size = 64 * 2**20
        piece = bytes(2**20)

        def script(client: Conversation) -> None:
            client.read_head()
            client.send(HEAD + b"Content-Length: %d\r\n\r\n" % size)
            for _ in range(size // len(piece)):
                client.send(piece)
            client.read_head()
            left = size
            while left:
                client.received = b""
                left -= len(client.read(min(left, len(piece))))
            client.answer()

        class Zeros:
            def read(self, size: int) -> bytes:
                return piece[:size]

        self.upstream(script)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        _, body = self.start()
        self.assertEqual(size, sum(map(len, body)))
        status, _ = self.start(
            "PUT", **{"wsgi.input": Zeros(), "CONTENT_LENGTH": str(size)}
        )
        self.assertEqual("200 OK", status)
        self.assertLess(tracemalloc.get_traced_memory()[1], 8 * 2**20)
