# SPDX-License-Identifier: Apache-2.0

"""The errors by which a request is refused; :mod:`answers` makes them HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar


class FilterError(Exception):
    """Base of the errors by which a filter refuses a request.

    The text is shown to the client: it names the rule that was broken or the
    limit that was passed, never internals of the service.

    :cvar headers: header fields that belong to the answer
    """

    headers: ClassVar[tuple[tuple[str, str], ...]] = ()


class LocationConflict(FilterError):
    """The image's status does not allow the operation on its locations.

    :param operation: what was asked, for example ``remove``
    :param image_id: the image, as the request names it
    :param status: the image's status, as the core reports it
    :param allowed: the statuses in which the operation is allowed
    """

    def __init__(
        self,
        operation: str,
        image_id: str,
        status: str,
        allowed: Iterable[str],
    ) -> None:
        super().__init__(
            f"Operation {operation!r} on the locations of image {image_id} "
            f"conflicts with its status {status!r}. Statuses in which it is "
            f"allowed: {', '.join(allowed) or 'none'}."
        )


class InternalName(FilterError):
    """A patch operation names a part of the core's image object.

    :param name: the first token of the operation's pointer
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:255]!r} is not an image property and cannot be changed "
            "by a patch."
        )


class ImageBusy(FilterError):
    """Other requests that change the image did not end in time.

    :param image_id: the image, as the request names it
    """

    # As soon as the others have ended; nobody knows when that is.
    headers = (("Retry-After", "1"),)

    def __init__(self, image_id: str) -> None:
        super().__init__(
            f"Image {image_id} is being changed by another request. Please "
            "try again later."
        )


class LocksUnavailable(FilterError):
    """Nobody can tell whether other requests change the image.

    :param image_id: the image, as the request names it
    """

    headers = (("Retry-After", "10"),)

    def __init__(self, image_id: str) -> None:
        super().__init__(
            f"Image {image_id} cannot be locked against changes by other "
            "requests, so it cannot be changed now. Please try again later."
        )


class DiskFormatNotAllowed(FilterError):
    """A request sets a disk format that the operator does not allow.

    :param value: what the request sets, any JSON value
    :param allowed: the formats that are allowed
    """

    def __init__(self, value: object, allowed: Iterable[str]) -> None:
        super().__init__(
            f"Disk format {value!a:.255} is not allowed. Allowed disk "
            f"formats: {', '.join(allowed) or 'none'}."
        )


class ContentMismatch(FilterError):
    """The data of an upload are not of the image's disk format.

    :param declared: the image's disk format
    :param detected: what the data are
    """

    def __init__(self, declared: str, detected: str) -> None:
        super().__init__(
            f"The image's disk format is {declared}, but the data are "
            f"{detected}."
        )


class UnsafeContent(FilterError):
    """The data of an upload could do harm.

    :param declared: the image's disk format
    :param detected: what the data are
    :param reason: what is unsafe about them
    """

    def __init__(self, declared: str, detected: str, reason: str) -> None:
        super().__init__(
            f"The image's disk format is {declared}, the data are {detected} "
            f"and not safe: {reason}."
        )


class FormatsChanged(FilterError):
    """An image got other formats after its upload was judged by the old ones.

    :param image_id: the image, as the request names it
    """

    def __init__(self, image_id: str) -> None:
        super().__init__(
            f"The formats of image {image_id} were changed while an upload "
            "of its data began. Please upload them again."
        )


class BodyTooLarge(FilterError):
    """The request body is longer than a filter is willing to read.

    :param max_bytes: the limit in bytes, inclusive
    """

    def __init__(self, max_bytes: int) -> None:
        super().__init__(
            f"The request body is larger than the limit of {max_bytes} bytes."
        )


class BodyUnreadable(FilterError):
    """The request body could not be read to its end or not be understood.

    :param reason: what was wrong with it
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"The request body could not be read: {reason}.")


class ImageUnknown(FilterError):
    """The core did not tell about the image, so nothing can be decided.

    :param image_id: the image, as the request names it
    """

    def __init__(self, image_id: str) -> None:
        super().__init__(
            f"The state of image {image_id} could not be determined, so the "
            "request cannot be carried out now. Please try again later."
        )


class DeprecatedHeader(FilterError):
    """A range is asked for by the Content-Range request header."""

    def __init__(self) -> None:
        super().__init__(
            "The Content-Range header asks for nothing in a request: send "
            "Range to get a part of an image."
        )
