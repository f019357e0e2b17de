# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
import unittest
from typing import Any
from unittest import mock

import webob
import webob.exc
from hypothesis import given
from hypothesis import strategies as st

from glance_filters import errors
from glance_filters.glance_api import request_body
from glance_filters.tests.unit import fakes
from glance_filters.wsgi import input_streams

DATA = bytes(range(256)) * 1000


class Stream:
    """A server's stream: gives at most so much at a time, or breaks."""

    def __init__(
        self, data: bytes, most: int = 1 << 30, error_at: int | None = None
    ) -> None:
        self._rest = io.BytesIO(data)
        self._most = most
        self._error_at = error_at

    @property
    def left(self) -> int:
        return len(self._rest.getbuffer()) - self._rest.tell()

    def read(self, size: int) -> bytes:
        if self._error_at is not None:
            if self._rest.tell() >= self._error_at:
                raise OSError("client is gone")
            size = min(size, self._error_at - self._rest.tell())
        return self._rest.read(min(size, self._most))


class Looker:
    """An inspection that refuses on a certain byte count, or at the end."""

    def __init__(
        self, head: int = 0, enough: int = 1 << 30, refuse: int | None = None
    ) -> None:
        self.seen = bytearray()
        self.finished = 0
        self._head = head
        self._enough = enough
        self._refuse = refuse

    @property
    def head_decided(self) -> bool:
        return len(self.seen) >= self._head

    @property
    def decided(self) -> bool:
        return len(self.seen) >= self._enough

    def feed(self, data: bytes) -> None:
        self.seen += data
        if self._refuse is not None and len(self.seen) >= self._refuse:
            raise errors.ContentMismatch("a", "b")

    def finish(self) -> None:
        self.finished += 1
        if self._refuse is not None:
            raise errors.ContentMismatch("a", "b")


class TakeTest(unittest.TestCase):
    def take(
        self, body: bytes = DATA, **keys: Any
    ) -> input_streams.UploadBody:
        self.environ = fakes.environ_of("PUT", "/v2/images/a/file", **keys)
        self.environ["wsgi.input"] = io.BytesIO(body)
        return input_streams.take(self.environ)

    def test_what_the_core_reads(self) -> None:
        chunked = {"HTTP_TRANSFER_ENCODING": "chunked"}
        for keys, expected in (
            ({"CONTENT_LENGTH": "1000"}, DATA[:1000]),
            ({"CONTENT_LENGTH": "0"}, b""),
            ({"CONTENT_LENGTH": str(len(DATA))}, DATA),
            ({}, b""),
            ({"wsgi.input_terminated": True}, DATA),
            (chunked, DATA),
            ({"HTTP_TRANSFER_ENCODING": "x"}, b""),
            ({**chunked, "CONTENT_LENGTH": "1000"}, DATA[:1000]),
        ):
            with self.subTest(keys):
                body = self.take(**keys)
                found = body.read()
                self.assertEqual(expected, found)
                self.assertEqual(b"", body.read(1))
                self.assertTrue(body.complete)
                # It is what webob gives to the core.
                request = webob.Request(
                    {**self.environ, "wsgi.input": io.BytesIO(DATA)}
                )
                if "HTTP_TRANSFER_ENCODING" in keys:
                    coding = keys["HTTP_TRANSFER_ENCODING"]
                    request.is_body_readable = coding == "chunked"
                self.assertEqual(expected, request.body_file.read())

    def test_stream_that_can_only_be_iterated_over(self) -> None:
        pieces = [DATA[:10], b"", DATA[10:5000], DATA[5000:]]
        for length, expected in ((len(DATA), DATA), (4000, DATA[:4000])):
            body = input_streams.UploadBody(iter(pieces), length)
            got = [body.read(700) for _ in DATA[::700]]
            self.assertEqual(expected, b"".join(got))
            self.assertTrue(body.complete)
        body = input_streams.UploadBody(pieces, None)
        self.assertEqual(DATA, body.read())

    def test_chunks_of_uwsgi(self) -> None:
        chunks = [DATA[:3], DATA[3:70_000], DATA[70_000:], b""]
        uwsgi = mock.Mock(chunked_read=mock.Mock(side_effect=chunks))
        with mock.patch.dict("sys.modules", uwsgi=uwsgi):
            body = self.take(b"nothing", HTTP_TRANSFER_ENCODING="chunked")
            found = [body.read(2), body.read(1000), body.read(10), body.read()]
        self.assertEqual([2, 1000, 10], [len(each) for each in found[:3]])
        self.assertEqual(DATA, b"".join(found))
        request_body.replace(self.environ, io.BytesIO(DATA))
        self.assertEqual(DATA, webob.Request(self.environ).body_file.read())
        self.assertNotIn("HTTP_TRANSFER_ENCODING", self.environ)

    def test_methods_of_a_stream(self) -> None:
        body = self.take(b"a\nb\nc", CONTENT_LENGTH="5")
        self.assertTrue(body.readable())
        self.assertEqual([b"a\n", b"b\n", b"c"], list(body))


