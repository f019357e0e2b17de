# SPDX-License-Identifier: Apache-2.0

"""What tells clients and caches whether they hold an image's data already."""

from __future__ import annotations

from glance_filters.filters.range_translator.image_data import ImageData
from glance_filters.glance_api import images
from glance_filters.http import digest_fields, preconditions
from glance_filters.wsgi.response import CapturedResponse, Headers

# Fields of a 304, if the 200 has them (RFC 9110, 15.4.5).
_OF_NOT_MODIFIED = frozenset(
    ("cache-control", "content-location", "etag", "expires", "vary")
)


def tag_of(data: ImageData, response: CapturedResponse | None) -> str | None:
    """Return the entity tag of an image's data.

    Glance tells the MD5 with the data, whole or in part. For an image without
    one it is asked for the image.

    :param response: a response of Glance with data, if there is one
    """
    if response is not None:
        tag = preconditions.strong_tag(response.header("Content-MD5"))
        if tag is not None:
            return tag
    return _tag_of_image(data.image) if data.image else None


def _tag_of_image(image: images.Image) -> str | None:
    tag = preconditions.strong_tag(image.checksum) or preconditions.strong_tag(
        image.os_hash_value
    )
    if tag is None and image.updated_at:
        # Glance does not know the data. Each change of the image, of another
        # member too, makes it another one; what changes behind Glance's back
        # nobody sees, so the tag is weak.
        tag = preconditions.weak_tag(
            image.id, image.size, image.created_at, image.updated_at
        )
    return tag


def fields(
    data: ImageData, tag: str | None, wants_digest: bool, cache_control: str
) -> Headers:
    """Return the fields that a response with data has by all means.

    :param wants_digest: whether it is worth a call of Glance to have
        Repr-Digest
    :param cache_control: the value of Cache-Control, empty for none
    """
    headers = [("Accept-Ranges", "bytes")]
    if tag is not None:
        headers.append(("ETag", tag))
    if cache_control:
        headers.append(("Cache-Control", cache_control))
    image = data.image if wants_digest else data.known_image
    digest = image and digest_fields.repr_digest(
        image.os_hash_algo, image.os_hash_value
    )
    if digest:
        headers.append(("Repr-Digest", digest))
    return headers


def with_missing(headers: Headers, more: Headers) -> Headers:
    """Return the fields, with those of *more* that are not among them."""
    names = {name.lower() for name, _ in headers}
    return headers + [each for each in more if each[0].lower() not in names]


def of_not_modified(headers: Headers) -> Headers:
    """Return the fields of a 200 that a 304 has too."""
    return [each for each in headers if each[0].lower() in _OF_NOT_MODIFIED]
