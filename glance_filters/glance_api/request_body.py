# SPDX-License-Identifier: Apache-2.0

"""The request body as the core will see it, read once and handed on.

Glance decides by a rule of its own whether a request has a body, and webob
decides how much of ``wsgi.input`` is part of it. To know what the core will
act on, the same rule and the same library read here, from a stream that
remembers what was taken. The core is then given exactly those bytes, followed
by the end of the stream, so that it cannot see anything that was not judged.
"""

from __future__ import annotations

import importlib
import io
import sys
from typing import Any

import webob

from glance_filters import errors
from glance_filters.glance_api import api_calls

# Glance's has_body(): with one of these codings a method that may have a body
# has one, whatever Content-Length says.
_TRANSFER_CODINGS = frozenset(
    ("chunked", "compress", "deflate", "gzip", "identity")
)
_BODY_METHODS = frozenset(("POST", "PUT", "PATCH"))

# What webob remembers of a stream that is about to be replaced.
_CACHED_KEYS = (
    "webob._body_file",
    "webob._parsed_post_vars",
    "webob.is_body_seekable",
)


# What the streams of WSGI servers raise for a lost client, a time-out or
# broken chunks.
_READ_ERRORS = (OSError, EOFError, ValueError)


class _RecordedInput:
    """A stream that remembers what was read, up to a limit in bytes."""

    def __init__(self, stream: Any, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self.recorded = bytearray()

    def read(self, size: int = -1) -> bytes:
        """Read at most *size* bytes, or to the end if it is negative.

        :raises BodyTooLarge: once more than the limit has come
        """
        room = self._max_bytes + 1 - len(self.recorded)
        wanted = room if size is None or size < 0 else min(size, room)
        data: bytes = self._stream.read(wanted)
        self.recorded += data
        if len(self.recorded) > self._max_bytes:
            raise errors.BodyTooLarge(self._max_bytes)
        return data


def has_body(environ: dict[str, Any]) -> bool:
    """Tell whether Glance takes the request to have a body."""
    if has_body_by_coding(environ):
        return True
    length = webob.Request(environ).content_length
    return length is not None and length > 0


def is_readable(environ: dict[str, Any]) -> bool:
    """Tell whether webob by itself would read the body.

    Routes asks it for a form post; what webob would not read is dropped there
    and then, so that the core finds an empty body.
    """
    return bool(webob.Request(environ).is_body_readable)


def has_body_by_coding(environ: dict[str, Any]) -> bool:
    """Tell whether Glance takes it to have one for its transfer coding."""
    coding = environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    method = environ["REQUEST_METHOD"].upper()
    return coding in _TRANSFER_CODINGS and method in _BODY_METHODS


def read(environ: dict[str, Any], max_bytes: int) -> bytes | None:
    """Return the body that the core will read, or None if it sees none.

    *environ* is left with a ``wsgi.input`` from which the core reads the same
    bytes again.

    :param max_bytes: the longest body that is read, inclusive
    :raises BodyTooLarge: if the body is longer than that
    :raises BodyUnreadable: if the body cannot be read to its end
    """
    if not has_body(environ):
        return None
    length = webob.Request(environ).content_length
    if length is not None and length > max_bytes:
        raise errors.BodyTooLarge(max_bytes)
    chunks = uwsgi_chunks(environ)
    if chunks is not None:
        body = _drained(_RecordedInput(chunks, max_bytes))
        # The server's chunks are used up: the core must find the body, of
        # a length that is now known, in wsgi.input.
        del environ["HTTP_TRANSFER_ENCODING"]
        environ["CONTENT_LENGTH"] = str(len(body))
        replace(environ, io.BytesIO(body))
        return body
    if environ.get("webob.is_body_seekable"):
        environ["wsgi.input"].seek(0)
    recorded = _RecordedInput(environ["wsgi.input"], max_bytes)
    copy = dict(environ)
    replace(copy, recorded)
    request = _Request(copy)
    if has_body_by_coding(environ):
        request.is_body_readable = True
    try:
        body = request.body
    except _READ_ERRORS as error:
        raise errors.BodyUnreadable("it ended too early") from error
    replace(environ, io.BytesIO(recorded.recorded))
    return body


def prefetch(environ: dict[str, Any], max_bytes: int) -> bytes | None:
    """Read the body, if the core will, so that it need not wait for it.

    *environ* is left with a body that the core reads as it would have.

    :param max_bytes: the longest body that is read, inclusive
    :returns: the body, None if the core sees none
    :raises BodyTooLarge: if the body is longer than that
    :raises BodyUnreadable: if the body cannot be read to its end
    """
    if api_calls.is_form_post(environ) and not is_readable(environ):
        return None
    return read(environ, max_bytes)


def replace(environ: dict[str, Any], body: Any) -> None:
    """Make the stream *body* the input of *environ*, read but once."""
    for key in _CACHED_KEYS:
        environ.pop(key, None)
    environ["wsgi.input"] = body


def _drained(stream: _RecordedInput) -> bytes:
    try:
        while stream.read():
            pass
    except _READ_ERRORS as error:
        raise errors.BodyUnreadable("it ended too early") from error
    return bytes(stream.recorded)


class _Request(webob.Request):
    """A request whose body stays in memory: it is not longer than that."""

    request_body_tempfile_limit = sys.maxsize


class UwsgiChunks:
    """The chunks of a request under uWSGI, which wsgi.input does not hold."""

    def __init__(self, uwsgi: Any) -> None:
        self._uwsgi = uwsgi

    def read(self, size: int) -> bytes:
        """Return the next chunk; its size is the server's to choose."""
        chunk: bytes = self._uwsgi.chunked_read()
        return chunk


def uwsgi_chunks(environ: dict[str, Any]) -> UwsgiChunks | None:
    """Return the request's chunks if Glance will read them from uWSGI."""
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() != "chunked":
        return None
    try:
        return UwsgiChunks(importlib.import_module("uwsgi"))
    except ImportError:
        return None
