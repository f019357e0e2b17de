# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
import ssl
import threading
import time
from typing import Any
from unittest import mock

import fixtures
import testtools
from webob import exc

from glance_filters.tests.fixtures import optional
from glance_filters.tests.fixtures.raw_upstream import Conversation
from glance_filters.tests.unit.proxy.cases import (
    SHORT_SECONDS,
    ProxyCase,
    serve,
)
from glance_filters.wsgi import bodies

request_body = optional.module("glance_filters.proxy.request_body")


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


@optional.needs("glance_filters.proxy.request_body", "urllib3")
class RequestBodyTest(testtools.TestCase):
    def test_tls_is_not_looked_into(self) -> None:
        """It reads for reasons of its own."""
        stream = io.BytesIO(b"data")
        body = request_body.RequestBody(stream.read, 4, 7.0, True)
        sock = mock.Mock(spec=ssl.SSLSocket)
        body.connection = mock.Mock(sock=sock)
        self.assertEqual([b"data"], list(body))
        sock.settimeout.assert_called_once_with(7.0)
        sock.recv.assert_not_called()

    def test_how_much_is_read_at_a_time(self) -> None:
        """What each upload takes of memory, and no more than there is."""
        asked: list[int] = []

        def read(size: int) -> bytes:
            asked.append(size)
            return stream.read(size)

        for length, expected in (
            (131_073, [65_536, 65_536, 1]),
            (None, [65_536] * 4),
        ):
            asked.clear()
            stream = io.BytesIO(bytes(131_073))
            body = request_body.RequestBody(read, length, 7.0, True)
            body.connection = mock.Mock(sock=mock.Mock(spec=ssl.SSLSocket))
            self.assertEqual(bytes(131_073), b"".join(body))
            self.assertEqual(expected, asked)

    def test_how_long_is_waited(self) -> None:
        """For the upstream to say something, in seconds."""

        def iterate(expects: bool, data: bytes, said: bytes) -> list[float]:
            stream = io.BytesIO(data)
            body = request_body.RequestBody(stream.read, 4, 7.0, expects)
            body.connection = mock.Mock()
            body.connection.sock.recv.return_value = said
            with mock.patch.object(
                request_body.util,
                "wait_for_read",
                side_effect=[bool(said), *[False] * 9],
            ) as wait:
                try:
                    list(body)
                except request_body.ClientGone:
                    body.connection.sock.shutdown.assert_called_once()
            return [each.args[1] for each in wait.call_args_list]

        willing = b"HTTP/1.1 100 Continue\r\n\r\n"
        hint = b"HTTP/1.1 103 Early Hints\r\n\r\n"
        for expects, data, said, expected in (
            (True, b"data", b"", [1, 0]),
            (True, b"data", willing, [1, 0, 0]),
            (True, b"data", hint, [1, 1, 0]),
            (False, b"data", b"", [0]),
            (False, b"dat", b"", [0, 0, 10]),
        ):
            self.assertEqual(expected, iterate(expects, data, said))


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

    def test_upstream_is_done_before_the_client_knows(self) -> None:
        """Who is refused may try again at once."""
        refusal = exc.HTTPUnsupportedMediaType("unsafe")
        for error in (refusal, OSError("gone")):
            for framing in self.FRAMINGS:
                done: list[str] = []

                def script(
                    client: Conversation, done: list[str] = done
                ) -> None:
                    client.wait_closed()
                    # Only what waits sees this.
                    time.sleep(0.05)
                    done.append("done")

                self.upstream(script, serve)
                stream = Failing(b"data", error)
                self.start("PUT", **framing, **{"wsgi.input": stream})
                self.assertEqual(["done"], done)

    def test_upstream_is_never_done(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(
                "glance_filters.proxy.request_body.BREAK_OFF_SECONDS",
                float(SHORT_SECONDS),
            )
        )
        over = threading.Event()

        def script(client: Conversation) -> None:
            client.wait_closed()
            over.wait()

        for framing in self.FRAMINGS:
            self.upstream(script)
            self.addCleanup(over.set)
            stream = Failing(b"data", exc.HTTPUnsupportedMediaType("unsafe"))
            status, _ = self.start("PUT", **framing, **{"wsgi.input": stream})
            self.assertEqual("415 Unsupported Media Type", status)

    def test_body_ends_early(self) -> None:
        logger = self.useFixture(fixtures.FakeLogger("glance_filters.proxy"))
        upstream = self.upstream(Conversation.wait_closed)
        status, _ = self.start(
            "PUT",
            **{"wsgi.input": io.BytesIO(b"data"), "CONTENT_LENGTH": "10"},
        )
        self.assertEqual("400 Bad Request", status)
        self.assertEqual(
            "The client is gone: 6 bytes of the body are missing\n",
            logger.output,
        )
        self.assertTrue(upstream.conversation().closed.wait(30))

    def test_upstream_is_asked_as_the_body_begins(self) -> None:
        """One that is busy with the upload alone could not answer."""
        asked = threading.Lock()

        def one_at_a_time(client: Conversation) -> None:
            while head := client.read_head():
                with asked:
                    data = client.read(4 if head.startswith(b"PUT") else 0)
                    client.answer(data)

        class Asking(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                if not self.tell():
                    statuses.append(case.start()[0])
                return super().read(size)

        case = self
        for framing in self.FRAMINGS:
            statuses: list[str] = []
            self.upstream(one_at_a_time, read_timeout="10")
            framing = {**framing, "wsgi.input": Asking(b"data")}
            if "CONTENT_LENGTH" in framing:
                framing["CONTENT_LENGTH"] = "4"
            statuses.append(self.start("PUT", **framing)[0])
            self.assertEqual(["200 OK"] * 2, statuses)

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

        def hinting(client: Conversation) -> None:
            client.read_head()
            client.send(b"HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n")
            wanted.set()
            client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            data = client.read(4)
            client.send(b"HTTP/1.1 102 Processing\r\n\r\n")
            client.answer(data)

        def in_pieces(client: Conversation) -> None:
            client.read_head()
            wanted.set()
            client.send(b"HTTP/1.1 1")
            data = client.read(4)
            client.send(b"00 Continue\r\n\r\n")
            client.answer(data)

        def closing(client: Conversation) -> None:
            client.read_head()
            wanted.set()
            client.send(b"HTTP/1.1 100 Continue\r\n")

        def switching(client: Conversation) -> None:
            client.read_head()
            client.send(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            client.wait_closed()

        def silent(client: Conversation) -> None:
            client.read_head()
            client.answer(client.read(4))

        def refusing(client: Conversation) -> None:
            client.read_head()
            client.answer(b"no", "401 Unauthorized")
            client.wait_closed()

        case = self
        for script, expected in (
            (willing, ("200 OK", [b"data"])),
            (hinting, ("200 OK", [b"data"])),
            (in_pieces, ("200 OK", [b"data"])),
            (silent, ("200 OK", [b"data"])),
            (refusing, ("401 Unauthorized", [b"no"])),
            (closing, ("502 Bad Gateway", None)),
            (switching, ("502 Bad Gateway", None)),
        ):
            wanted = threading.Event()
            if script is silent:
                wanted.set()
            # Only what says nothing is waited for in vain.
            self.useFixture(
                fixtures.MonkeyPatch(
                    "glance_filters.proxy.request_body.CONTINUE_SECONDS",
                    0.2 if script is silent else 30,
                )
            )
            upstream = self.upstream(script)
            status, body = self.start(
                "PUT",
                SERVER_PROTOCOL="HTTP/1.1",
                HTTP_EXPECT="100-continue",
                CONTENT_LENGTH="4",
                **{"wsgi.input": Body(b"data")},
            )
            told = list(body)
            self.assertEqual(expected[0], status, script.__name__)
            self.assertIn(expected[1], (told, None))
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
