# SPDX-License-Identifier: Apache-2.0

"""The image document of the Images API ("Show image"), as a value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

# See "Image Statuses" in Glance's user documentation.
STATUSES = (
    "queued",
    "saving",
    "uploading",
    "importing",
    "active",
    "deactivated",
    "killed",
    "deleted",
    "pending_delete",
)


class NotAnImage(Exception):
    """A body is not the document of an image; the text is for operators."""


class ImageHidden(Exception):
    """Glance does not show the image to the user.

    :param code: the status code by which it says so
    """

    def __init__(self, code: int) -> None:
        self.code = code


@dataclass(frozen=True)
class Image:
    """Members of an image; None for what is unset or not of its type.

    :ivar size: the length of the data in bytes
    :ivar checksum: the MD5 of the data in hexadecimal
    :ivar os_hash_algo: the algorithm of ``os_hash_value``
    :ivar os_hash_value: the hash of the data in hexadecimal
    :ivar created_at: when the image was made, ISO 8601
    :ivar updated_at: when the image was last changed, ISO 8601
    :ivar os_glance_import_task: the import task that changes the image
    :ivar os_glance_importing_to_stores: the stores that are to get the data
    :ivar os_glance_failed_import: the stores that did not get it
    """

    id: str | None = None
    name: str | None = None
    status: str | None = None
    owner: str | None = None
    size: int | None = None
    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None
    disk_format: str | None = None
    container_format: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    os_glance_import_task: str | None = None
    os_glance_importing_to_stores: str | None = None
    os_glance_failed_import: str | None = None


def parse(body: bytes) -> Image:
    """Return the image that a JSON document describes.

    :raises NotAnImage: if the body is not a JSON object
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotAnImage(repr(error)) from error
    if not isinstance(document, dict):
        raise NotAnImage(f"the document is a {type(document).__name__}")
    texts = {
        name: _text(document.get(name))
        for name in Image.__dataclass_fields__
        if name != "size"
    }
    size = document.get("size")
    return Image(
        size=size if type(size) is int and size >= 0 else None, **texts
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
