# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import sys
import unittest
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from glance_filters import errors
from glance_filters.tests.unit import fakes
from glance_filters.wsgi import response

Start = Callable[..., Callable[[bytes], object]]


class Chunks:
    """A body that is given once, and remembers whether it was closed."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = iter(chunks)
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks

    def close(self) -> None:
        self.closed += 1


class CaptureTest(unittest.TestCase):
    def ask(self, app: Any) -> response.CapturedResponse:
        return response.capture(app, fakes.environ_of("GET", "/"))

    def test_the_applications_own_iterable(self) -> None:
        body = Chunks(b"a")

        def app(environ: Any, start_response: Start) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Length", "1")])
            return body

        answer = self.ask(app)
        self.assertIs(body, answer.body)
        self.assertEqual(200, answer.code)
        self.assertEqual(1, answer.content_length())
        answer.close()
        self.assertEqual(1, body.closed)

    def test_a_generator_starts_late(self) -> None:
        def app(environ: Any, start_response: Start) -> Iterator[bytes]:
            start_response("201 Created", [])
            yield b"a"
            yield b"b"

        answer = self.ask(app)
        self.assertEqual("201 Created", answer.status)
        self.assertEqual([b"a", b"b"], list(answer.body))

    def test_what_was_written_comes_first(self) -> None:
        body = Chunks(b"b")

        def app(environ: Any, start_response: Start) -> Iterable[bytes]:
            start_response("200 OK", [])(b"a")
            return body

        answer = self.ask(app)
        self.assertEqual([b"a", b"b"], list(answer.body))
        answer.close()
        self.assertEqual(1, body.closed)

    def test_closed_if_it_breaks_before_it_starts(self) -> None:
        closed = []

        class Broken:
            def __iter__(self) -> Iterator[bytes]:
                raise OSError("x")

            def close(self) -> None:
                closed.append(self)

        with self.assertRaises(OSError):
            self.ask(lambda environ, start_response: Broken())
        self.assertEqual(1, len(closed))

    def test_an_empty_generator_starts_too(self) -> None:
        def app(environ: Any, start_response: Start) -> Iterator[bytes]:
            start_response("204 No Content", [])
            yield from ()

        answer = self.ask(app)
        self.assertEqual(204, answer.code)
        self.assertEqual([], list(answer.body))

    def test_no_status_at_all(self) -> None:
        body = Chunks()
        with self.assertRaises(RuntimeError):
            self.ask(lambda environ, start_response: body)
        self.assertEqual(1, body.closed)

    def test_errors_as_applications(self) -> None:
        for error, status, headers in (
            (errors.BadRequest("why"), "400 Bad Request", set()),
            (
                errors.LocksUnavailable("ID"),
                "503 Service Unavailable",
                {("Retry-After", "10")},
            ),
        ):
            captured = self.ask(response.from_error(error))
            self.assertEqual(status, captured.status)
            self.assertLessEqual(headers, set(captured.headers))
            text = (captured.read(1000) or b"").decode()
            self.assertEqual(f"{status}\n\n{error}", text)

    def test_header(self) -> None:
        fields = [("ETaf", "0"), ("ETag", "1"), ("etag", "2"), ("ETah", "3")]
        for headers, expected in (
            (fields, "1"),
            (fields[2:], "2"),
            # Of the same length, before and behind it by name.
            (fields[:1], None),
            (fields[3:], None),
            ([("Vary", "x"), ("E", "x"), ("ETagETag", "x")], None),
            ([], None),
        ):
            answer = response.CapturedResponse("200 OK", headers, ())
            for name in ("ETag", "etag", "ETAG"):
                self.assertEqual(expected, answer.header(name), headers)

    def test_environ(self) -> None:
        answer = self.ask(response.from_error(errors.BadRequest("why")))
        self.assertEqual("GET", answer.environ["REQUEST_METHOD"])
        answer = response.CapturedResponse("200 OK", [], ())
        self.assertEqual({}, answer.environ)

    def test_closed_if_it_breaks_while_it_is_read(self) -> None:
        body = Chunks()
        body._chunks = map(bytes.fromhex, ["x"])
        answer = response.CapturedResponse("200 OK", [], body)
        with self.assertRaises(ValueError):
            answer.read(10)
        self.assertEqual(1, body.closed)

    def test_lengths(self) -> None:
        for value, expected in (
            ("0", 0),
            ("12", 12),
            ("-1", None),
            ("1_0", None),
            ("\u0661", None),
            ("", None),
        ):
            answer = response.CapturedResponse(
                "200 OK", [("content-length", value)], ()
            )
            self.assertEqual(expected, answer.content_length(), value)

    def test_read(self) -> None:
        for limit, expected in ((2, b"ab"), (1, None)):
            body = Chunks(b"a", b"b")
            answer = response.CapturedResponse("200 OK", [], body)
            self.assertEqual(expected, answer.read(limit))
            # It can be given on all the same.
            self.assertEqual(b"ab", b"".join(answer.body))
            answer.close()
            self.assertEqual(1, body.closed)

    def test_read_json(self) -> None:
        for fields, body, expected in (
            ([], b'{"a": 1}', {"a": 1}),
            ([], b"[1]", [1]),
            ([], b"[1] ", [1]),
            ([], b"{", None),
            ([], b"[[[[[1]", None),
            ([], b"[" * 200_000, None),
            ([], b"[1]" + b" " * 200_000, None),
            ([("Content-Encoding", "gzip")], b"[1]", None),
        ):
            answer = response.CapturedResponse("200 OK", fields, [body])
            self.assertEqual(expected, answer.read_json(200_000))
            # It can be given on all the same.
            self.assertEqual(body, b"".join(answer.body))

    def test_with_json(self) -> None:
        answer = response.CapturedResponse("200 OK", [], [b"x"])
        answer = answer.with_json({"\xe9": [1]})
        self.assertEqual([b'{"\\u00e9": [1]}'], answer.body)
        self.assertEqual([("Content-Length", "15")], answer.headers)

    def test_fields_about_the_old_body(self) -> None:
        """Those of another one would be wrong (RFC 9110, 8)."""
        names = (
            *("Content-Length", "Content-MD5", "Content-Digest", "ETag"),
            *("Repr-Digest", "Accept-Ranges", "Last-Modified"),
        )
        headers = [(name, "x") for name in (*names, "Vary")]
        answer = response.CapturedResponse("200 OK", headers, ())
        self.assertEqual(
            [("Vary", "x"), ("Content-Length", "0")],
            answer.with_body(b"").headers,
        )

    def test_another_body(self) -> None:
        headers = [
            ("Content-Type", "a/b"),
            ("ETag", '"x"'),
            ("Content-MD5", "x"),
            ("content-length", "9"),
        ]
        answer = response.CapturedResponse("300 X", headers, ()).with_body(
            b"ab"
        )
        self.assertEqual("300 X", answer.status)
        self.assertEqual(
            [("Content-Type", "a/b"), ("Content-Length", "2")], answer.headers
        )
        self.assertEqual(b"ab", b"".join(answer.body))


class RestartTest(unittest.TestCase):
    """An application that fails calls ``start_response`` once more."""

    def app(self, chunks: int) -> Any:
        def run(environ: Any, start_response: Start) -> Iterator[bytes]:
            start_response("200 OK", [("Content-Type", "a/b")])
            for _ in range(chunks):
                yield b"data"
            try:
                raise OSError("the store is gone")
            except OSError:
                start_response("500 Error", [], sys.exc_info())
            yield b"error"

        return run

    def capture(self, chunks: int) -> response.CapturedResponse:
        environ = fakes.environ_of("GET", "/")
        return response.capture(self.app(chunks), environ)

    def test_too_late_once_there_was_data(self) -> None:
        captured = self.capture(2)
        with self.assertRaisesRegex(OSError, "the store is gone"):
            captured.read(1000)
        # Nor may what is cut out of it go on with another response.
        with self.assertRaisesRegex(OSError, "the store is gone"):
            list(self.capture(2).body)

    def test_replaced_while_it_is_read(self) -> None:
        """Nothing has gone to the client yet, nor come of the body."""

        def run(environ: Any, start_response: Start) -> Iterable[bytes]:
            start_response("200 OK", [("Content-Type", "a/b")])

            def chunks() -> Iterator[bytes]:
                try:
                    raise OSError("the store is gone")
                except OSError:
                    start_response("500 Error", [("A", "b")], sys.exc_info())
                yield b"error"

            return chunks()

        captured = response.capture(run, fakes.environ_of("GET", "/"))
        self.assertEqual("200 OK", captured.status)
        self.assertEqual(b"error", captured.read(1000))
        self.assertEqual("500 Error", captured.status)
        self.assertEqual([("A", "b")], captured.headers)

    def test_replaced_before(self) -> None:
        captured = self.capture(0)
        self.assertEqual("500 Error", captured.status)
        self.assertEqual(b"error", captured.read(1000))

    def test_server_decides_over_what_is_replayed(self) -> None:
        calls: list[Any] = []

        def start_response(*arguments: Any) -> Any:
            calls.append(arguments)
            return lambda data: None

        captured = self.capture(1)
        body = captured(fakes.environ_of("GET", "/"), start_response)
        self.assertEqual(b"dataerror", b"".join(body))
        (first, second) = calls
        self.assertEqual("200 OK", first[0])
        self.assertEqual("500 Error", second[0])
        self.assertIs(OSError, second[2][0])

    def test_second_call_without_an_error(self) -> None:
        def twice(environ: Any, start_response: Start) -> Iterable[bytes]:
            start_response("200 OK", [])
            start_response("200 OK", [])
            return []

        with self.assertRaises(AssertionError):
            response.capture(twice, fakes.environ_of("GET", "/"))
