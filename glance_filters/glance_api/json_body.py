# SPDX-License-Identifier: Apache-2.0

"""The JSON document in a request body, read exactly as the core reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from glance_filters import errors
from glance_filters.glance_api import api_calls, request_body

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class NotADocument(Exception):
    """The core would refuse this text as malformed."""


def load(body: bytes) -> dict[str, Any] | list[Any]:
    """Return the JSON document of a request body.

    :param body: the octets, which the core takes for strict UTF-8
    :raises NotADocument: if the core could not read it or it is neither an
        object nor an array
    :raises BodyUnreadable: if it is nested too deeply to be read
    """
    try:
        document = json.loads(body.decode("utf-8"))
    except ValueError as error:
        raise NotADocument(str(error)) from error
    except RecursionError as error:
        # The core would fail in the same way, but this cannot be relied on:
        # how deep it can read depends on its own stack.
        raise errors.BodyUnreadable("it is nested too deeply") from error
    if not isinstance(document, (dict, list)):
        raise NotADocument("neither an object nor an array")
    return document


def read_posted(
    environ: WSGIEnvironment, max_bytes: int
) -> dict[str, Any] | list[Any] | None:
    """Return the document of a request that matches a call of method POST.

    *environ* is left with a body that the core can read again.

    :param max_bytes: the longest body that is read, inclusive
    :returns: None if the core will find no document, or if a form in the
        body makes the request one of another method
    :raises BodyTooLarge: if the body is longer than that
    :raises BodyUnreadable: if it cannot be read
    """
    is_form = api_calls.is_form_post(environ)
    if is_form and not request_body.is_readable(environ):
        return None
    body = request_body.read(environ, max_bytes)
    if body is None:
        return None
    if is_form and api_calls.form_method(environ, body) != "POST":
        return None
    try:
        return load(body)
    except NotADocument:
        return None
