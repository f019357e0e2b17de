# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import contextlib
import runpy
import socket
from unittest import mock

import fixtures
import testtools
import urllib3
from urllib3 import exceptions

from glance_filters.tests.fixtures import optional
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

LIMITED = {"read_timeout": SHORT_SECONDS}


class NoBodyTest(ProxyCase):
    """Answers that have no body, whatever they say (RFC 9112, 6.3)."""

    def take(self, method: str) -> tuple[str, bytes]:
        """Return status and body."""
        status, body = self.start(method)
        taken = b"".join(body)
        bodies.close(body)
        return status[:3], taken

    def test_nothing_is_waited_for(self) -> None:
        for method, line in (
            ("GET", b"HTTP/1.1 204 No Content\r\n"),
            ("GET", b"HTTP/1.1 304 Not Modified\r\n"),
            ("HEAD", b"HTTP/1.1 200 OK\r\n"),
        ):
            for field in (
                b"Content-Length: 10",
                b"Transfer-Encoding: chunked",
                b"X-A: b",
            ):
                self.upstream(stopped(line + field + b"\r\n\r\n"))
                expected = (line[9:12].decode(), b"")
                self.assertEqual(expected, self.take(method))

    def test_a_body_is_not_the_next_answer(self) -> None:
        chunks = b"a\r\n0123456789\r\n0\r\n\r\n"
        for method, data in (
            ("GET", b"HTTP/1.1 204 No Content\r\n\r\n0123456789"),
            ("HEAD", LENGTH + b"0123456789" + LENGTH + b"9876543210"),
            ("HEAD", CHUNKED + chunks),
            ("GET", CHUNKED.replace(b"200 OK", b"304 Not Modified") + chunks),
        ):
            self.upstream(raw(data), serve)
            self.assertEqual(b"", self.take(method)[1])
            self.assertIn(b"GET / HTTP/1.1", self.take("GET")[1])


class RequirementTest(testtools.TestCase):
    @optional.needs("glance_filters.proxy.upstream", "urllib3 2.2 or newer")
    def test_old_urllib3(self) -> None:
        module = optional.module("glance_filters.proxy.upstream")
        with mock.patch("urllib3.HTTPResponse", object):
            error = self.assertRaises(
                ImportError, runpy.run_path, module.__file__
            )
        self.assertIn("2.2", str(error))

    def test_new_urllib3(self) -> None:
        # Where it cannot be imported, most tests are skipped.
        module = optional.module("glance_filters.proxy.app")
        is_new = hasattr(urllib3.HTTPResponse, "read1")
        self.assertEqual(is_new, module is not None)


class FailureTest(ProxyCase):
    """Upstreams that fail, at each stage of an answer."""

    def test_before_the_header_is_complete(self) -> None:
        many = b"".join(b"X-%d: a\r\n" % number for number in range(2000))
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
            *(
                (
                    f"has the length {length!r}",
                    raw(HEAD + b"Content-Length: %s\r\n\r\n01234" % length),
                    502,
                )
                for length in (
                    *(b"", b"+5", b"-5", b"5_0", b"0x5", b"5;", b"5, 5"),
                    *(b"5, 6", b"\xb2", b"9" * 30),
                )
            ),
            *(
                (
                    f"has the coding {coding!r}",
                    raw(
                        HEAD
                        + b"Transfer-Encoding: %s\r\n\r\n" % coding
                        + b"5\r\n01234\r\n0\r\n\r\n"
                    ),
                    502,
                )
                for coding in (
                    *(b"", b"gzip, chunked", b"chunked, chunked", b"identity"),
                    *(
                        b"chunked ",
                        b"chunked;a=b",
                        b"xchunked",
                        b"gzip",
                        b"\x0bchunked",
                    ),
                    b"gzip\r\nTransfer-Encoding: chunked",
                )
            ),
            ("switches", stopped(b"HTTP/1.1 101 Switching\r\n\r\n"), 502),
            ("hints", stopped(b"HTTP/1.1 103 Early Hints\r\n\r\n"), 504),
            ("hints for ever", raw(b"HTTP/1.1 103 Hints\r\n\r\n" * 99), 502),
            ("has a bad field", stopped(HEAD + b"A: \0\r\n\r\n"), 502),
        ):
            # What fails by itself does so before a limit of time does.
            self.upstream(script, **(LIMITED if expected == 504 else {}))
            self.assertEqual(expected, self.request("POST").status, name)

    def test_many_interim_answers(self) -> None:
        for line in (b"HTTP/1.1 100 Go on", b"HTTP/1.1 199 Hints"):
            for number, expected in ((19, 200), (20, 502)):
                hints = (line + b"\r\nX-A: b\r\n\r\n") * number
                self.upstream(raw(hints + LENGTH + b"0123456789"))
                self.assertEqual(expected, self.request().status)

    def test_what_is_logged(self) -> None:
        for script, expected in (
            (
                raw(b""),
                "502 Bad Gateway: PUT '/v2/a': ProtocolError: .*cut off.*",
            ),
            (
                raw(LENGTH + b"012"),
                "Aborting the response to PUT '/v2/a': .*3 bytes read.*",
            ),
        ):
            self.upstream(script)
            logger = self.useFixture(
                fixtures.FakeLogger("glance_filters.proxy.upstream")
            )
            _, body = self.start("PUT", PATH_INFO="/v2/a")
            with contextlib.suppress(exceptions.HTTPError):
                list(body)
            bodies.close(body)
            self.assertRegex(logger.output, f"^{expected}\n$")

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
            is_limited = name.startswith("is stopped")
            self.upstream(script, **(LIMITED if is_limited else {}))
            status, body = self.start()
            while is_limited and status.startswith("504"):
                # The header did not come in time: the machine is busy.
                bodies.close(body)
                status, body = self.start()
            self.assertEqual("200 OK", status, name)
            self.assertRaises(exceptions.HTTPError, list, body)
            bodies.close(body)

    def test_refused(self) -> None:
        # A port at which nobody listens, nor can begin to.
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.make_proxy(f"http://127.0.0.1:{taken.getsockname()[1]}")
            self.assertEqual(502, self.request().status)

    def test_what_urllib3_takes_for_no_target(self) -> None:
        self.make_proxy("http://127.0.0.1:1")
        error = exceptions.LocationParseError("/")
        with mock.patch(
            "urllib3.HTTPConnectionPool.urlopen", side_effect=error
        ):
            self.assertEqual(400, self.request().status)

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

    def test_all_idle_connections_closed(self) -> None:
        """An upstream that was started anew knows none of them."""

        def second_unanswered(client: Conversation) -> None:
            client.read_head()
            client.answer(b"0123456789")
            client.read_head()

        upstream = self.upstream(*[second_unanswered] * 3, serve)
        bodies_of = [self.start()[1] for _ in range(3)]
        for body in bodies_of:
            self.assertEqual(b"0123456789", b"".join(body))
            bodies.close(body)
        self.assertEqual(200, self.request().status)
        self.assertEqual(4, len(upstream.conversations))

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
