# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
import unittest
from typing import Any
from unittest import mock

import webob.exc
from hypothesis import given
from hypothesis import strategies as st

from glance_filters import errors
from glance_filters.filters.disk_format_validator import inspection
from glance_filters.glance_api import images
from glance_filters.tests.fixtures import disk_files
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


class InspectedStreamTest(unittest.TestCase):
    def make(
        self,
        looker: Any,
        stream: Any = None,
        length: int | None = len(DATA),
    ) -> inspection.InspectedStream:
        body = input_streams.BodyStream(stream or Stream(DATA), length)
        self.refusals: list[str] = []
        return inspection.InspectedStream(
            body, looker, lambda error: self.refusals.append(str(error))
        )

    @given(
        st.integers(0, 300_000),
        st.integers(0, 300_000),
        st.lists(st.sampled_from((-1, 0, 1, 100, 70_000)), max_size=20),
        st.sampled_from((1000, 70_000, 1 << 30)),
        st.sampled_from((None, len(DATA))),
    )
    def test_glance_reads_what_came_and_it_was_all_seen(
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
        source = Stream(bytes(3_000_000))
        stream = self.make(Looker(100_000, refuse=70_000), source, 3_000_000)
        with self.assertRaises(errors.ContentMismatch):
            stream.read_head(1 << 20)
        # Whoever asked for the head tells of it.
        self.assertEqual([], self.refusals)

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
        """A client that vanished is for Glance to notice."""
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

    def test_an_error_in_the_head_is_no_error_to_go_on_after(self) -> None:
        source = mock.Mock()
        source.read.side_effect = [b"first", OSError("gone"), b"later"]
        stream = self.make(Looker(100_000), source)
        stream.read_head(1 << 20)
        self.assertEqual(b"first", stream.read(5))
        for _ in range(2):
            with self.assertRaisesRegex(OSError, "gone"):
                stream.read(5)

    def test_complete_once_it_is_given_on(self) -> None:
        for length in (4, len(DATA)):
            stream = self.make(Looker(10), Stream(DATA[:length]), length)
            stream.read_head(1 << 20)
            self.assertFalse(stream.is_complete)
            self.assertEqual(DATA[:length], stream.read())
            self.assertTrue(stream.is_complete)

    def test_empty(self) -> None:
        looker = Looker(10)
        stream = self.make(looker, Stream(b""), 0)
        stream.read_head(1 << 20)
        self.assertEqual(b"", stream.read())
        self.assertEqual(1, looker.finished)


@unittest.skipUnless(inspection.is_available(), "no inspectors here")
class UploadInspectionTest(unittest.TestCase):
    def test_in_blocks(self) -> None:
        """The inspector sees the same blocks, however the data comes."""
        looks = inspection.UploadInspection(
            "an id", images.Image(), None, enforce=True
        )
        taken: list[int] = []
        inspector = mock.Mock(decided=False, mismatch=None)
        inspector.feed.side_effect = lambda data: taken.append(len(data))
        looks._inspector = inspector
        for length in (1000, 200_000, 100):
            looks.feed(bytes(length))
        self.assertEqual([1000, 64_536, 65_536, 65_536, 4392, 100], taken)

    def test_of_two_faults_the_first_is_told(self) -> None:
        """However the data comes."""
        # Another format by its head, and unsafe by its end.
        data = disk_files.vhd(footer=disk_files.VHD_DIFFERENCING)
        image = images.Image(disk_format="qcow2", container_format="bare")
        for size in (len(data), 100_000, 65_536, 1000):
            looks = inspection.UploadInspection(
                "an id", image, len(data), enforce=True
            )
            with self.subTest(size), self.assertRaises(errors.ContentMismatch):
                for start in range(0, len(data), size):
                    looks.feed(data[start : start + size])
                looks.finish()
