# SPDX-License-Identifier: Apache-2.0

"""What a request would change of an image's locations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glance_filters.glance_api import (
    api_calls,
    image_attributes,
    json_body,
    json_patch,
    request_body,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

UPLOADS = (api_calls.UPLOAD_IMAGE, api_calls.STAGE_IMAGE)

# Calls that change an image's status, but not its locations.
OF_STATUS = (
    api_calls.IMPORT_IMAGE,
    api_calls.DEACTIVATE_IMAGE,
    api_calls.REACTIVATE_IMAGE,
    api_calls.DELETE_IMAGE,
)


@dataclass(frozen=True)
class Change:
    """What a request would change.

    :ivar ops: what it does to locations, in its order: ``remove``,
        ``replace`` or ``add``
    :ivar object_name: the part of the core's image object that it names
    """

    ops: Sequence[str]
    object_name: str | None = None


NO_CHANGE = Change(())


def read(
    call: api_calls.ApiCall, environ: WSGIEnvironment, max_bytes: int
) -> Change:
    """Return what a request changes.

    A body that the core will read is read on the way, unless it is the data
    of an upload: nobody may keep an image locked by sending one slowly.

    :param call: the call that the request is
    :param environ: the request's environ, which is left with a body that the
        core can read again
    :param max_bytes: the longest body that is read, inclusive
    :raises BodyTooLarge: if the body is longer than that
    :raises BodyUnreadable: if it cannot be read
    """
    if call == api_calls.UPDATE_IMAGE:
        return _patch(environ, max_bytes)
    if call == api_calls.ADD_LOCATION:
        return _addition(environ, max_bytes)
    if call == api_calls.DELETE_FROM_STORE:
        return _deletion(environ)
    if call in OF_STATUS and call.method == "POST":
        request_body.prefetch(environ, max_bytes)
    return NO_CHANGE


def _patch(environ: WSGIEnvironment, max_bytes: int) -> Change:
    """Return what a patch changes; nothing if the core will not take it."""
    content_type = environ.get("CONTENT_TYPE", "")
    if not json_patch.is_patch(content_type):
        return NO_CHANGE
    body = request_body.read(environ, max_bytes)
    if body is None:
        return NO_CHANGE
    try:
        operations = json_patch.parse(content_type, body)
    except json_patch.NotAPatch:
        return NO_CHANGE
    names = (operation.path[0] for operation in operations)
    return Change(
        [each.op for each in operations if each.path[0] == "locations"],
        next(filter(image_attributes.is_attribute, names), None),
    )


def _addition(environ: WSGIEnvironment, max_bytes: int) -> Change:
    """Return what a request to the location API changes."""
    if json_body.read_posted(environ, max_bytes) is None:
        return NO_CHANGE
    return Change([json_patch.ADD])


def _deletion(environ: WSGIEnvironment) -> Change:
    """Return what a request to delete from a store changes.

    The core refuses it with 400 if it has a body.
    """
    if request_body.has_body(environ):
        return NO_CHANGE
    return Change([json_patch.REMOVE])
