# SPDX-License-Identifier: Apache-2.0

"""Request bodies that are read piece by piece, like ``wsgi.input``."""

from __future__ import annotations

import abc
import contextlib
import io
import time
from collections.abc import Callable
from typing import Any

# How much is read at once where nobody says how much, in bytes.
PIECE = 64 * 1024


class InputStream(io.RawIOBase):
    """A stream made of pieces, to be read like ``wsgi.input`` (PEP 3333)."""

    @abc.abstractmethod
    def piece(self, size: int) -> bytes:
        """Return what comes next: 1 to *size* bytes, none at the end."""

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into *buffer*, for the methods of the base class."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        """Read *size* bytes, or to the end if that comes first.

        Fewer bytes than requested mean the end, to whoever reads by
        Content-Length.

        :param size: None or a negative number to read to the end
        """
        if size is None or size < 0:
            return b"".join(iter(lambda: self.piece(PIECE), b""))
        pieces = []
        while size:
            piece = self.piece(size)
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class BodyStream(InputStream):
    """The body of a request, limited to what belongs to it.

    :param stream: where it comes from
    :param length: its length in bytes, None if only the stream's end tells
    :ivar length: that
    :ivar is_complete: whether all of it was read; the end of the stream may
        come earlier
    """

    def __init__(self, stream: Any, length: int | None) -> None:
        self.length = length
        self._read = getattr(stream, "read", None) or _reader(stream)
        self._remaining = length
        # What a stream gave beyond what was requested.
        self._surplus: io.BytesIO | None = None
        self.is_complete = length == 0

    def piece(self, size: int) -> bytes:
        """Return what the stream gives next, of what belongs to the body."""
        if self._remaining is not None:
            size = min(size, self._remaining)
        if not size:
            return b""
        data = self._surplus.read(size) if self._surplus else b""
        if not data:
            data = self._read(size)
        if len(data) > size:
            self._surplus = io.BytesIO(data[size:])
            data = data[:size]
        if self._remaining is None:
            self.is_complete = not data
        else:
            self._remaining -= len(data)
            self.is_complete = not self._remaining
        return data

    def drain(self, seconds: float) -> None:
        """Read what is left, and drop it.

        Many servers reset a connection on which there is unread data, and
        proxies report that in the place of the response.

        :param seconds: for how long, at most; a server limits by itself how
            long it waits for a client that sends nothing
        """
        deadline = time.monotonic() + seconds
        # Whatever breaks: the client is answered all the same.
        with contextlib.suppress(Exception):
            while time.monotonic() < deadline and self.piece(PIECE):
                pass


def _reader(stream: Any) -> Callable[[int], bytes]:
    """Return what reads a stream that can only be iterated over.

    PEP 3333 knows no such ``wsgi.input``, but Glance reads one, as its own
    tests do. What is returned may be longer than was requested.
    """
    pieces = filter(None, stream)
    return lambda size: next(pieces, b"")


class HookedStream(InputStream):
    """A body that calls back when its reader begins, and before its end.

    :param body: the body
    :param on_start: called before the first byte is given out; if it raises,
        nothing can be read
    :param on_end: called once the end of *body* was read, before whoever
        reads it can know; if it raises, the end cannot be read
    """

    def __init__(
        self,
        body: InputStream,
        on_start: Callable[[], object] | None = None,
        on_end: Callable[[], object] | None = None,
    ) -> None:
        self._body = body
        self._on_start = on_start
        self._on_end = on_end

    @property
    def is_complete(self) -> bool:
        """Whether all of the body was read."""
        return bool(getattr(self._body, "is_complete", False))

    def piece(self, size: int) -> bytes:
        """Return what comes next.

        :raises Exception: what a callback raises
        """
        if self._on_start is not None:
            self._on_start()
            self._on_start = None
        data = self._body.piece(size)
        if self._on_end is not None and (not data or self.is_complete):
            self._on_end()
            self._on_end = None
        return data
