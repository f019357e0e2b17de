# SPDX-License-Identifier: Apache-2.0

"""What a download needs to know of an image, asked in the user's own name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glance_filters.glance_api import api_calls, image_document

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment


@dataclass(frozen=True)
class ImageRecord:
    """Members of an image (Image service API, "Show image").

    :ivar size: the length of the data in bytes, None while unknown
    :ivar checksum: their MD5, None if it is not known
    :ivar os_hash_algo: the algorithm of ``os_hash_value``
    :ivar os_hash_value: their hash in hexadecimal
    """

    size: int | None
    checksum: str | None
    os_hash_algo: str | None
    os_hash_value: str | None


def ask(
    app: WSGIApplication,
    environ: WSGIEnvironment,
    match: api_calls.Match,
    source: str,
) -> ImageRecord | None:
    """Return the record of the image that a request is about.

    :param app: the application behind the filter
    :param environ: the request's environ, which is left as it is
    :param match: what the request is
    :param source: the name of the filter that asks
    :returns: None if the core does not show it, or not readably
    """
    try:
        document = image_document.ask(app, environ, match, source)
    except (image_document.Hidden, image_document.NotTold):
        return None
    size = document.get("size")
    return ImageRecord(
        size if type(size) is int and size >= 0 else None,
        _text(document.get("checksum")),
        _text(document.get("os_hash_algo")),
        _text(document.get("os_hash_value")),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
