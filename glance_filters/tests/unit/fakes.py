# SPDX-License-Identifier: Apache-2.0

"""A Glance that answers from a table, and a way to call a filter before it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from wsgiref import util, validate

from glance_filters.glance_api import calls, matching, request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

IMAGE_ID = "71c675ab-d94f-49cd-a114-e12490b328d9"


@dataclass(frozen=True)
class Answer:
    """What Glance answers; an exception is raised instead."""

    status: str = "200 OK"
    body: bytes = b"{}"
    error: Exception | None = None
    headers: tuple[tuple[str, str], ...] = (
        ("Content-Type", "application/json"),
    )


def image(status: str) -> Answer:
    """Return the answer to a request for an image."""
    return Answer(body=json.dumps({"status": status}).encode())


@dataclass
class Glance:
    """A Glance.

    :ivar answers: what it answers to each method, or to each path
    :ivar asked: (method, path, body) of each request
    :ivar environs: the environ of each request
    :ivar open_bodies: how many answers are not closed yet
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    environs: list[dict[str, Any]] = field(default_factory=list)
    open_bodies: int = 0

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(
            int(environ.get("CONTENT_LENGTH") or 0)
        )
        method = environ["REQUEST_METHOD"]
        self.asked.append((method, environ["PATH_INFO"], body))
        self.environs.append(dict(environ))
        answer = self.answers.get(
            environ["PATH_INFO"], self.answers.get(method, Answer())
        )
        if answer.error is not None:
            raise answer.error
        start_response(answer.status, list(answer.headers))
        self.open_bodies += 1
        return _Body(self, answer.body)

    @property
    def methods(self) -> list[str]:
        """The methods it was asked."""
        return [method for method, _, _ in self.asked]


class _Body:
    def __init__(self, glance: Glance, body: bytes) -> None:
        self._glance = glance
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None:
        self._glance.open_bodies -= 1


def environ_of(
    method: str, path: str, body: bytes = b"", **keys: Any
) -> dict[str, Any]:
    """Return the environ of a request."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "wsgi.input": io.BytesIO(body),
    }
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    environ.update(keys)
    util.setup_testing_defaults(environ)
    return environ


def request_of(
    call: calls.ApiCall,
    path: str,
    body: bytes = b"",
    app: WSGIApplication | None = None,
    **keys: Any,
) -> request.Request:
    """Return a request of an API call, as a filter is given it."""
    environ = environ_of(call.method, path, body, **keys)
    match = matching.CallMatcher([call]).match(environ)
    assert match is not None
    return request.Request(app or Glance(), environ, match, "a_filter")


def call(
    app: WSGIApplication, environ: dict[str, Any]
) -> tuple[int, str, bytes]:
    """Call *app*, both sides held to PEP 3333: (status, headers, body)."""
    started: list[str] = []

    def start_response(
        status: str, headers: Any, *exc_info: Any
    ) -> Callable[[bytes], object]:
        started.append(status)
        return lambda data: None

    chunks = validate.validator(app)(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        chunks.close()  # type: ignore[attr-defined]
    return int(started[-1][:3]), started[-1], body
