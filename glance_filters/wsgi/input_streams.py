# SPDX-License-Identifier: Apache-2.0

"""The body of an upload: read as the core would, and looked at on its way.

Nothing of it is kept but its head, and that only until the core has read it.
"""

from __future__ import annotations

import abc
import contextlib
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import webob

from glance_filters import answers, errors
from glance_filters.glance_api import request_body

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_PIECE = 64 * 1024

# How much of a refused upload is read for nothing, in bytes.
_DRAINED = 1024 * 1024


class Inspection(Protocol):
    """Looks at the data of an upload."""

    @property
    def head_decided(self) -> bool:
        """Whether what the head of the data can tell is known."""

    @property
    def decided(self) -> bool:
        """Whether no data that may follow would matter."""

    def feed(self, data: bytes) -> None:
        """Look at the next piece.

        :raises FilterError: to refuse the upload
        """

    def finish(self) -> None:
        """Take note that the data have come to their end.

        :raises FilterError: to refuse the upload
        """


class InputStream(io.RawIOBase):
    """A stream made of pieces, to be read like ``wsgi.input`` (PEP 3333)."""

    @abc.abstractmethod
    def piece(self, size: int) -> bytes:
        """Return what comes next: 1 to *size* bytes, none at the end."""

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into *buffer*, for the methods of the base class."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        """Read *size* bytes, or to the end if that comes first.

        Less than was asked for is the end, to who reads by Content-Length.

        :param size: None or a negative number to read to the end
        """
        if size is None or size < 0:
            return b"".join(iter(lambda: self.piece(_PIECE), b""))
        pieces = []
        while size:
            piece = self.piece(size)
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class UploadBody(InputStream):
    """The body that the core will read, limited to what belongs to it.

    :param stream: where it comes from
    :param length: its length in bytes, None if only the stream's end tells
    :ivar complete: whether all of it was read; the end of the stream may
        come earlier
    """

    def __init__(self, stream: Any, length: int | None) -> None:
        super().__init__()
        self._read = getattr(stream, "read", None) or _reader(stream)
        self._remaining = length
        # What a stream gave beyond what was asked for.
        self._surplus: io.BytesIO | None = None
        self.complete = length == 0

    def piece(self, size: int) -> bytes:
        """Return what the stream gives next, of what belongs to the body."""
        if self._remaining is not None:
            size = min(size, self._remaining)
        if not size:
            return b""
        data = self._surplus.read(size) if self._surplus else b""
        if not data:
            self._surplus = None
            data = self._read(size)
        if len(data) > size:
            self._surplus = io.BytesIO(data[size:])
            data = data[:size]
        if self._remaining is None:
            self.complete = not data
        else:
            self._remaining -= len(data)
            self.complete = not self._remaining
        return data


def _reader(stream: Any) -> Callable[[int], bytes]:
    """Return what reads a stream that can only be iterated over.

    PEP 3333 knows no such ``wsgi.input``, but Glance reads one, as its own
    tests do. What is returned may be longer than was asked for.
    """
    pieces = filter(None, stream)
    return lambda size: next(pieces, b"")


def take(environ: WSGIEnvironment) -> UploadBody:
    """Return the body that the core will read; *environ* may be changed.

    The core reads it if it is then put back by
    :func:`~glance_filters.request_body.replace`.
    """
    chunks = request_body.uwsgi_chunks(environ)
    if chunks is not None:
        # The core would ask the server for the chunks itself, past our eyes.
        del environ["HTTP_TRANSFER_ENCODING"]
        environ.pop("CONTENT_LENGTH", None)
        environ["wsgi.input_terminated"] = True
        return UploadBody(chunks, None)
    readable = request_body.has_body_by_coding(
        environ
    ) or request_body.is_readable(environ)
    length = webob.Request(environ).content_length if readable else 0
    if environ.get("webob.is_body_seekable"):
        environ["wsgi.input"].seek(0)
    return UploadBody(environ["wsgi.input"], length)


class FirstReadInput(InputStream):
    """``wsgi.input`` that calls back before it is read for the first time.

    :param body: the body
    :param on_read: called then; if it raises, nothing can be read
    """

    def __init__(self, body: InputStream, on_read: Callable[[], None]) -> None:
        super().__init__()
        self._body = body
        self._on_read: Callable[[], None] | None = on_read

    def piece(self, size: int) -> bytes:
        """Return what comes next.

        :raises Exception: what the callback raises
        """
        if self._on_read is not None:
            self._on_read()
            self._on_read = None
        return self._body.piece(size)


class InspectedInput(InputStream):
    """``wsgi.input`` of which each piece is looked at before it is given on.

    :param body: the body, as :func:`take` returns it
    :param inspection: looks at it
    :param on_refusal: called if it is refused while the core reads it
    """

    def __init__(
        self,
        body: UploadBody,
        inspection: Inspection,
        on_refusal: Callable[[errors.FilterError], None],
    ) -> None:
        super().__init__()
        self._on_refusal = on_refusal
        self._body = body
        self._inspection = inspection
        # What was read before the core reads it.
        self._head: io.BytesIO | None = None
        self._failure: Exception | None = None
        self._finished = False

    def read_head(self, max_bytes: int) -> None:
        """Look at the beginning, as far as it is needed for a decision.

        :param max_bytes: how much may be kept until the core reads it
        :raises FilterError: to refuse the upload
        """
        pieces = []
        length = 0
        while length < max_bytes and not self._inspection.head_decided:
            try:
                piece = self._body.piece(min(_PIECE, max_bytes - length))
            except Exception as error:
                # The core meets it where it would have met it.
                self._failure = error
                break
            pieces.append(piece)
            length += len(piece)
            try:
                self._look_at(piece)
            except errors.FilterError:
                self._drain()
                raise
            if not piece or self._body.complete:
                break
        self._head = io.BytesIO(b"".join(pieces))

    def piece(self, size: int) -> bytes:
        """Return what comes next, once it was looked at.

        :raises HTTPError: to refuse the upload: Glance deletes what it has
            stored of it, restores the image's status and answers with it
        """
        if self._head is not None:
            data = self._head.read(size)
            if data:
                return data
            self._head = None
        if self._failure is not None:
            raise self._failure
        data = self._body.piece(size)
        try:
            self._look_at(data)
        except errors.FilterError as error:
            self._on_refusal(error)
            # Once refused, it is refused for good.
            self._failure = answers.answer(error)
            raise self._failure from error
        return data

    def _drain(self) -> None:
        """Read on for a while, so that the client sees the refusal.

        Many servers reset a connection on which there are unread data, and
        then a client that is still sending does not get to the answer.
        """
        with contextlib.suppress(Exception):
            left = _DRAINED
            # A piece may be as short as the client's chunks are.
            while left > 0 and (piece := self._body.piece(_PIECE)):
                left -= len(piece)

    def _look_at(self, data: bytes) -> None:
        if data and not self._inspection.decided:
            self._inspection.feed(data)
        if self._body.complete and not self._finished:
            self._finished = True
            self._inspection.finish()
