# SPDX-License-Identifier: Apache-2.0

"""From the environ of a request to what is sent to the upstream.

A request whose end two servers could see at different places is refused: the
rest of it would be another request to one of them (RFC 9112, 11.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib import parse

from webob import exc

from glance_filters.proxy import fields, settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# RFC 3986: a registered name, an address, or one in brackets; and a port.
_HOST = re.compile(
    r"(\[[0-9A-Za-z.:%]+\]|[0-9A-Za-z.\-_~%!$&'()*+;=]*)(:[0-9]*)?"
)

# What a path may hold as it is, besides letters and digits (RFC 3986, 3.3).
_PATH_SAFE = "/:@!$&'()*+,;=~"
_DOTS = frozenset((".", ".."))
# What a query may hold, as the client wrote it. Nothing after a "#" would be
# sent (RFC 9112, 3.2.1), though a filter has seen it.
_QUERY = re.compile(r"[\x21-\x7e\x80-\xff]*")
# And a ";" parts it for a service on Python 2, but not for the filters.
_QUERY_SAFE = "".join(map(chr, {*range(0x21, 0x7F)} - {*b"#;"}))
# If one stands for itself, urllib3 takes all of them for such.
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

# The proxy says these itself, or answers for them.
_OWN = frozenset(
    (
        "HTTP_CONTENT_LENGTH",
        "HTTP_CONTENT_TYPE",
        "HTTP_EXPECT",
        "HTTP_HOST",
        "HTTP_X_FORWARDED_HOST",
        "HTTP_X_FORWARDED_PREFIX",
        "HTTP_X_FORWARDED_PROTO",
    )
)

# By these, filters in front have taken the request for what it is. They are
# meant for whoever gets it, so no Connection may name them (RFC 9110, 7.6.1).
_END_TO_END = frozenset(("accept", "x-auth-token", "x-openstack-image-size"))

# By this media type Accept names a version of the Images API, in the place of
# the URL. Old releases of WebOb, and so of Glance, drop its parameters, fold
# its case and take what is malformed; all read these forms alike.
_VERSIONED = "vnd.openstack.images-"
_ELEMENT = r"[!#$&+\-.^_*|~0-9a-z]+/[!#$&+\-.^_*|~0-9a-z]+"
_QUALITY = r"(?:[ \t]*;[ \t]*q=[01](?:\.[0-9]{1,3})?)?"
_ACCEPT = re.compile(
    f"{_ELEMENT}{_QUALITY}(?:[ \t]*,[ \t]*{_ELEMENT}{_QUALITY})*"
)

# More of this software in a row is a loop (RFC 9110, 7.6.3).
_MAX_HOPS = 5

# In these a body is expected, so its absence is told too (RFC 9110, 8.6).
_WITH_BODY = frozenset(("PATCH", "POST", "PUT"))


@dataclass(frozen=True)
class Request:
    """What is sent to the upstream.

    :ivar target: path and query
    :ivar headers: header fields by name, those for the body excluded
    :ivar read: reads the body by ``read(size)``; None if there is none
    :ivar length: the length of the body in bytes; None if it is not known
    """

    method: str
    target: str
    headers: dict[str, str]
    read: Callable[[int], bytes] | None
    length: int | None

    @property
    def may_be_repeated(self) -> bool:
        """Whether it may be sent twice (RFC 9110, 9.2.2)."""
        return self.read is None and self.method in ("GET", "HEAD", "OPTIONS")


def make(environ: WSGIEnvironment, config: settings.Settings) -> Request:
    """Return the request to send.

    :raises HTTPBadRequest: if the client's is malformed or ambiguous
    :raises HTTPBadGateway: if it came by this software too often
    """
    if environ.get("HTTP_VIA", "").count(fields.PSEUDONYM) >= _MAX_HOPS:
        raise exc.HTTPBadGateway("The upstream leads back to this proxy.")
    method = environ["REQUEST_METHOD"]
    if not fields.is_token(method):
        raise exc.HTTPBadRequest("The method is malformed.")
    length = _content_length(environ)
    is_chunked = _is_chunked(environ)
    if is_chunked and length is not None:
        raise exc.HTTPBadRequest(
            "Content-Length and Transfer-Encoding exclude each other."
        )
    read = environ["wsgi.input"].read
    if length is None and not is_chunked:
        read, length = _unframed(environ, read)
    headers = _headers(environ, config)
    if length == 0:
        read = None
    elif _expects(environ):
        headers["Expect"] = "100-continue"
    return Request(method, _target(environ, config), headers, read, length)


def _expects(environ: WSGIEnvironment) -> bool:
    """Return whether the client waits to be asked for the body."""
    return (
        environ.get("HTTP_EXPECT", "").lower() == "100-continue"
        # RFC 9110, 10.1.1
        and environ.get("SERVER_PROTOCOL") != "HTTP/1.0"
        # It has told the client to go on before it calls an application.
        and not environ.get("SERVER_SOFTWARE", "").startswith("gunicorn")
    )


def _content_length(environ: WSGIEnvironment) -> int | None:
    texts = {
        environ[key]
        for key in ("CONTENT_LENGTH", "HTTP_CONTENT_LENGTH")
        if environ.get(key)
    }
    if not texts:
        return None
    if len(texts) > 1 or not fields.is_length(text := texts.pop()):
        raise exc.HTTPBadRequest("Content-Length is malformed or ambiguous.")
    return int(text)


def _is_chunked(environ: WSGIEnvironment) -> bool:
    coding = environ.get("HTTP_TRANSFER_ENCODING")
    if coding is None:
        return False
    if (
        coding.strip(" \t").lower() != "chunked"
        or environ.get("SERVER_PROTOCOL") == "HTTP/1.0"
    ):
        raise exc.HTTPBadRequest("Transfer-Encoding may only be chunked.")
    if not environ.get("wsgi.input_terminated"):
        # PEP 3333 leaves no way to know where the body ends.
        raise exc.HTTPLengthRequired(
            "This server takes request bodies with Content-Length only."
        )
    return True


def _unframed(
    environ: WSGIEnvironment, read: Callable[[int], bytes]
) -> tuple[Any, int | None]:
    """Return reader and length of a body of which no field tells.

    A filter in front may have unpacked the chunks of a request.
    """
    if environ["REQUEST_METHOD"] not in _WITH_BODY:
        return None, 0
    first = read(1) if environ.get("wsgi.input_terminated") else b""
    if not first:
        return None, 0
    begun = [first]
    return lambda size: begun.pop() if begun else read(size), None


def _target(environ: WSGIEnvironment, config: settings.Settings) -> str:
    path = environ.get("PATH_INFO", "")
    if path[:1] not in ("", "/"):
        raise exc.HTTPBadRequest("The request target is not a path.")
    # A server before the service may resolve them (RFC 3986, 6.2.2.3), and
    # make a call of the path that no filter has seen.
    if not _DOTS.isdisjoint(path.split("/")):
        raise exc.HTTPBadRequest("The request target has dot segments.")
    base = parse.urlsplit(config.upstream).path
    # What the filters in front have seen, and nothing else.
    target = base + parse.quote(path.encode("latin-1"), _PATH_SAFE)
    query = environ.get("QUERY_STRING", "")
    if query:
        if not _QUERY.fullmatch(query):
            raise exc.HTTPBadRequest("The query is malformed.")
        query = _LONE_PERCENT.sub("%25", query)
        target += "?" + parse.quote(query.encode("latin-1"), _QUERY_SAFE)
    return target or "/"


def _headers(
    environ: WSGIEnvironment, config: settings.Settings
) -> dict[str, str]:
    host = client_host(environ)
    named = fields.connection_options(environ.get("HTTP_CONNECTION", ""))
    if not _END_TO_END.isdisjoint(named):
        raise exc.HTTPBadRequest("Connection names an end-to-end field.")
    accept = environ.get("HTTP_ACCEPT", "")
    if _VERSIONED in accept.lower() and not _ACCEPT.fullmatch(accept):
        raise exc.HTTPBadRequest("Accept names a version ambiguously.")
    headers = {}
    for key, value in environ.items():
        if not key.startswith("HTTP_"):
            continue
        name = key[5:].replace("_", "-").title()
        if not isinstance(value, str) or not (
            fields.is_token(name) and fields.is_value(value)
        ):
            raise exc.HTTPBadRequest("A header field is malformed.")
        hop = name.lower() in named or name.lower() in fields.HOP_BY_HOP
        if key not in _OWN and not hop:
            headers[name] = value
    content_type = environ.get("CONTENT_TYPE", "")
    if not fields.is_value(content_type):
        raise exc.HTTPBadRequest("Content-Type is malformed.")
    if content_type:
        headers["Content-Type"] = content_type
    upstream = parse.urlsplit(config.upstream).netloc
    headers["Host"] = (host if config.preserve_host else "") or upstream
    version = environ.get("SERVER_PROTOCOL", "HTTP/1.1").rpartition("/")[2]
    headers["Via"] = fields.via(headers.get("Via"), version)
    _tell_client(headers, environ, host or upstream)
    return headers


def _tell_client(
    headers: dict[str, str], environ: WSGIEnvironment, host: str
) -> None:
    """Add who sent the request, and how.

    Who stands before this proxy is believed as far as the filters in front
    have taken it over into the environ.
    """
    address = environ.get("REMOTE_ADDR") or ""
    scheme = environ["wsgi.url_scheme"]
    prefix = environ.get("SCRIPT_NAME")
    headers["X-Forwarded-For"] = fields.appended(
        headers.get("X-Forwarded-For"), address or "unknown"
    )
    headers["X-Forwarded-Host"] = host
    headers["X-Forwarded-Proto"] = scheme
    if prefix:
        headers["X-Forwarded-Prefix"] = parse.quote(
            prefix.encode("latin-1"), _PATH_SAFE
        )
    headers["Forwarded"] = fields.appended(
        headers.get("Forwarded"), fields.forwarded(address, host, scheme)
    )


def client_host(environ: WSGIEnvironment) -> str:
    """Return the Host field of the client; empty if it sent none.

    :raises HTTPBadRequest: if it is none (RFC 9112, 3.2)
    """
    host: str = environ.get("HTTP_HOST", "")
    if not _HOST.fullmatch(host):
        raise exc.HTTPBadRequest("Host is malformed or ambiguous.")
    return host
