# SPDX-License-Identifier: Apache-2.0

"""Every answer that a filter gives by itself, with its HTTP status.

An error carries the status and the header fields of its answer; its text is
the body. :func:`glance_filters.wsgi.response.from_error` makes the response.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import ClassVar

Headers = tuple[tuple[str, str], ...]


class FilterError(Exception):
    """Base of the errors by which a filter answers a request.

    The text is shown to the client: it names the rule that was broken or the
    limit that was passed, never internals of the service. It holds no
    apostrophes or quotation marks, which clients would see as HTML escapes.

    :cvar status: the status code
    :cvar is_refusal: whether the request is refused; False where the answer
        is what the client has asked for by a condition
    :ivar headers: header fields of the answer
    """

    status: ClassVar[HTTPStatus]
    is_refusal: ClassVar[bool] = True
    headers: Headers = ()


class LocationConflict(FilterError):
    """The image's status does not allow the operation on its locations.

    :param operation: the operation, for example ``remove``
    :param image_id: the image, as the request names it
    :param status: the image's status, as Glance reports it
    :param allowed: the statuses in which the operation is allowed
    """

    status = HTTPStatus.CONFLICT

    def __init__(
        self,
        operation: str,
        image_id: str,
        status: str,
        allowed: Iterable[str],
    ) -> None:
        super().__init__(
            f"The operation {operation} on the locations of image {image_id} "
            f"conflicts with its status {status}. Statuses in which it is "
            f"allowed: {', '.join(allowed) or 'none'}."
        )


class ProtectedAttribute(FilterError):
    """A patch names an attribute of Glance's image object.

    :param name: the first token of the operation's pointer
    """

    status = HTTPStatus.FORBIDDEN

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{_shown(name)} is not an image property and cannot be changed "
            "by a patch."
        )


class _OfImage(FilterError):
    """An answer of which only the image differs.

    :cvar text: the text, with {} for the image
    :param image_id: the image, as the request names it
    """

    text: ClassVar[str]

    def __init__(self, image_id: str) -> None:
        super().__init__(self.text.format(image_id))


class ImageBusy(_OfImage):
    """Other requests that change the image did not end in time."""

    status = HTTPStatus.CONFLICT
    # As soon as the others have ended; nobody knows when that is.
    headers = (("Retry-After", "1"),)
    text = "Image {} is being changed by another request. Retry later."


class ImageInTransfer(FilterError):
    """Data of the image is in use, and the end of that would undo the change.

    :param image_id: the image, as the request names it
    :param transfer: ``uploaded``, ``imported`` or ``hashed``
    """

    status = HTTPStatus.CONFLICT
    headers = (("Retry-After", "10"),)

    def __init__(self, image_id: str, transfer: str) -> None:
        super().__init__(
            f"The data of image {image_id} is being {transfer}, and the end "
            "of that would undo this change. Retry later."
        )


class LocksUnavailable(_OfImage):
    """The lock backend cannot be used, so other changes cannot be excluded."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    headers = (("Retry-After", "10"),)
    text = "Could not lock image {}. Nothing was changed; retry later."


class DiskFormatNotAllowed(FilterError):
    """A request sets a disk format that the operator does not allow.

    :param value: what the request sets, any JSON value
    :param allowed: the formats that are allowed
    """

    status = HTTPStatus.BAD_REQUEST

    def __init__(self, value: object, allowed: Iterable[str]) -> None:
        super().__init__(
            f"Disk format {_shown(value)} is not allowed. Allowed disk "
            f"formats: {', '.join(allowed) or 'none'}."
        )


def _shown(value: object) -> str:
    """Return a JSON value as one short line of plain ASCII."""
    if isinstance(value, str):
        return value.encode("unicode_escape").decode("ascii")[:255]
    if isinstance(value, (list, dict)):
        return "array" if isinstance(value, list) else "object"
    return json.dumps(value)[:255]


class ContentMismatch(FilterError):
    """The data of an upload is not in the image's disk format.

    :param declared: the image's disk format
    :param detected: the format of the data
    """

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE

    def __init__(self, declared: str, detected: str) -> None:
        super().__init__(
            f"The uploaded data is {detected}, but the disk_format of the "
            f"image is {declared}."
        )


class UnsafeContent(FilterError):
    """The data of an upload could do harm.

    :param declared: the image's disk format
    :param detected: the format of the data
    :param reason: what is unsafe about it
    """

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE

    def __init__(self, declared: str, detected: str, reason: str) -> None:
        super().__init__(
            f"The uploaded data is {detected} and is not safe: {reason}. The "
            f"disk_format of the image is {declared}."
        )


class LocationNotInspected(FilterError):
    """A request gives an image a location, whose data nobody inspects."""

    status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__(
            "New locations of images are not allowed, as the data behind "
            "them is not inspected. Upload or import the data."
        )


class FormatsChanged(_OfImage):
    """The formats by which an upload was judged have changed since."""

    status = HTTPStatus.CONFLICT
    text = (
        "The disk or container format of image {} changed while the upload "
        "was starting. Retry the upload."
    )


class BodyTooLarge(FilterError):
    """The request body is longer than a filter is willing to read.

    :param max_bytes: the limit in bytes, inclusive
    """

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, max_bytes: int) -> None:
        super().__init__(
            f"The request body is larger than the limit of {max_bytes} bytes."
        )


class BadRequest(FilterError):
    """The request is malformed.

    :param reason: what is wrong with it, a sentence without its full stop
    """

    status = HTTPStatus.BAD_REQUEST

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}.")


class BodyUnreadable(BadRequest):
    """The request body could not be read to its end or not be understood.

    :param reason: what was wrong with it
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"The request body could not be read: {reason}")


class ImageUnknown(_OfImage):
    """Glance did not describe the image, so nothing can be decided."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    text = (
        "The state of image {} could not be determined. Nothing was changed; "
        "retry later."
    )


class DeprecatedHeader(FilterError):
    """A range is requested by the Content-Range request header."""

    status = HTTPStatus.BAD_REQUEST

    def __init__(self) -> None:
        super().__init__("Content-Range is not valid in a request; use Range.")


class NotModified(FilterError):
    """The client has the current data already (RFC 9110, 15.4.5).

    :param headers: the fields that a 200 would have had, ETag among them
    """

    status = HTTPStatus.NOT_MODIFIED
    is_refusal = False

    def __init__(self, headers: Iterable[tuple[str, str]]) -> None:
        self.headers = tuple(headers)
        super().__init__("The client has the current data already.")


class PreconditionFailed(FilterError):
    """A condition of the request does not hold (RFC 9110, 15.5.13)."""

    status = HTTPStatus.PRECONDITION_FAILED
    is_refusal = False

    def __init__(self) -> None:
        super().__init__("The image is not the one that If-Match names.")


class RangeNotSatisfiable(FilterError):
    """No range of the request is within the image (RFC 9110, 15.5.17).

    :param size: the image's size in bytes, None if it is not known
    """

    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    is_refusal = False

    def __init__(self, size: int | None) -> None:
        fields = [("Accept-Ranges", "bytes")]
        text = "The requested range is not within the image"
        if size is not None:
            fields.append(("Content-Range", f"bytes */{size}"))
            text += f" of {size} bytes"
        self.headers = tuple(fields)
        super().__init__(f"{text}.")