class InspectedInputTest(unittest.TestCase):
    def make(
        self,
        looker: Looker,
        stream: Any = None,
        length: int | None = len(DATA),
    ) -> input_streams.InspectedInput:
        body = input_streams.UploadBody(stream or Stream(DATA), length)
        self.refusals: list[str] = []
        return input_streams.InspectedInput(
            body, looker, lambda error: self.refusals.append(str(error))
        )

    @given(
        st.integers(0, 300_000),
        st.integers(0, 300_000),
        st.lists(st.sampled_from((-1, 0, 1, 100, 70_000)), max_size=20),
        st.sampled_from((1000, 70_000, 1 << 30)),
        st.sampled_from((None, len(DATA))),
    )
    def test_core_reads_what_came_and_it_was_all_seen(
        self,
        head: int,
        max_head: int,
        sizes: list[int],
        most: int,
        length: int | None,
    ) -> None:
        looker = Looker(head)
        stream = self.make(looker, Stream(DATA, most), length)
        stream.read_head(max_head)
        self.assertLessEqual(len(looker.seen), max_head)
        found = b""
        for size in sizes:
            piece = stream.read(size)
            found += piece
            if size >= 0 and len(found) < len(DATA):
                self.assertEqual(size, len(piece))
            # Nothing is given on that was not looked at.
            self.assertLessEqual(len(found), len(looker.seen))
        found += stream.read()
        self.assertEqual(DATA, found)
        self.assertEqual(DATA, bytes(looker.seen))
        self.assertEqual(1, looker.finished)

    def test_refused_by_the_head(self) -> None:
        for size, error_at, left in (
            (1_000_000, None, 0),
            (3_000_000, None, 3_000_000 - 131_072 - (1 << 20)),
            (3_000_000, 200_000, 2_800_000),
        ):
            source = Stream(bytes(size), error_at=error_at)
            stream = self.make(Looker(100_000, refuse=70_000), source, size)
            with self.assertRaises(errors.ContentMismatch):
                stream.read_head(1 << 20)
            # Who asked for the head tells of it.
            self.assertEqual([], self.refusals)
            # Read on, so that the client gets to the answer; but not for ever.
            self.assertEqual(left, source.left)

    def test_refused_with_short_chunks(self) -> None:
        source = Stream(bytes(700_000), most=4096)
        stream = self.make(Looker(100_000, refuse=70_000), source, None)
        with self.assertRaises(errors.ContentMismatch):
            stream.read_head(1 << 20)
        self.assertEqual(0, source.left)

    def test_refused_later(self) -> None:
        for length in (None, len(DATA)):
            looker = Looker(10, refuse=200_000)
            stream = self.make(looker, length=length)
            stream.read_head(1 << 20)
            found = stream.read(65536)
            refused = webob.exc.HTTPUnsupportedMediaType
            with self.assertRaises(refused):
                while True:
                    found += stream.read(65536)
            self.assertLess(len(found), 200_000)
            with self.assertRaises(refused):
                stream.read(10)
            self.assertEqual(1, len(self.refusals))

    def test_refused_by_the_end(self) -> None:
        """What the end tells comes before the last piece is given on."""
        stream = self.make(Looker(10, refuse=1 << 30))
        found = b""
        with self.assertRaises(webob.exc.HTTPUnsupportedMediaType):
            while True:
                found += stream.read(65536)
        self.assertLess(len(found), len(DATA))

    def test_early_end_is_no_end(self) -> None:
        """A client that vanished is the core's to notice."""
        looker = Looker(10, refuse=1 << 30)
        stream = self.make(looker, Stream(DATA[:1000]))
        stream.read_head(1 << 20)
        self.assertEqual(DATA[:1000], stream.read(5000))
        self.assertEqual(b"", stream.read(5000))
        self.assertEqual(0, looker.finished)

    def test_errors_come_where_they_would_have_come(self) -> None:
        for error_at in (0, 1000, 200_000):
            stream = self.make(
                Looker(100_000), Stream(DATA, error_at=error_at)
            )
            stream.read_head(1 << 20)
            found = b""
            with self.assertRaisesRegex(OSError, "client is gone"):
                while True:
                    found += stream.read(4096)
            # As of any stream, what a broken read had got is lost with it.
            whole = error_at - error_at % 4096
            self.assertEqual(DATA[:whole], found)

    def test_a_decided_one_is_left_alone(self) -> None:
        looker = Looker(10, enough=10)
        stream = self.make(looker)
        stream.read_head(1 << 20)
        self.assertEqual(DATA, stream.read())
        self.assertEqual(65536, len(looker.seen))

    def test_empty(self) -> None:
        looker = Looker(10)
        stream = self.make(looker, Stream(b""), 0)
        stream.read_head(1 << 20)
        self.assertEqual(b"", stream.read())
        self.assertEqual(1, looker.finished)


class FirstReadTest(unittest.TestCase):
    def test_called_once(self) -> None:
        on_read = mock.Mock()
        body = input_streams.FirstReadInput(
            input_streams.UploadBody(io.BytesIO(DATA), len(DATA)), on_read
        )
        on_read.assert_not_called()
        self.assertEqual(DATA, body.read(10) + body.read())
        on_read.assert_called_once_with()

    def test_nothing_is_read_if_it_raises(self) -> None:
        stream = io.BytesIO(DATA)
        body = input_streams.FirstReadInput(
            input_streams.UploadBody(stream, len(DATA)),
            mock.Mock(side_effect=webob.exc.HTTPConflict),
        )
        for size in (10, -1, 0x10000):
            with self.assertRaises(webob.exc.HTTPConflict):
                body.read(size)
        self.assertEqual(0, stream.tell())
