# SPDX-License-Identifier: Apache-2.0

"""What each guarded call would change of an image: one table, call to rule."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from glance_filters.glance_api import calls, image_attributes, json_patch
from glance_filters.glance_api.request import Request


class Transfer(enum.Enum):
    """What is done with an image's data; the value is for messages."""

    UPLOAD = "uploaded"
    IMPORT = "imported"
    HASH = "hashed"


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
        and the longest body to read, in bytes; a body is buffered, unless it
        is the data of an upload, so that a slow client cannot hold the lock
    :ivar is_patch: whether Glance lets only those make the call who may
        modify the image
    :ivar is_upload: whether the body is data, and takes long
    :ivar is_proxied: whether Glance may send the request on to the host that
        has the data, and wait for that
    :ivar is_old: whether each release since Newton has the call
    :ivar undone_by: which transfers of data would undo the change when they
        end, and save the image as it was when they began, or mix it with
        what they bring
    """

    read: Callable[[Request, int], Change]
    is_patch: bool = False
    is_upload: bool = False
    is_proxied: bool = False
    is_old: bool = True
    undone_by: tuple[Transfer, ...] = ()


NO_CHANGE = Change()

_ADD_BY_API = LocationOperation(json_patch.ADD, "location_api_statuses")
_PATCH_OPERATIONS = {
    op: LocationOperation(op, f"{op}_statuses")
    for op in (json_patch.ADD, json_patch.REMOVE, json_patch.REPLACE)
}


def _patch(request: Request, max_bytes: int) -> Change:
    operations = request.read_patch(max_bytes)
    if not operations:
        # It is no patch to Glance; whatever is behind may read it all.
        request.buffer_body(max_bytes)
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
    if request.buffer_body(max_bytes) is not None:
        return NO_CHANGE
    return Change([_PATCH_OPERATIONS[json_patch.REMOVE]])


def _other_change(request: Request, max_bytes: int) -> Change:
    request.buffer_body(max_bytes)
    return NO_CHANGE


def _upload(request: Request, max_bytes: int) -> Change:
    return NO_CHANGE


_BOTH = (Transfer.UPLOAD, Transfer.IMPORT)

RULES: Mapping[calls.ApiCall, Rule] = {
    calls.UPDATE_IMAGE: Rule(_patch, is_patch=True, undone_by=_BOTH),
    calls.ADD_TAG: Rule(_other_change, is_patch=True, undone_by=_BOTH),
    calls.DELETE_TAG: Rule(_other_change, is_patch=True, undone_by=_BOTH),
    calls.ADD_LOCATION: Rule(_addition, is_old=False, undone_by=_BOTH),
    calls.DELETE_FROM_STORE: Rule(
        _deletion_from_store, is_old=False, undone_by=_BOTH
    ),
    # An import may begin long after Glance has accepted it, whatever has
    # become of the image, which is queued till then.
    calls.UPLOAD_IMAGE: Rule(
        _upload, is_upload=True, undone_by=(Transfer.IMPORT,)
    ),
    calls.STAGE_IMAGE: Rule(
        _upload, is_upload=True, undone_by=(Transfer.IMPORT,)
    ),
    # Data that is still being staged must not be imported; of two imports
    # Glance itself refuses one.
    calls.IMPORT_IMAGE: Rule(
        _other_change, is_proxied=True, undone_by=(Transfer.UPLOAD,)
    ),
    # An administrator takes an image out of use at once, unless Glance would
    # put it back into use.
    calls.DEACTIVATE_IMAGE: Rule(_other_change, undone_by=(Transfer.HASH,)),
    calls.REACTIVATE_IMAGE: Rule(_other_change),
    calls.DELETE_IMAGE: Rule(_other_change, is_proxied=True),
}
