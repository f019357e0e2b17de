# SPDX-License-Identifier: Apache-2.0

"""The disk formats that a request would give an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from glance_filters.glance_api import calls
from glance_filters.glance_api.request import Request

# Reads the disk formats that a request sets, any JSON values. Takes the
# request and the longest body to read, in bytes.
Reader = Callable[[Request, int], list[Any]]


def _patched(request: Request, max_bytes: int) -> list[Any]:
    return [
        operation.value
        for operation in request.read_patch(max_bytes)
        if operation.path[0] == "disk_format"
    ]


def _posted(*path: str) -> Reader:
    """Return a reader of one member of the posted document."""

    def read(request: Request, max_bytes: int) -> list[Any]:
        document: Any = request.read_json(max_bytes)
        for name in path:
            if not isinstance(document, dict):
                return []
            document = document.get(name)
        return [document]

    return read


def adds_location(request: Request, max_bytes: int) -> bool:
    """Return True if a request gives an image a new location.

    :param max_bytes: the longest body to read, inclusive
    """
    if request.call == calls.ADD_LOCATION:
        return request.read_json(max_bytes) is not None
    return request.call == calls.UPDATE_IMAGE and any(
        operation.path[0] == "locations" and bool(operation.value)
        for operation in request.read_patch(max_bytes)
    )


def names_format(request: Request, max_bytes: int) -> bool:
    """Return True if a patch names a format of the disk or the container.

    :param max_bytes: the longest body to read, inclusive
    """
    return request.call == calls.UPDATE_IMAGE and any(
        operation.path[0] in ("disk_format", "container_format")
        for operation in request.read_patch(max_bytes)
    )


READERS: Mapping[calls.ApiCall, Reader] = {
    calls.CREATE_IMAGE: _posted("disk_format"),
    calls.CREATE_TASK: _posted("input", "image_properties", "disk_format"),
    calls.UPDATE_IMAGE: _patched,
}
