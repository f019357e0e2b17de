# SPDX-License-Identifier: Apache-2.0

"""From the upstream's answer to the status and fields that are given on."""

from __future__ import annotations

import http
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib import parse

from webob import exc

from glance_filters.proxy import fields, request, settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_LENGTH = "content-length"
_CODING = "transfer-encoding"

# These name resources of the service itself.
_URLS = frozenset(("content-location", "location"))


def status_line(code: int, reason: str | None) -> str:
    """Return the status with its phrase.

    :raises HTTPBadGateway: if it is no final status
    """
    if not 200 <= code <= 599:
        raise exc.HTTPBadGateway("The upstream did not answer properly.")
    if not reason or not fields.is_value(reason):
        try:
            reason = http.HTTPStatus(code).phrase
        except ValueError:
            reason = "Unknown"
    return f"{code} {reason}"


def headers(
    received: Iterable[tuple[str, str]],
    version: int,
    environ: WSGIEnvironment,
    config: settings.Settings,
) -> fields.Fields:
    """Return the fields to give on, in their order.

    :param received: those that came, each line of them
    :param version: the version of HTTP that they came by: 10 or 11
    :param environ: the request
    :raises HTTPBadGateway: if one is malformed
    """
    received = [(name, fields.unfold(value)) for name, value in received]
    dropped = {*fields.HOP_BY_HOP, _LENGTH}
    for name, value in received:
        if not (fields.is_token(name) and fields.is_value(value)):
            raise exc.HTTPBadGateway("The upstream did not answer properly.")
        if name.lower() == "connection":
            dropped |= fields.connection_options(value)
    kept = [
        (name, _led_back(value, environ, config))
        if name.lower() in _URLS
        else (name, value)
        for name, value in received
        if name.lower() not in dropped
    ]
    length = _length(received)
    if length is not None:
        kept.append(("Content-Length", length))
    return [
        *kept,
        ("Via", fields.via(None, f"{version // 10}.{version % 10}")),
    ]


def _length(received: fields.Fields) -> str | None:
    """Return how long the body is said to be; None if its end tells.

    :raises HTTPBadGateway: if it could be understood in two ways
    """
    lengths = {
        value.strip(" \t")
        for name, value in received
        if name.lower() == _LENGTH
    }
    codings = [
        value.lower() for name, value in received if name.lower() == _CODING
    ]
    if (
        len(lengths) > 1
        or not all(map(fields.is_length, lengths))
        # Another one, or one with spaces, has not been undone.
        or codings not in ([], ["chunked"])
    ):
        raise exc.HTTPBadGateway("The upstream did not answer properly.")
    # A chunked answer has no length (RFC 9112, 6.3).
    return None if codings or not lengths else lengths.pop()


def _led_back(
    url: str, environ: WSGIEnvironment, config: settings.Settings
) -> str:
    """Return a URL of the upstream's as one of the proxy's."""
    upstream = parse.urlsplit(config.upstream)
    host = request.client_host(environ)
    if not host:
        return url
    prefix = parse.quote(environ.get("SCRIPT_NAME", "").encode("latin-1"))
    bases = (
        config.upstream,
        # What the upstream calls itself by the Host that it was sent.
        f"{upstream.scheme}://{host}{upstream.path}",
    )
    own = f"{environ['wsgi.url_scheme']}://{host}{prefix}"
    if url.startswith("/") and not url.startswith("//"):
        return fields.led_back(url, [upstream.path], prefix)
    return fields.led_back(url, bases, own)
