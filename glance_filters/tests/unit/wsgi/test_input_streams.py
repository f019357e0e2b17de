# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import functools
import io
import unittest
from typing import Any
from unittest import mock

import webob.exc

from glance_filters.wsgi import input_streams

DATA = bytes(range(256)) * 1000


class BodyStreamTest(unittest.TestCase):
    def test_limited_to_what_belongs_to_it(self) -> None:
        for length, expected in ((None, DATA), (1000, DATA[:1000]), (0, b"")):
            stream = io.BytesIO(DATA)
            body = input_streams.BodyStream(stream, length)
            self.assertEqual(length, body.length)
            self.assertEqual(length == 0, body.is_complete)
            self.assertEqual(expected[:10], body.read(10))
            self.assertEqual(expected[10:], body.read())
            self.assertEqual(b"", body.read(1))
            self.assertTrue(body.is_complete)
            self.assertEqual(len(expected), stream.tell())

    def test_early_end(self) -> None:
        body = input_streams.BodyStream(io.BytesIO(b"abc"), 5)
        self.assertEqual(b"abc", body.read())
        self.assertFalse(body.is_complete)

    def test_stream_that_can_only_be_iterated_over(self) -> None:
        pieces = [DATA[:10], b"", DATA[10:5000], DATA[5000:]]
        for length, expected in ((len(DATA), DATA), (4000, DATA[:4000])):
            body = input_streams.BodyStream(iter(pieces), length)
            got = [body.read(700) for _ in DATA[::700]]
            self.assertEqual(expected, b"".join(got))
            self.assertTrue(body.is_complete)
        body = input_streams.BodyStream(pieces, None)
        self.assertEqual(DATA, body.read())

    def test_stream_that_gives_more_than_was_requested(self) -> None:
        stream = mock.Mock()
        stream.read.side_effect = [DATA[:10], DATA[10:], b""]
        body = input_streams.BodyStream(stream, None)
        found = [body.read(4), body.read(4), body.read(10), body.read()]
        self.assertEqual([4, 4, 10], [len(each) for each in found[:3]])
        self.assertEqual(DATA, b"".join(found))

    def test_methods_of_a_stream(self) -> None:
        body = input_streams.BodyStream(io.BytesIO(b"a\nb\nc"), 5)
        self.assertTrue(body.readable())
        self.assertEqual([b"a\n", b"b\n", b"c"], list(body))
        # Those of its base read into a buffer, of which the rest stays.
        body = input_streams.BodyStream(io.BytesIO(b"abc"), 3)
        buffer = bytearray(b"12345")
        self.assertEqual(3, body.readinto(buffer))
        self.assertEqual(b"abc45", buffer)
        self.assertEqual(0, body.readinto(buffer))

    def test_sizes(self) -> None:
        """None and what is negative read to the end, 0 reads nothing."""
        for size, expected in (
            *((None, DATA), (-1, DATA), (-5, DATA), (0, b""), (1, DATA[:1])),
            (len(DATA) + 1, DATA),
        ):
            body = input_streams.BodyStream(io.BytesIO(DATA), len(DATA))
            self.assertEqual(expected, body.read(size), size)

    def test_how_much_is_asked_for(self) -> None:
        """The server's stream is never asked for what is not of the body."""
        for length, size, asked in (
            (None, 10, [10]),
            (None, -1, [input_streams.PIECE]),
            (7, 10, [7]),
            (7, -1, [7]),
            (100_000, -1, [65536, 34464]),
            (0, 10, []),
            (10, 4, [4]),
        ):
            sizes: list[int] = []
            stream = mock.Mock()
            stream.read.side_effect = lambda size, sizes=sizes: (
                sizes.append(size) or bytes(size if len(sizes) < 3 else 0)
            )
            input_streams.BodyStream(stream, length).read(size)
            found = sizes[: len(asked) or 1]
            self.assertEqual(asked, found, (length, size))


class DrainTest(unittest.TestCase):
    def test_to_the_end(self) -> None:
        stream = io.BytesIO(DATA + b"next")
        input_streams.BodyStream(stream, len(DATA)).drain(60)
        self.assertEqual(b"next", stream.read())

    def test_no_longer_than_the_time(self) -> None:
        for times, pieces in (
            ([0, 1, 2, 3], 1),
            ([0, 1, 3, 4], 1),
            ([0, 2], 0),
        ):
            stream = io.BytesIO(DATA)
            # That of the module: other threads look at the other one.
            clock = mock.Mock()
            clock.monotonic.side_effect = times
            with mock.patch.object(input_streams, "time", clock):
                input_streams.BodyStream(stream, len(DATA)).drain(2)
            self.assertEqual(pieces * input_streams.PIECE, stream.tell())

    def test_broken_stream(self) -> None:
        stream = mock.Mock()
        stream.read.side_effect = OSError("client is gone")
        input_streams.BodyStream(stream, 10).drain(60)
        stream.read.assert_called_once()


class HookedStreamTest(unittest.TestCase):
    def make(
        self, length: int | None, **hooks: Any
    ) -> input_streams.HookedStream:
        self.stream = io.BytesIO(DATA)
        body = input_streams.BodyStream(self.stream, length)
        return input_streams.HookedStream(body, **hooks)

    def test_called_once_each(self) -> None:
        for length in (None, len(DATA), 0):
            calls: list[str] = []
            body = self.make(
                length,
                on_start=functools.partial(calls.append, "start"),
                on_end=functools.partial(calls.append, "end"),
            )
            self.assertEqual([], calls)
            if length != 0:
                self.assertEqual(DATA[:10], body.read(10))
                self.assertEqual(["start"], calls)
            body.read()
            self.assertEqual(b"", body.read(10))
            self.assertEqual(["start", "end"], calls)
            self.assertTrue(body.is_complete)

    def test_end_is_called_before_the_last_byte_is_given_out(self) -> None:
        body = self.make(20, on_end=mock.Mock(side_effect=ValueError("x")))
        self.assertEqual(DATA[:19], body.read(19))
        with self.assertRaisesRegex(ValueError, "x"):
            body.read(1)

    def test_a_body_that_cannot_tell_whether_it_is_complete(self) -> None:
        class Plain(input_streams.InputStream):
            pieces = [b"b", b"a"]

            def piece(self, size: int) -> bytes:
                return self.pieces.pop() if self.pieces else b""

        end = mock.Mock()
        body = input_streams.HookedStream(Plain(), on_end=end)
        for expected, calls in ((b"a", 0), (b"b", 0), (b"", 1)):
            self.assertEqual(expected, body.read(1))
            self.assertEqual(calls, end.call_count)

    def test_no_hooks(self) -> None:
        self.assertEqual(DATA, self.make(None).read())

    def test_nothing_is_read_if_the_start_raises(self) -> None:
        body = self.make(
            len(DATA), on_start=mock.Mock(side_effect=webob.exc.HTTPConflict)
        )
        for size in (10, -1, 0x10000):
            with self.assertRaises(webob.exc.HTTPConflict):
                body.read(size)
        self.assertEqual(0, self.stream.tell())
