# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import functools
import unittest
from collections.abc import Iterator
from typing import Any

from glance_filters.tests.fixtures import optional

exceptions = optional.module("glance_store.exceptions")
parts = optional.module("glance_filters.stores.parts")


@unittest.skipIf(parts is None, "glance_store is not installed")
class PartsTest(unittest.TestCase):
    def test_range_field(self) -> None:
        cases = (
            (0, 1, "bytes=0-0"),
            (5, 5, "bytes=5-9"),
            (5, None, "bytes=5-"),
            (2**63, 2**63, f"bytes={2**63}-{2**64 - 1}"),
        )
        for offset, length, text in cases:
            with self.subTest(text):
                self.assertEqual(text, parts.range_field(offset, length))

    def test_place(self) -> None:
        refused = exceptions.StoreRandomGetNotSupported
        cases: tuple[tuple[Any, ...], ...] = (
            ("the whole", None, 5, 5, (5, 5)),
            ("the whole from there on", None, 5, None, (5, None)),
            ("the part", "bytes 5-9/50", 5, 5, (0, 5)),
            ("the part of an unknown whole", "bytes 5-9/*", 5, 5, (0, 5)),
            ("the rest", "bytes 5-49/50", 5, None, (0, 45)),
            ("the last byte", "bytes 49-49/50", 49, None, (0, 1)),
            ("more than the part", "bytes 5-49/50", 5, 5, (0, 5)),
            ("less than the part", "bytes 5-8/50", 5, 5, refused),
            ("an earlier part", "bytes 4-9/50", 5, 5, refused),
            ("a later part", "bytes 6-10/50", 5, 5, refused),
            ("nothing", "bytes 5-4/50", 5, None, refused),
            ("no place", "missing", 5, 5, refused),
            ("no range", "bytes */50", 5, 5, refused),
            ("another unit", "lines 5-9/50", 5, 5, refused),
            ("two places", "bytes 5-9/50, bytes 0-1/50", 5, 5, refused),
            ("a sign", "bytes +5-9/50", 5, 5, refused),
        )
        for name, content_range, offset, length, expected in cases:
            with self.subTest(name):
                if expected is refused:
                    with self.assertRaises(refused):
                        parts.place(content_range, offset, length)
                else:
                    found = parts.place(content_range, offset, length)
                    self.assertEqual(expected, found)

    def test_not_given(self) -> None:
        self.assertEqual(
            "The store does not give the requested part: it is gone.",
            str(parts.not_given("it is gone")),
        )

    def test_of_closes_what_is_not_the_part(self) -> None:
        closed: list[bool] = []
        answer = parts.Answer(
            (b"abc",), lambda: closed.append(True), "bytes 6-8/50"
        )
        with self.assertRaises(exceptions.StoreRandomGetNotSupported):
            parts.of(answer, 5, 3)
        self.assertEqual([True], closed)

    def test_cut(self) -> None:
        short = exceptions.RemoteServiceUnavailable
        cases: tuple[tuple[Any, ...], ...] = (
            ("all", (b"abc", b"def"), 0, 6, b"abcdef"),
            ("to the end", (b"abc", b"def"), 2, None, b"cdef"),
            ("within a chunk", (b"abc", b"def"), 1, 1, b"b"),
            ("over a border", (b"abc", b"def"), 2, 2, b"cd"),
            ("from a border", (b"abc", b"def"), 3, 2, b"de"),
            ("up to a border", (b"abc", b"def"), 1, 2, b"bc"),
            ("the last byte", (b"abc", b"def"), 5, 1, b"f"),
            # So many bytes are missing.
            ("one byte too many", (b"abc", b"def"), 5, 2, 1),
            ("past the end", (b"abc",), 3, 1, 1),
            ("far past the end", (b"abc",), 6, 2, 5),
            ("from past the end on", (b"abc",), 4, None, 1),
        )
        for name, chunks, offset, length, expected in cases:
            with self.subTest(name):
                closed: list[bool] = []
                read = parts.cut(
                    chunks,
                    offset,
                    length,
                    functools.partial(closed.append, True),
                )
                if isinstance(expected, int):
                    text = f"ended {expected} bytes early"
                    with self.assertRaisesRegex(short, text):
                        list(read)
                else:
                    self.assertEqual(expected, b"".join(read))
                self.assertEqual([True], closed)

    def test_cut_reads_no_further(self) -> None:
        read: list[bytes] = []

        def chunks() -> Iterator[bytes]:
            for each in (b"abc", b"def", b"ghi"):
                read.append(each)
                yield each

        self.assertEqual(b"c", b"".join(parts.cut(chunks(), 2, 1, int)))
        self.assertEqual([b"abc"], read)

    def test_cut_is_closed_if_nobody_reads(self) -> None:
        closed: list[bool] = []
        read = parts.cut((b"abc",), 0, 3, lambda: closed.append(True))
        self.assertEqual([], closed)
        del read
        self.assertEqual([True], closed)
