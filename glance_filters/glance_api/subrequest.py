# SPDX-License-Identifier: Apache-2.0

"""Small requests of a filter's own to Glance.

A child request is sent in the name of the user who sent the parent: it
carries the identity that the filters in front established, and nothing else
of the parent. Its environ is built from an allow-list.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glance_filters.wsgi import response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

# Names the filter that sends the child request, in its environ.
SOURCE_KEY = "glance_filters.source"

# An image may have many long properties; but a Glance that never ends its
# response must not exhaust our memory.
MAX_BODY_BYTES = 16 * 1024 * 1024

_KEYS = frozenset(
    (
        "SCRIPT_NAME",
        "GATEWAY_INTERFACE",
        "HTTPS",
        "HTTP_AUTHORIZATION",
        "HTTP_COOKIE",
        "HTTP_FORWARDED",
        "HTTP_HOST",
        "HTTP_OPENSTACK_SYSTEM_SCOPE",
        "api.version",
        "paste.config",
        "wsgi.errors",
        "wsgi.multiprocess",
        "wsgi.multithread",
        "wsgi.run_once",
        "wsgi.url_scheme",
        "wsgi.version",
    )
)
# HTTP_X_ is where identity, roles, forwarding and request ids travel.
_KEY_PREFIXES = (
    "HTTP_X_",
    "REMOTE_",
    "SERVER_",
    "SSL_",
    "keystone.",
    "openstack.",
)
# A foreign Glance may take these for the method of the child.
_METHOD_OVERRIDES = ("HTTP_X_HTTP_METHOD", "HTTP_X_METHOD_OVERRIDE")


class NoResponse(Exception):
    """Glance did not answer a child request, or not within the limit."""


@dataclass(frozen=True)
class SubResponse:
    """The response to a child request.

    :ivar status: the status code
    :ivar headers: the header fields, in their order
    :ivar body: the whole body, at most ``MAX_BODY_BYTES`` bytes
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def send(
    app: WSGIApplication,
    environ: WSGIEnvironment,
    *,
    source: str,
    path_info: str,
    method: str = "GET",
    accept: str = "application/json",
    content_type: str = "",
    body: bytes = b"",
) -> SubResponse:
    """Send a child request of *environ* to *app*.

    :param app: the application behind the filter
    :param environ: the parent request's environ, which is left as it is
    :param source: the name of the filter
    :param path_info: PATH_INFO of the child, below the parent's SCRIPT_NAME
    :param method: the child's method
    :param accept: the child's ``Accept``
    :param content_type: that of the body
    :param body: the child's body
    :raises NoResponse: if the application raises, breaks WSGI or answers with
        a body of more than ``MAX_BODY_BYTES``
    """
    child = _child_environ(environ)
    child["REQUEST_METHOD"] = method
    child["PATH_INFO"] = path_info
    child["HTTP_ACCEPT"] = accept
    if body:
        child["CONTENT_TYPE"] = content_type
        child["CONTENT_LENGTH"] = str(len(body))
        child["wsgi.input"] = io.BytesIO(body)
    child[SOURCE_KEY] = source
    try:
        captured = response.capture(app, child)
        found = captured.read(MAX_BODY_BYTES)
        if found is None:
            captured.close()
            raise NoResponse(f"more than {MAX_BODY_BYTES} bytes")
        return SubResponse(captured.code, tuple(captured.headers), found)
    except NoResponse:
        raise
    except Exception as error:
        # Whatever went wrong behind us: there is no response.
        raise NoResponse(f"{type(error).__name__}: {error}") from error


def _child_environ(environ: WSGIEnvironment) -> WSGIEnvironment:
    child = {
        key: value
        for key, value in environ.items()
        if (key in _KEYS or key.startswith(_KEY_PREFIXES))
        and not key.startswith(_METHOD_OVERRIDES)
    }
    # Glance keeps the request's context here. The child must not change the
    # parent's, so it gets a dict of its own.
    if "webob.adhoc_attrs" in environ:
        child["webob.adhoc_attrs"] = dict(environ["webob.adhoc_attrs"])
    child["QUERY_STRING"] = ""
    child["wsgi.input"] = io.BytesIO()
    return child
