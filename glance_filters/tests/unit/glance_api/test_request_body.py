# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
import unittest
from typing import Any
from unittest import mock

import webob

from glance_filters import errors
from glance_filters.glance_api import request_body
from glance_filters.tests.unit import fakes
from glance_filters.wsgi import input_streams

DATA = bytes(range(256)) * 1000


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
            # What int() takes for a number, webob does; framing refuses it.
            ("PATCH", {"CONTENT_LENGTH": " 5 "}, True),
            ("PATCH", {"CONTENT_LENGTH": "+5"}, True),
            ("PATCH", {"CONTENT_LENGTH": "0_5"}, True),
            ("PATCH", {"CONTENT_LENGTH": "5.0"}, False),
            ("PATCH", {"CONTENT_LENGTH": "5, 5"}, False),
            ("PATCH", {}, False),
            ("PATCH", {"wsgi.input_terminated": True}, False),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": "chunked"}, True),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": "Chunked"}, True),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": "gzip"}, False),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": "identity"}, False),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": "compress"}, False),
            ("PATCH", {"HTTP_TRANSFER_ENCODING": "deflate"}, False),
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


class RecordedInputTest(unittest.TestCase):
    def test_how_much_is_asked_for(self) -> None:
        """Never more than one byte past the limit, whoever reads."""
        for arguments, asked in (
            *(((), 11), ((None,), 11), ((-1,), 11), ((-5,), 11)),
            *(((0,), 0), ((3,), 3), ((11,), 11), ((1000,), 11)),
        ):
            for before in (0, 4):
                stream = mock.Mock()
                stream.read.side_effect = bytes
                recorded = request_body._RecordedInput(stream, 10)
                recorded.read(before)
                expected = min(asked, 11 - before)
                with self.subTest(arguments, before=before):
                    if before + expected > 10:
                        with self.assertRaises(errors.BodyTooLarge):
                            recorded.read(*arguments)
                    else:
                        recorded.read(*arguments)
                    stream.read.assert_called_with(expected)
                    size = len(recorded.recorded)
                    self.assertEqual(before + expected, size)


class StreamTest(unittest.TestCase):
    def stream(
        self, body: bytes = DATA, **keys: Any
    ) -> input_streams.BodyStream:
        self.environ = fakes.environ_of("PUT", "/v2/images/a/file", **keys)
        self.environ["wsgi.input"] = io.BytesIO(body)
        return request_body.stream(self.environ)

    def test_what_glance_reads(self) -> None:
        for keys, expected in (
            ({"CONTENT_LENGTH": "1000"}, DATA[:1000]),
            ({"CONTENT_LENGTH": "0"}, b""),
            ({"CONTENT_LENGTH": str(len(DATA))}, DATA),
            ({}, b""),
            ({"wsgi.input_terminated": True}, DATA),
            ({"HTTP_TRANSFER_ENCODING": "chunked"}, DATA),
        ):
            with self.subTest(keys):
                body = self.stream(**keys)
                found = body.read()
                self.assertEqual(expected, found)
                self.assertEqual(b"", body.read(1))
                self.assertTrue(body.is_complete)
                # It is what webob gives to Glance.
                request = webob.Request(
                    {**self.environ, "wsgi.input": io.BytesIO(DATA)}
                )
                if "HTTP_TRANSFER_ENCODING" in keys:
                    request.is_body_readable = True
                self.assertEqual(expected, request.body_file.read())

    def test_chunks_of_uwsgi(self) -> None:
        chunks = [DATA[:3], DATA[3:70_000], DATA[70_000:], b""]
        uwsgi = mock.Mock(chunked_read=mock.Mock(side_effect=chunks))
        with mock.patch.dict("sys.modules", uwsgi=uwsgi):
            body = self.stream(b"nothing", HTTP_TRANSFER_ENCODING="chunked")
            found = [body.read(2), body.read(1000), body.read(10), body.read()]
        self.assertEqual([2, 1000, 10], [len(each) for each in found[:3]])
        self.assertEqual(DATA, b"".join(found))

    def test_where_uwsgi_has_the_chunks(self) -> None:
        for coding, expected in (
            *(("chunked", True), ("Chunked", True), (None, False)),
            *(("", False), ("br", False), ("gzip", False)),
        ):
            environ = {"HTTP_TRANSFER_ENCODING": coding} if coding else {}
            with mock.patch.dict("sys.modules", uwsgi=mock.Mock()):
                found = request_body.uwsgi_chunks(environ)
            self.assertIs(expected, found is not None, coding)

    def test_a_body_that_was_read_before(self) -> None:
        body = self.stream(
            DATA,
            **{
                "CONTENT_LENGTH": str(len(DATA)),
                "webob.is_body_seekable": True,
            },
        )
        self.assertEqual(DATA, body.read())
        again = request_body.stream(self.environ)
        self.assertEqual(DATA, again.read())
