# SPDX-License-Identifier: Apache-2.0

"""The disk formats that a request would give an image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from glance_filters.glance_api import (
    api_calls,
    json_body,
    json_patch,
    request_body,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def read(
    call: api_calls.ApiCall, environ: WSGIEnvironment, max_bytes: int
) -> Iterator[Any]:
    """Yield each disk format that a request sets: any JSON value.

    :param call: the call that the request is
    :param environ: the request's environ, which is left with a body that the
        core can read again
    :param max_bytes: the longest body that is read, inclusive
    :raises BodyTooLarge: if the body is longer than that
    :raises BodyUnreadable: if it cannot be read
    """
    if call == api_calls.UPDATE_IMAGE:
        return _patched(environ, max_bytes)
    return _posted(call, environ, max_bytes)


def _patched(environ: WSGIEnvironment, max_bytes: int) -> Iterator[Any]:
    """Yield the disk formats that a patch sets."""
    content_type = environ.get("CONTENT_TYPE", "")
    if not json_patch.is_patch(content_type):
        return
    body = request_body.read(environ, max_bytes)
    if body is None:
        return
    try:
        operations = json_patch.parse(content_type, body)
    except json_patch.NotAPatch:
        return
    for operation in operations:
        if operation.path[0] == "disk_format":
            yield operation.value


def _posted(
    call: api_calls.ApiCall, environ: WSGIEnvironment, max_bytes: int
) -> Iterator[Any]:
    """Yield the disk format that a new image, or an import task, has."""
    document: Any = json_body.read_posted(environ, max_bytes)
    path = (
        ("disk_format",)
        if call == api_calls.CREATE_IMAGE
        else ("input", "image_properties", "disk_format")
    )
    for name in path:
        if not isinstance(document, dict):
            return
        document = document.get(name)
    yield document
