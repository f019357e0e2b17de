# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
import sys
import types
import unittest
from typing import Any
from unittest import mock

import webob

from glance_filters import errors
from glance_filters.glance_api import request_body
from glance_filters.tests.unit import fakes

LIMIT = 100


def environ_of(
    method: str = "PATCH", body: bytes = b"12345", **keys: Any
) -> dict[str, Any]:
    """Return an environ without a Content-Length unless one is given."""
    environ = fakes.environ_of(method, "/", **keys)
    environ["wsgi.input"] = io.BytesIO(body)
    return environ


class HasBodyTest(unittest.TestCase):
    def test_has_body(self) -> None:
        for method, keys, expected in (
            ("PATCH", {"CONTENT_LENGTH": "5"}, True),
            ("DELETE", {"CONTENT_LENGTH": "5"}, True),
            ("PATCH", {"CONTENT_LENGTH": "0"}, False),
            ("PATCH", {"CONTENT_LENGTH": ""}, False),
            ("PATCH", {"CONTENT_LENGTH": "-5"}, False),
            ("PATCH", {"CONTENT_LENGTH": "five"}, False),
            # What int() takes for a number, webob does.
            ("PATCH", {"CONTENT_LENGTH": " 5 "}, True),
            ("PATCH", {"CONTENT_LENGTH": "+5"}, True),
            ("PATCH", {"CONTENT_LENGTH": "0_5"}, True),
            ("PATCH", {"CONTENT_LENGTH": "5.0"}, False),
            ("PATCH", {"CONTENT_LENGTH": "5, 5"}, False),
            ("PATCH", {}, False),
            ("PATCH", {"wsgi.input_terminated": True}, False),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": "chunked"}, True),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": "Chunked"}, True),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": "gzip"}, True),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": "identity"}, True),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": "compress"}, True),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": "deflate"}, True),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": " chunked"}, False),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": ""}, False),
            ("POST", {"HTTP_TRANSFER_ENCODING": "chunked"}, True),
            ("PUT", {"HTTP_TRANSFER_ENCODING": "chunked"}, True),
            ("patch", {"HTTP_TRANSFER_ENCODING": "chunked"}, True),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": "gzip, chunked"}, False),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": "x"}, False),
            ("DELETE", {"HTTP_TRANSFER_ENCODING": "chunked"}, False),
            ("GET", {"HTTP_TRANSFER_ENCODING": "chunked"}, False),
        ):
            with self.subTest(method, **keys):
                environ = environ_of(method)
                environ.update(keys)
                self.assertEqual(expected, request_body.has_body(environ))

    def test_is_readable(self) -> None:
        ended = {"wsgi.input_terminated": True}
        for keys, expected in (
            ({"CONTENT_LENGTH": "5"}, True),
            ({"CONTENT_LENGTH": "0", **ended}, False),
            ({"CONTENT_LENGTH": "x", **ended}, True),
            ({"CONTENT_LENGTH": "x"}, False),
            (ended, True),
            ({}, False),
            ({"HTTP_TRANSFER_ENCODING": "chunked"}, False),
        ):
            with self.subTest(**keys):
                environ = environ_of()
                environ.update(keys)
                found = request_body.is_readable(environ)
                self.assertIs(expected, found)


