# SPDX-License-Identifier: Apache-2.0

"""Upstreams that behave, and others; each is a script of raw bytes."""

from __future__ import annotations

import io
import socket
import threading
import tracemalloc
from typing import Any

import fixtures
import testtools
from urllib3 import exceptions
from webob import exc

from glance_filters import proxy
from glance_filters.proxy import settings
from glance_filters.tests.fixtures import http_client, raw_upstream
from glance_filters.tests.fixtures.raw_upstream import Conversation
from glance_filters.wsgi import bodies

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
            head = client.read_head()
            if head.startswith(b"GET"):
                client.send(HEAD + b"Content-Length: %d\r\n\r\n" % size)
                for _ in range(size // len(piece)):
                    client.send(piece)
                return
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

    def test_a_file_of_authorities_that_is_not_there(self) -> None:
        self.make_proxy("http://127.0.0.1")
        error = self.assertRaises(
            settings.SettingsError,
            self.make_proxy,
            "https://127.0.0.1",
            ca_file="/no/such/file",
        )
        self.assertIn("ca_file = /no/such/file", str(error))


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


class Failing:
    """A body that raises once its data was read."""

    def __init__(self, data: bytes, error: Exception) -> None:
        self._data = data
        self._error = error

    def read(self, size: int) -> bytes:
        data, self._data = self._data[:size], self._data[size:]
        if not data:
            raise self._error
        return data


class UploadTest(ProxyCase):
    FRAMINGS: tuple[dict[str, Any], ...] = (
        {"CONTENT_LENGTH": "10"},
        {
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input_terminated": True,
            "SERVER_PROTOCOL": "HTTP/1.1",
        },
    )

    def check(self, stream: Any, expected: str) -> None:
        """Check that the upstream cannot take a part for the whole."""
        for framing in self.FRAMINGS:
            upstream = self.upstream(Conversation.wait_closed, serve)
            status, body = self.start(
                "PUT", **framing, **{"wsgi.input": stream()}
            )
            bodies.close(body)
            self.assertEqual(expected, status)
            client = upstream.conversation()
            self.assertTrue(client.closed.wait(30))
            self.assertIn(b"data", client.received)
            self.assertFalse(client.received.endswith(b"0\r\n\r\n"))
            self.assertEqual(200, self.request().status)

    def test_client_gone(self) -> None:
        for error in (
            OSError("gone"),
            BrokenPipeError("gone"),
            ConnectionResetError("gone"),
            TimeoutError("gone"),
            ValueError("not a chunk"),
        ):
            self.check(
                lambda error=error: Failing(b"data", error), "400 Bad Request"
            )

    def test_filter_refuses(self) -> None:
        refusal = exc.HTTPUnsupportedMediaType("unsafe")
        self.check(
            lambda: Failing(b"data", refusal), "415 Unsupported Media Type"
        )

    def test_body_ends_early(self) -> None:
        upstream = self.upstream(Conversation.wait_closed)
        status, _ = self.start(
            "PUT",
            **{"wsgi.input": io.BytesIO(b"data"), "CONTENT_LENGTH": "10"},
        )
        self.assertEqual("400 Bad Request", status)
        self.assertTrue(upstream.conversation().closed.wait(30))

    def test_answered_early(self) -> None:
        """The rest of the upload is not read, nor taken for a request."""

        class Endless:
            def __init__(self, answered: threading.Event) -> None:
                self.count = 0
                self._answered = answered

            def read(self, size: int) -> bytes:
                self.count += 1
                # The first piece is on its way before there is an answer.
                if self.count > 1:
                    self._answered.wait(30)
                return b"a" * min(size, 10)

        for framing in self.FRAMINGS:
            answered = threading.Event()

            def refuse(
                client: Conversation,
                answered: threading.Event = answered,
            ) -> None:
                client.read_until(b"aaaa")
                client.answer(b"no", "409 Conflict")
                answered.set()
                client.wait_closed()

            upstream = self.upstream(refuse, serve)
            stream = Endless(answered)
            status, body = self.start(
                "PUT",
                **{
                    **framing,
                    "wsgi.input": stream,
                    **(
                        {"CONTENT_LENGTH": "1000000"}
                        if "CONTENT_LENGTH" in framing
                        else {}
                    ),
                },
            )
            self.assertEqual("409 Conflict", status)
            self.assertEqual([b"no"], list(body))
            bodies.close(body)
            self.assertLess(stream.count, 5)
            self.assertTrue(upstream.conversation().closed.wait(30))
            self.assertEqual(200, self.request().status)
            self.assertEqual(2, len(upstream.conversations))

    def test_continue(self) -> None:
        """The client is asked for the body once the upstream wants it."""

        class Body(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                case.assertTrue(wanted.is_set())
                return super().read(size)

        def willing(client: Conversation) -> None:
            client.read_head()
            wanted.set()
            client.send(b"HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n")
            client.answer(client.read(4))

        def silent(client: Conversation) -> None:
            client.read_head()
            wanted.set()
            client.answer(client.read(4))

        def refusing(client: Conversation) -> None:
            client.read_head()
            client.answer(b"no", "401 Unauthorized")
            client.wait_closed()

        case = self
        self.useFixture(
            fixtures.MonkeyPatch(
                "glance_filters.proxy.connections.CONTINUE_SECONDS", 0.2
            )
        )
        for script, expected in (
            (willing, ("200 OK", [b"data"])),
            (silent, ("200 OK", [b"data"])),
            (refusing, ("401 Unauthorized", [b"no"])),
        ):
            wanted = threading.Event()
            upstream = self.upstream(script)
            status, body = self.start(
                "PUT",
                HTTP_EXPECT="100-continue",
                CONTENT_LENGTH="4",
                **{"wsgi.input": Body(b"data")},
            )
            self.assertEqual(expected, (status, list(body)))
            bodies.close(body)
            received = upstream.conversation().received
            self.assertIn(b"Expect: 100-continue\r\n", received)

    def test_upstream_takes_nothing(self) -> None:
        def script(client: Conversation) -> None:
            client.read_head()
            done.wait(30)

        class Zeros:
            def read(self, size: int) -> bytes:
                return bytes(size)

        done = threading.Event()
        self.addCleanup(done.set)
        self.upstream(script, read_timeout=SHORT_SECONDS)
        status, _ = self.start(
            "PUT", **{"wsgi.input": Zeros(), "CONTENT_LENGTH": str(10**9)}
        )
        self.assertEqual("504 Gateway Timeout", status)
        done.set()

    def test_upstream_takes_its_time(self) -> None:
        """It may read more slowly than it accepts connections."""
        paused = threading.Event()

        def script(client: Conversation) -> None:
            client.read_head()
            paused.wait(1)
            client.read(4_000_000)
            client.answer()

        self.upstream(script, connect_timeout=SHORT_SECONDS)
        status, _ = self.start(
            "PUT",
            **{
                "wsgi.input": io.BytesIO(bytes(4_000_000)),
                "CONTENT_LENGTH": "4000000",
            },
        )
        self.assertEqual("200 OK", status)
