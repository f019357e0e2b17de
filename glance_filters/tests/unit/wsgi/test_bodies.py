# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest
from collections.abc import Iterator
from unittest import mock

import hypothesis
from hypothesis import strategies as st

from glance_filters.wsgi import bodies

DATA = bytes(range(20))


class Body:
    """A body that tells how much of it was read, and whether it is closed."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks
        self.taken = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.taken += len(chunk)
            yield chunk

    def close(self) -> None:
        self.closed = True


def chunked(sizes: list[int]) -> list[bytes]:
    chunks, position = [], 0
    for size in sizes:
        chunks.append(DATA[position : position + size])
        position += size
    return [*chunks, DATA[position:]]


class CursorTest(unittest.TestCase):
    @hypothesis.given(
        st.lists(st.integers(0, 6), max_size=6),
        st.lists(st.integers(0, 20), min_size=4, max_size=4),
    )
    def test_like_slices(self, sizes: list[int], cuts: list[int]) -> None:
        a, b, c, d = sorted(cuts)
        cursor = bodies.Cursor(chunked(sizes))
        self.assertEqual(DATA[a:b], b"".join(cursor.part(a, b)))
        self.assertEqual(DATA[c:d], b"".join(cursor.part(c, d)))

    @hypothesis.given(
        st.lists(st.integers(0, 6), max_size=6), st.integers(0, 25)
    )
    def test_ends(self, sizes: list[int], length: int) -> None:
        cursor = bodies.Cursor(chunked(sizes))
        got: list[bytes] = []
        part = cursor.part(0, length, rest=bodies.Rest.NOTHING)
        if length == len(DATA):
            self.assertEqual(DATA, b"".join(part))
        elif length:
            with self.assertRaises(bodies.WrongLength):
                got.extend(part)
            # Never all that was promised: nobody can take it for whole.
            self.assertLess(len(b"".join(got)), length)

    def test_nothing_at_hand(self) -> None:
        for chunks, expected in (
            ([b"ab", b"cd"], b"abcd"),
            ([b"a", b"bcd"], b"abcd"),
            # No chunk is asked for to see that it goes on.
            ([b"ab", b"cd", b"e"], b"abcd"),
            ([b"ab", b"cde"], None),
        ):
            body = Body(*chunks)
            part = bodies.Cursor(body).part(0, 4, bodies.Rest.NOTHING_AT_HAND)
            if expected is None:
                with self.assertRaises(bodies.WrongLength):
                    list(part)
            else:
                self.assertEqual(expected, b"".join(part))
                self.assertEqual(4, body.taken)

    def test_behind_the_end(self) -> None:
        for start, position in ((20, 20), (21, 20), (30, 20)):
            cursor = bodies.Cursor([DATA[:5], DATA[5:]])
            # What is left of the first chunk must not come in its place.
            self.assertEqual([DATA[:1]], list(cursor.part(0, 1)))
            with self.assertRaisesRegex(
                bodies.WrongLength, f"after {position} of {start + 1} bytes"
            ):
                list(cursor.part(start, start + 1))
            self.assertEqual(position, cursor.position)

    def test_positions(self) -> None:
        cursor = bodies.Cursor([DATA[:5], b"", DATA[5:]])
        for start, stop in ((1, 1), (2, 4), (4, 7), (9, 20)):
            found = b"".join(cursor.part(start, stop))
            self.assertEqual(DATA[start:stop], found)
            self.assertEqual(stop, cursor.position)

    def test_whole(self) -> None:
        """Of several chunks, and longer than Python keeps numbers for."""
        for rest in bodies.Rest:
            cursor = bodies.Cursor([DATA] * 50)
            found = b"".join(cursor.part(0, 1000, rest))
            self.assertEqual(DATA * 50, found)

    def test_what_is_told(self) -> None:
        rest = bodies.Rest.NOTHING
        for stop, text in (
            (25, "the data ended after 20 of 25 bytes"),
            (15, "the data goes on after 15 bytes"),
        ):
            with self.assertRaises(bodies.WrongLength) as caught:
                list(bodies.Cursor([DATA]).part(0, stop, rest))
            self.assertEqual(text, str(caught.exception))

    def test_drain(self) -> None:
        body = Body(DATA[:5], DATA[5:10], DATA[10:])
        cursor = bodies.Cursor(body)
        self.assertEqual(DATA[2:4], b"".join(cursor.part(2, 4)))
        cursor.drain()
        self.assertEqual(len(DATA), body.taken)

    def test_no_further_than_needed(self) -> None:
        for parts, taken in (
            ([(6, 9)], 10),
            ([(6, 10)], 10),
            ([(10, 10)], 10),
            ([(0, 5), (5, 5)], 5),
            ([(0, 5), (5, 6)], 10),
        ):
            body = Body(DATA[:5], DATA[5:10], DATA[10:])
            cursor = bodies.Cursor(body)
            for start, stop in parts:
                found = b"".join(cursor.part(start, stop))
                self.assertEqual(DATA[start:stop], found)
            self.assertEqual(taken, body.taken, parts)
            self.assertFalse(body.closed)
            cursor.close()
            self.assertTrue(body.closed)


class CloseTest(unittest.TestCase):
    def test_what_cannot_be_closed(self) -> None:
        bodies.close([b"x"])

    def test_failure_is_logged(self) -> None:
        """The response may tell of a change that was made."""
        body = mock.MagicMock()
        body.close.side_effect = OSError("the store is gone")
        with self.assertLogs(bodies.LOG, "WARNING") as logs:
            bodies.close(body)
        self.assertIn("the store is gone", logs.output[0])

    def test_what_can(self) -> None:
        body = Body()
        bodies.close(body)
        self.assertTrue(body.closed)
