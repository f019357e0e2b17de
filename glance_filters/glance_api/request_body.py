# SPDX-License-Identifier: Apache-2.0

"""The request body as Glance will see it.

Glance decides by a rule of its own whether a request has a body, and webob
decides how much of ``wsgi.input`` is part of it. To know what Glance will act
on, the same rule and the same library read here, from a stream that remembers
what was taken. :class:`~glance_filters.glance_api.request.Request` then gives
Glance exactly those bytes, followed by the end of the stream, so that it
cannot see anything that was not judged.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Mapping
from typing import Any

import webob

from glance_filters import errors
from glance_filters.wsgi import input_streams

# Glance's has_body(): with this coding a method that may have a body has
# one. Other codings are refused, see the module framing.
_CHUNKED = "chunked"
_BODY_METHODS = frozenset(("POST", "PUT", "PATCH"))

# What webob remembers of a stream that is about to be replaced.
CACHED_KEYS = (
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
    """Return True if Glance takes the request to have a body."""
    if has_body_by_coding(environ):
        return True
    length = webob.Request(environ).content_length
    return length is not None and length > 0


def is_readable(environ: dict[str, Any]) -> bool:
    """Return True if webob by itself would read the body.

    Routes asks it for a form post; what webob would not read is dropped there
    and then, so that Glance finds an empty body.
    """
    return bool(webob.Request(environ).is_body_readable)


def has_body_by_coding(environ: Mapping[str, Any]) -> bool:
    """Return True if Glance infers a body from Transfer-Encoding."""
    coding = environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    method = environ["REQUEST_METHOD"].upper()
    return coding == _CHUNKED and method in _BODY_METHODS


def read(environ: dict[str, Any], max_bytes: int) -> tuple[bytes, bytes]:
    """Read the body that Glance will read, which must be there.

    :param environ: the request's environ, which is left as it is but for the
        position of its stream
    :param max_bytes: the longest body that is read, inclusive
    :returns: the body, and what Glance has to find in ``wsgi.input`` to read
        the same
    :raises BodyTooLarge: if the body is longer than that
    :raises BodyUnreadable: if the body cannot be read to its end
    """
    length = webob.Request(environ).content_length
    if length is not None and length > max_bytes:
        raise errors.BodyTooLarge(max_bytes)
    chunks = uwsgi_chunks(environ)
    try:
        if chunks is not None:
            recorded = _RecordedInput(chunks, max_bytes)
            while recorded.read():
                pass
            body = bytes(recorded.recorded)
            return body, body
        recorded = _RecordedInput(rewound(environ), max_bytes)
        copy = {
            key: value
            for key, value in environ.items()
            if key not in CACHED_KEYS
        }
        copy["wsgi.input"] = recorded
        request = _Request(copy)
        if has_body_by_coding(environ):
            request.is_body_readable = True
        return request.body, bytes(recorded.recorded)
    except _READ_ERRORS as error:
        raise errors.BodyUnreadable("it ended too early") from error


class _Request(webob.Request):
    """A request whose body stays in memory: it is not longer than that."""

    request_body_tempfile_limit = sys.maxsize


def rewound(environ: Mapping[str, Any]) -> Any:
    """Return ``wsgi.input``, at its start if a filter in front has read it."""
    stream = environ["wsgi.input"]
    if environ.get("webob.is_body_seekable"):
        stream.seek(0)
    return stream


class UwsgiChunks:
    """The chunks of a request under uWSGI, which wsgi.input does not hold."""

    def __init__(self, uwsgi: Any) -> None:
        self._uwsgi = uwsgi

    def read(self, size: int) -> bytes:
        """Return the next chunk; its size is the server's to choose."""
        chunk: bytes = self._uwsgi.chunked_read()
        return chunk


def uwsgi_chunks(environ: Mapping[str, Any]) -> UwsgiChunks | None:
    """Return the request's chunks if Glance will read them from uWSGI."""
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() != _CHUNKED:
        return None
    with contextlib.suppress(ImportError):
        return UwsgiChunks(importlib.import_module("uwsgi"))
    return None


def stream(environ: dict[str, Any]) -> input_streams.BodyStream:
    """Return the body that Glance will read, to be read piece by piece."""
    chunks = uwsgi_chunks(environ)
    if chunks is not None:
        return input_streams.BodyStream(chunks, None)
    readable = has_body_by_coding(environ) or is_readable(environ)
    length = webob.Request(environ).content_length if readable else 0
    return input_streams.BodyStream(rewound(environ), length)
