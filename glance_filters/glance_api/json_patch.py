# SPDX-License-Identifier: Apache-2.0

"""What a patch of an image asks for, read exactly as Glance reads it.

Glance knows two media types of JSON patches. Both are lists of objects; they
differ in where an object keeps its operation and its pointer. Glance's
reading is more tolerant than RFC 6901 and RFC 6902 in some places (white
space and leading slashes are stripped) and stricter in others. What it
refuses is no patch: the functions raise :class:`NotAPatch`, and the request
is Glance's to answer.

See "Update image" and the two media types' appendices in the Image service
API reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from glance_filters.glance_api import json_body

MEDIA_TYPE_2_0 = "application/openstack-images-v2.0-json-patch"
MEDIA_TYPE_2_1 = "application/openstack-images-v2.1-json-patch"

ADD = "add"
REMOVE = "remove"
REPLACE = "replace"
_OPERATIONS = (ADD, REMOVE, REPLACE)

# How many tokens a pointer must have: one, except for these.
_DEPTHS = {
    ("locations", ADD): 2,
    ("locations", REMOVE): 2,
}


class NotAPatch(Exception):
    """Glance would refuse this text as a patch of an image."""


@dataclass(frozen=True)
class Operation:
    """One operation of a patch.

    :ivar op: ``add``, ``remove`` or ``replace``
    :ivar path: the pointer's tokens, decoded, at least one
    :ivar value: the new value; None for ``remove``
    """

    op: str
    path: tuple[str, ...]
    value: Any = None


def is_patch(content_type: str) -> bool:
    """Tell whether Glance takes a body of this Content-Type for a patch."""
    return _media_type(content_type) in (MEDIA_TYPE_2_0, MEDIA_TYPE_2_1)


def _media_type(content_type: str) -> str:
    # As webob takes off the parameters: nothing is stripped or folded.
    return content_type.partition(";")[0]


def parse(content_type: str, body: bytes) -> list[Operation]:
    """Return the operations of a patch, in their order.

    :param content_type: the value of Content-Type; parameters are ignored
    :param body: the request body's octets
    :raises NotAPatch: if Glance would refuse the patch as malformed
    :raises BodyUnreadable: if it is nested too deeply to be read
    """
    if not is_patch(content_type):
        raise NotAPatch("not a media type of patches")
    media_type = _media_type(content_type)
    try:
        document = json_body.load(body)
    except json_body.NotADocument as error:
        raise NotAPatch(str(error)) from error
    if not isinstance(document, list):
        raise NotAPatch("not an array")
    return [_operation(media_type, change) for change in document]


def _operation(media_type: str, change: Any) -> Operation:
    if not isinstance(change, dict):
        raise NotAPatch("an operation is not an object")
    if media_type == MEDIA_TYPE_2_1:
        op, pointer = _members_2_1(change)
    else:
        op, pointer = _members_2_0(change)
    path = _tokens(pointer)
    if len(path) != _DEPTHS.get((path[0], op), 1):
        raise NotAPatch("a pointer of the wrong depth")
    if op == REMOVE:
        return Operation(op, path)
    if "value" not in change:
        raise NotAPatch("an operation without a value")
    return Operation(op, path, change["value"])


def _members_2_1(change: dict[str, Any]) -> tuple[str, Any]:
    """Read ``{"op": "add", "path": "/name", "value": ...}``."""
    op = change.get("op")
    if op not in _OPERATIONS or "path" not in change:
        raise NotAPatch("no known operation, or no path")
    return op, change["path"]


def _members_2_0(change: dict[str, Any]) -> tuple[str, Any]:
    """Read ``{"add": "/name", "value": ...}``."""
    ops = [op for op in _OPERATIONS if op in change]
    if len(ops) != 1:
        raise NotAPatch("not exactly one operation")
    (op,) = ops
    return op, change[op]


def _tokens(pointer: Any) -> tuple[str, ...]:
    """Split a pointer into its decoded tokens.

    Leading slashes beyond the first and white space around a token (whatever
    ``str.strip`` takes for it) are dropped, as Glance drops them.
    """
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        raise NotAPatch("a pointer that does not start with a slash")
    if (
        re.search(r"/\s*?/", pointer[1:])
        or (len(pointer) > 1 and pointer.endswith("/"))
        or pointer[1:].strip() == "/"
    ):
        raise NotAPatch("a pointer with an empty token")
    if re.search("~[^01]", pointer) or pointer.endswith("~"):
        raise NotAPatch("a pointer with an unknown escape")
    return tuple(
        token.replace("~1", "/").replace("~0", "~").strip()
        for token in pointer.lstrip("/").split("/")
    )
