# SPDX-License-Identifier: Apache-2.0

"""The core's answer to a request of its client, taken over but not read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glance_filters.wsgi import bodies

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]

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

# The request's fields by which it may be answered with less than the whole
# document, or with another coding of it.
_SELECTING_KEYS = frozenset(
    (
        "HTTP_ACCEPT_ENCODING",
        "HTTP_IF_MATCH",
        "HTTP_IF_MODIFIED_SINCE",
        "HTTP_IF_NONE_MATCH",
        "HTTP_IF_RANGE",
        "HTTP_IF_UNMODIFIED_SINCE",
        "HTTP_RANGE",
    )
)


@dataclass
class CoreAnswer:
    """An answer; whoever holds it closes its body.

    It is a WSGI application that gives the answer on as it is.

    :ivar status: the status code and its phrase
    :ivar headers: the header fields, in their order
    :ivar body: the core's iterable
    """

    status: str
    headers: Headers
    body: Iterable[bytes]

    @property
    def code(self) -> int:
        """The status code."""
        return int(self.status[:3])

    def header(self, name: str) -> str | None:
        """Return the value of the first field called *name*, if any."""
        wanted = name.lower()
        for key, value in self.headers:
            if key.lower() == wanted:
                return value
        return None

    def content_length(self) -> int | None:
        """Return the promised length of the body in bytes, if there is one."""
        value = self.header("Content-Length") or ""
        return int(value) if value.isascii() and value.isdigit() else None

    def close(self) -> None:
        """Close the body; the answer is not given on."""
        bodies.close(self.body)

    def read(self, max_bytes: int) -> bytes | None:
        """Read the body, which can be given on all the same.

        :returns: the body; None if it is longer than *max_bytes*
        """
        chunks = iter(self.body)
        taken: list[bytes] = []
        length = 0
        try:
            for chunk in chunks:
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
        """Read the body as JSON; it can be given on all the same.

        :returns: the document; None if the body is longer than *max_bytes*,
            has a content coding, or is no JSON
        """
        if self.header("Content-Encoding"):
            return None
        body = self.read(max_bytes)
        try:
            return None if body is None else json.loads(body)
        except (ValueError, RecursionError):
            return None

    def with_json(self, document: Any) -> CoreAnswer:
        """Return the answer with a JSON document as its body."""
        return self.with_body(json.dumps(document).encode("ascii"))

    def with_body(self, body: bytes) -> CoreAnswer:
        """Return the answer with another body, and its right length.

        Fields that speak about the old one are left out.
        """
        headers = [
            (name, value)
            for name, value in self.headers
            if name.lower() not in _ABOUT_THE_BODY
        ]
        headers.append(("Content-Length", str(len(body))))
        return CoreAnswer(self.status, headers, [body])

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer with it."""
        start_response(self.status, self.headers)
        return self.body


def ask(app: WSGIApplication, environ: WSGIEnvironment) -> CoreAnswer:
    """Call *app* and return its answer as soon as it has begun.

    :raises Exception: whatever the application raises until then
    """
    started: list[tuple[str, Headers]] = []
    first: list[bytes] = []

    def start_response(
        status: str, headers: Headers, exc_info: Any = None
    ) -> Any:
        started.append((status, list(headers)))
        return first.append

    body = app(environ, start_response)
    if not started or first:
        # A generator begins to answer when its first chunk is asked for.
        try:
            rest = iter(body)
            while not started:
                chunk = next(rest, None)
                if chunk is None:
                    break
                first.append(chunk)
            if not started:
                raise RuntimeError("the core ended without a status")
        except BaseException:
            bodies.close(body)
            raise
        body = _Resumed(first, rest, body)
    status, headers = started[-1]
    return CoreAnswer(status, headers, body)


def ask_whole(app: WSGIApplication, environ: WSGIEnvironment) -> CoreAnswer:
    """Call *app* for an answer that is to be read and changed.

    It is asked without a condition, a range or a content coding: else a
    client that knows the core's own answer would go on with that.

    :raises Exception: whatever the application raises until it answers
    """
    whole = {
        key: value
        for key, value in environ.items()
        if key not in _SELECTING_KEYS
    }
    return ask(app, whole)


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
