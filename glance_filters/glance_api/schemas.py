# SPDX-License-Identifier: Apache-2.0

"""The disk formats that the image schemas offer to clients.

Clients such as glanceclient and Horizon check an image against the schema
before they send it. A document that is not of the shape Glance answers with
is returned as the same object, so that a caller can tell with ``is`` whether
there is anything to send anew. No argument is changed.

See "Image schemas" in the Image service API reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_PROPERTY = "disk_format"


def offer_in_image(document: Any, disk_formats: Sequence[str]) -> Any:
    """Put the formats into an answer of GET /v2/schemas/image.

    :param document: the answer's decoded JSON
    :param disk_formats: in the order in which clients are to see them
    """
    return _at(document, ("properties", _PROPERTY), disk_formats)


def offer_in_images(document: Any, disk_formats: Sequence[str]) -> Any:
    """Put the formats into an answer of GET /v2/schemas/images."""
    path = ("properties", "images", "items", "properties", _PROPERTY)
    return _at(document, path, disk_formats)


def _at(document: Any, path: Sequence[str], formats: Sequence[str]) -> Any:
    if not isinstance(document, dict):
        return document
    if not path:
        return _with_enum(document, formats)
    name, *rest = path
    old = document.get(name)
    new = _at(old, rest, formats)
    return document if new is old else {**document, name: new}


def _with_enum(schema: dict[str, Any], formats: Sequence[str]) -> Any:
    old = schema.get("enum")
    enum: list[str | None] = list(formats)
    # Null stands for an image that has no format yet. A schema without an
    # enumeration says by the type whether that may be.
    if None in (old if isinstance(old, list) else ()) or (
        old is None and "null" in (schema.get("type") or ())
    ):
        enum.insert(0, None)
    return schema if enum == old else {**schema, "enum": enum}
