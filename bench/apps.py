# SPDX-License-Identifier: Apache-2.0

"""The filters, a filter that does nothing, and requests to put to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from glance_filters.filters import (
    base,
    disk_format_validator,
    location_guard,
    metadef_overlay,
    range_translator,
)
from glance_filters.tests.fixtures import http_client
from glance_filters.tests.fixtures.auth import HEADER

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

IMAGE = "/v2/images/71c675ab-d94f-49cd-a114-e12490b328d9"

# By name, outermost first, as they are placed in a pipeline.
FILTERS: dict[str, type[base.Filter[Any]]] = {
    each.name: each
    for each in (
        metadef_overlay.MetadefOverlay,
        disk_format_validator.DiskFormatValidator,
        location_guard.LocationGuard,
        range_translator.RangeTranslator,
    )
}


def filtered(name: str, app: WSGIApplication, **options: str) -> Any:
    """Return a filter in front of *app*."""
    return FILTERS[name].factory({}, **options)(app)


def all_filters(app: WSGIApplication) -> WSGIApplication:
    """Return all filters in front of *app*."""
    for name in reversed(FILTERS):
        app = filtered(name, app)
    return app


class NoOp:
    """The least that a filter can be."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Hand the request on."""
        return self._app(environ, start_response)


_HEADERS = [("Content-Type", "application/json")]
_BODY = [b"{}"]


def bare(
    environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer at once: an application that costs next to nothing."""
    start_response("200 OK", _HEADERS)
    return _BODY


def environ_of(method: str, path: str, **headers: str) -> dict[str, Any]:
    """Return the environ of a request that has come as far as the filters.

    :param headers: header fields, with underscores for hyphens
    """
    fields = {
        "Host": "glance.example.com:9292",
        "User-Agent": "python-glanceclient",
        "Accept": "*/*",
        HEADER: "gAAAAABn" + "x" * 180,
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    environ = http_client.make_environ(method, path, fields, b"")
    # Version negotiation stands before the filters.
    environ["api.version"] = "v2"
    return environ


def ignore(*args: Any) -> Callable[[bytes], object]:
    """Be a ``start_response`` that forgets what it is told."""
    return _dropped


def _dropped(data: bytes) -> None:
    """Be the ``write`` of an answer that nobody reads."""


def send(app: WSGIApplication, environ: WSGIEnvironment) -> int:
    """Put a request to *app*, and return its answer's length in bytes."""
    body = app(environ.copy(), ignore)
    length = 0
    for chunk in body:
        length += len(chunk)
    _close(body)
    return length


def send_unread(app: WSGIApplication, environ: WSGIEnvironment) -> None:
    """Put a request to *app*, and close its answer unread."""
    _close(app(environ.copy(), ignore))


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()


def record_answer(
    start_response: StartResponse, **members: Any
) -> Iterable[bytes]:
    """Answer with an image's record."""
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(members).encode()]
