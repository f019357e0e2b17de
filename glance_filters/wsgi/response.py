# SPDX-License-Identifier: Apache-2.0

"""Responses of applications, captured before they go to the client.

:func:`capture` is the only place that calls an application and keeps its
response (PEP 3333).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import webob.exc

from glance_filters import errors
from glance_filters.wsgi import bodies

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]

# Fields that describe the body, and are wrong for another one.
_ABOUT_THE_BODY = frozenset(
    (
        "content-length",
        "content-md5",
        "content-digest",
        "repr-digest",
        "etag",
        "accept-ranges",
        "last-modified",
    )
)


def from_error(error: errors.FilterError) -> webob.exc.HTTPException:
    """Return the WSGI application that answers *error*, an exception too.

    Its body has the form of Glance's own errors: plain text, or HTML or JSON
    if the request's ``Accept`` asks for it.
    """
    kind = webob.exc.status_map[int(error.status)]
    # The text alone: webob would put a general explanation before it, which
    # is wrong for some errors (415: "The request media type ...").
    response: webob.exc.HTTPException = kind(
        explanation=str(error),
        headers=list(error.headers),
        body_template="${explanation}",
    )
    return response


class CapturedResponse:
    """A response whose owner closes its body.

    It is a WSGI application that replays the response.

    :ivar status: the status code and its phrase
    :ivar headers: the header fields, in their order
    :ivar body: the application's iterable
    :ivar environ: the environ of the request, with what the application left
        in it
    """

    def __init__(
        self,
        status: str,
        headers: Headers,
        body: Iterable[bytes],
        start: _Start | None = None,
        environ: WSGIEnvironment | None = None,
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.environ = environ or {}
        self._start = start

    @property
    def code(self) -> int:
        """The status code."""
        return int(self.status[:3])

    def header(self, name: str) -> str | None:
        """Return the value of the first field called *name*, if any."""
        wanted, length = name.lower(), len(name)
        for key, value in self.headers:
            # Most are told apart by their lengths.
            if len(key) == length and key.lower() == wanted:
                return value
        return None

    def content_length(self) -> int | None:
        """Return the promised length of the body in bytes, if there is one."""
        value = self.header("Content-Length") or ""
        return int(value) if value.isascii() and value.isdigit() else None

    def close(self) -> None:
        """Close the body; the response is not replayed."""
        bodies.close(self.body)

    def read(self, max_bytes: int) -> bytes | None:
        """Read the body; the response can be replayed all the same.

        :returns: the body; None if it is longer than *max_bytes*
        """
        if self._start is not None:
            # Nothing has gone to the client yet.
            self._start.restart = self._replace
        taken: list[bytes] = []
        length = 0
        try:
            chunks = iter(self.body)
            for chunk in chunks:
                if chunk and self._start is not None:
                    self._start.restart = None
                taken.append(chunk)
                length += len(chunk)
                if length > max_bytes:
                    self.body = _Resumed(taken, chunks, self.body)
                    return None
        except BaseException:
            self.close()
            raise
        self.close()
        self.body = taken
        return b"".join(taken)

    def read_json(self, max_bytes: int) -> Any:
        """Read the body as JSON; the response can be replayed all the same.

        :returns: the document; None if the body is longer than *max_bytes*,
            has a content coding, or is not JSON
        """
        if self.header("Content-Encoding"):
            return None
        body = self.read(max_bytes)
        if body is not None:
            with contextlib.suppress(ValueError, RecursionError):
                return json.loads(body)
        return None

    def with_json(self, document: Any) -> CapturedResponse:
        """Return the response with a JSON document as its body."""
        return self.with_body(json.dumps(document).encode("ascii"))

    def with_body(self, body: bytes) -> CapturedResponse:
        """Return the response with another body, and its right length.

        Fields that describe the old one are left out.
        """
        headers = [
            (name, value)
            for name, value in self.headers
            if name.lower() not in _ABOUT_THE_BODY
        ]
        headers.append(("Content-Length", str(len(body))))
        return CapturedResponse(self.status, headers, [body])

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Replay the response."""
        if self._start is not None:
            # The server knows whether anything was sent already.
            self._start.restart = start_response
        start_response(self.status, self.headers)
        return self.body

    def _replace(self, status: str, headers: Headers, exc_info: Any) -> None:
        self.status, self.headers = status, headers


class _Start:
    """The ``start_response`` that a captured application calls.

    :ivar status: the status; None while the application has not called
    :ivar headers: the header fields
    :ivar written: what the application gave to ``write()``
    :ivar restart: takes over a second call, with ``exc_info``; None once it
        comes too late, as then it has to raise (PEP 3333)
    """

    headers: Headers
    restart: Callable[[str, Headers, Any], object] | None

    def __init__(self) -> None:
        self.status: str | None = None
        self.written: list[bytes] = []

    def __call__(
        self, status: str, headers: Headers, exc_info: Any = None
    ) -> Callable[[bytes], object]:
        if self.status is not None:
            if not exc_info:
                raise AssertionError("start_response was called twice")
            if self.restart is None:
                raise exc_info[1].with_traceback(exc_info[2])
            self.restart(status, list(headers), exc_info)
        else:
            self.status, self.headers = status, list(headers)
        return self.written.append


def capture(
    app: WSGIApplication, environ: WSGIEnvironment
) -> CapturedResponse:
    """Call *app* and return its response as soon as it has begun.

    :raises Exception: whatever the application raises until then
    """
    start = _Start()

    def restart(status: str, headers: Headers, exc_info: Any) -> None:
        start.status, start.headers = status, headers

    start.restart = restart
    body = app(environ, start)
    if start.status is None or start.written:
        # A generator begins to answer when its first chunk is asked for.
        first = start.written
        try:
            rest = iter(body)
            while start.status is None:
                chunk = next(rest, None)
                if chunk is None:
                    break
                first.append(chunk)
            if start.status is None:
                raise RuntimeError("the application ended without a status")
        except BaseException:
            bodies.close(body)
            raise
        body = _Resumed(first, rest, body)
    start.restart = None
    return CapturedResponse(start.status, start.headers, body, start, environ)


class _Resumed:
    """A body of which the first chunks were taken already."""

    def __init__(
        self,
        first: list[bytes],
        rest: Iterator[bytes],
        body: Iterable[bytes],
    ) -> None:
        self._first = first
        self._rest = rest
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        while self._first:
            yield self._first.pop(0)
        yield from self._rest

    def close(self) -> None:
        bodies.close(self._body)