class ReadTest(unittest.TestCase):
    def read(self, environ: dict[str, Any]) -> bytes | None:
        return request_body.read(environ, LIMIT)

    def test_what_is_read(self) -> None:
        chunked = {"HTTP_TRANSFER_ENCODING": "chunked"}
        for keys, expected in (
            ({"CONTENT_LENGTH": "5"}, b"12345"),
            ({"CONTENT_LENGTH": "3"}, b"123"),
            ({}, None),
            (chunked, b"12345"),
            ({**chunked, "wsgi.input_terminated": True}, b"12345"),
            # Both: the length counts, and a senseless one leaves nothing.
            ({**chunked, "CONTENT_LENGTH": "3"}, b"123"),
            ({**chunked, "CONTENT_LENGTH": "0"}, b""),
            ({**chunked, "CONTENT_LENGTH": "-3"}, b""),
            ({**chunked, "CONTENT_LENGTH": "x"}, b"12345"),
        ):
            with self.subTest(**keys):
                environ = environ_of()
                environ.update(keys)
                before = dict(environ)
                self.assertEqual(expected, self.read(environ))
                # Handed on: the same bytes, then the end; nothing else.
                rest = environ["wsgi.input"].read()
                handed_on = b"12345" if expected is None else expected
                self.assertEqual(handed_on, rest)
                del environ["wsgi.input"], before["wsgi.input"]
                self.assertEqual(before, environ)

    def test_streams_that_give_little_at_a_time(self) -> None:
        class Dribble(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                return super().read(min(size, 2) if size and size > 0 else 2)

        environ = environ_of(HTTP_TRANSFER_ENCODING="chunked")
        environ["wsgi.input"] = Dribble(b"12345")
        self.assertEqual(b"12345", self.read(environ))
        self.assertEqual(b"12345", environ["wsgi.input"].read())

    def test_what_follows_the_body_is_left(self) -> None:
        stream = io.BytesIO(b"12345PATCH /next")
        environ = environ_of(CONTENT_LENGTH="5")
        environ["wsgi.input"] = stream
        self.assertEqual(b"12345", self.read(environ))
        self.assertEqual(b"PATCH /next", stream.read())

    def test_a_length_over_the_limit_is_not_read_at_all(self) -> None:
        environ = environ_of(CONTENT_LENGTH=str(LIMIT + 1))
        with self.assertRaises(errors.BodyTooLarge):
            self.read(environ)
        self.assertEqual(0, environ["wsgi.input"].tell())

    def test_limit(self) -> None:
        body = bytes(LIMIT)
        for keys in (
            {"CONTENT_LENGTH": str(LIMIT)},
            {"HTTP_TRANSFER_ENCODING": "chunked"},
        ):
            self.assertEqual(body, self.read(environ_of(body=body, **keys)))
        body += b"x"
        for keys in (
            {"CONTENT_LENGTH": str(LIMIT + 1)},
            {"HTTP_TRANSFER_ENCODING": "chunked"},
        ):
            environ = environ_of(body=body * 1000, **keys)
            with self.assertRaises(errors.BodyTooLarge):
                self.read(environ)
            # No more was read than is needed to know.
            self.assertLessEqual(environ["wsgi.input"].tell(), LIMIT + 1)

    def test_too_early(self) -> None:
        with self.assertRaises(errors.BodyUnreadable):
            self.read(environ_of(CONTENT_LENGTH="6"))
        for error in (OSError("x"), ValueError("x"), EOFError("x")):
            for keys in (
                {"CONTENT_LENGTH": "5"},
                {"HTTP_TRANSFER_ENCODING": "chunked"},
            ):
                stream = mock.Mock()
                stream.read.side_effect = [b"1", error]
                environ = environ_of()
                environ.update(keys)
                environ["wsgi.input"] = stream
                with self.assertRaisesRegex(errors.BodyUnreadable, "early"):
                    self.read(environ)

    def test_a_body_that_was_read_before(self) -> None:
        environ = environ_of(CONTENT_LENGTH="5")
        environ["webob.is_body_seekable"] = True
        environ["wsgi.input"].read()
        self.assertEqual(b"12345", self.read(environ))
        self.assertEqual(b"12345", self.read(environ))

    def test_a_form_that_was_read_before(self) -> None:
        # What webob remembers of it goes with the stream it came from.
        environ = environ_of(
            "POST",
            b"a=b",
            CONTENT_LENGTH="3",
            CONTENT_TYPE="application/x-www-form-urlencoded",
        )
        self.assertEqual("b", webob.Request(environ).POST.get("a"))
        self.assertEqual(b"a=b", self.read(environ))
        remembered = {key for key in environ if key.startswith("webob.")}
        self.assertEqual(set(), remembered)
        self.assertEqual("b", webob.Request(environ).POST.get("a"))


class UwsgiTest(unittest.TestCase):
    def environ(self, *chunks: bytes) -> dict[str, Any]:
        uwsgi = types.ModuleType("uwsgi")
        left = list(chunks)
        uwsgi.chunked_read = (  # type: ignore[attr-defined]
            lambda: left.pop(0) if left else b""
        )
        patch = mock.patch.dict(sys.modules, uwsgi=uwsgi)
        patch.start()
        self.addCleanup(patch.stop)
        return environ_of(body=b"", HTTP_TRANSFER_ENCODING="chunked")

    def test_chunks(self) -> None:
        environ = self.environ(b"123", b"45")
        self.assertEqual(b"12345", request_body.read(environ, LIMIT))
        # They cannot be read a second time, so the core finds them here.
        self.assertEqual("5", environ["CONTENT_LENGTH"])
        self.assertNotIn("HTTP_TRANSFER_ENCODING", environ)
        self.assertEqual(b"12345", environ["wsgi.input"].read())

    def test_limit(self) -> None:
        environ = self.environ(bytes(LIMIT), b"x", b"y")
        with self.assertRaises(errors.BodyTooLarge):
            request_body.read(environ, LIMIT)

    def test_too_early(self) -> None:
        environ = self.environ()
        failing = mock.Mock(side_effect=[b"1", OSError("no chunk")])
        with mock.patch.object(sys.modules["uwsgi"], "chunked_read", failing):
            with self.assertRaisesRegex(errors.BodyUnreadable, "early"):
                request_body.read(environ, LIMIT)

    def test_a_length(self) -> None:
        environ = self.environ(b"chunks")
        del environ["HTTP_TRANSFER_ENCODING"]
        environ["CONTENT_LENGTH"] = "4"
        environ["wsgi.input"] = io.BytesIO(b"body")
        self.assertEqual(b"body", request_body.read(environ, LIMIT))
