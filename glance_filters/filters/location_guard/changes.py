# SPDX-License-Identifier: Apache-2.0

"""What each guarded call would change of an image: one table, call to rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from glance_filters.glance_api import calls, image_attributes, json_patch
from glance_filters.glance_api.request import Request


@dataclass(frozen=True)
class LocationOperation:
    """An operation on an image's locations.

    :ivar op: ``remove``, ``replace`` or ``add``
    :ivar option: the option that lists the statuses in which it is allowed
    """

    op: str
    option: str


@dataclass(frozen=True)
class Change:
    """What a request would change.

    :ivar operations: what it does to locations, in its order
    :ivar protected_attribute: the attribute of Glance's image object that it
        names, if it names one
    """

    operations: Sequence[LocationOperation] = ()
    protected_attribute: str | None = None

    @property
    def is_guarded(self) -> bool:
        """Whether the image's status decides if it is allowed."""
        return bool(self.operations) or self.protected_attribute is not None


@dataclass(frozen=True)
class Rule:
    """How a call is guarded.

    :ivar read: reads what a request of the call changes: takes the request
        and the longest body to read, in bytes; a body that Glance will read
        is buffered, unless it is the data of an upload, so that a slow client
        cannot hold the lock
    :ivar is_upload: whether the body is data, and takes long
    :ivar is_proxied: whether Glance may send the request on to the host that
        has the data, and wait for that
    :ivar is_old: whether each release since Newton has the call
    """

    read: Callable[[Request, int], Change]
    is_upload: bool = False
    is_proxied: bool = False
    is_old: bool = True


NO_CHANGE = Change()

_ADD_BY_API = LocationOperation(json_patch.ADD, "location_api_statuses")
_PATCH_OPERATIONS = {
    op: LocationOperation(op, f"{op}_statuses")
    for op in (json_patch.ADD, json_patch.REMOVE, json_patch.REPLACE)
}


def _patch(request: Request, max_bytes: int) -> Change:
    operations = request.read_patch(max_bytes)
    names = [operation.path[0] for operation in operations]
    return Change(
        [
            _PATCH_OPERATIONS[each.op]
            for each in operations
            if each.path[0] == "locations"
        ],
        next(filter(image_attributes.is_attribute, names), None),
    )


def _addition(request: Request, max_bytes: int) -> Change:
    if request.read_json(max_bytes) is None:
        return NO_CHANGE
    return Change([_ADD_BY_API])


def _deletion_from_store(request: Request, max_bytes: int) -> Change:
    # Glance refuses it with 400 if it has a body.
    if request.has_body():
        return NO_CHANGE
    return Change([_PATCH_OPERATIONS[json_patch.REMOVE]])


def _status_change(request: Request, max_bytes: int) -> Change:
    request.buffer_body(max_bytes)
    return NO_CHANGE


def _nothing(request: Request, max_bytes: int) -> Change:
    return NO_CHANGE


RULES: Mapping[calls.ApiCall, Rule] = {
    calls.UPDATE_IMAGE: Rule(_patch),
    calls.ADD_LOCATION: Rule(_addition, is_old=False),
    calls.DELETE_FROM_STORE: Rule(_deletion_from_store, is_old=False),
    calls.UPLOAD_IMAGE: Rule(_nothing, is_upload=True),
    calls.STAGE_IMAGE: Rule(_nothing, is_upload=True),
    calls.IMPORT_IMAGE: Rule(_status_change, is_proxied=True),
    calls.DEACTIVATE_IMAGE: Rule(_status_change),
    calls.REACTIVATE_IMAGE: Rule(_status_change),
    calls.DELETE_IMAGE: Rule(_nothing, is_proxied=True),
}
