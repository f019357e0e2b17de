# SPDX-License-Identifier: Apache-2.0

"""The name of an image's lock."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_PREFIX = "glance-filters-image-"

# The ids that Glance makes. It accepts others too, upper case for example.
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_NOT_IN_UUID = re.compile("[^0-9a-z-]")

_DIGEST_BYTES = 20


def lock_name(image_id: str) -> bytes:
    """Return the name of the lock of the image *image_id*.

    Ids that differ in any way have different names, so the caller passes the
    id as Glance itself writes it: see :func:`fold_id`.

    :returns: lower-case ASCII letters, digits and hyphens, at most 64 of
        them, so that it is valid for any backend: MySQL compares the names of
        its locks without case, and takes 64 characters
    """
    if _UUID.fullmatch(image_id):
        return (_PREFIX + image_id).encode()
    octets = image_id.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(octets, digest_size=_DIGEST_BYTES).hexdigest()
    return (_PREFIX + digest).encode()


def fold_id(spelling: str) -> str:
    """Return what all spellings of an image's id in a URL have in common.

    Some databases find an image by other spellings of its id than its own:
    those of MySQL compare without case, accents, width and trailing spaces,
    depending on the collation. SQLite and PostgreSQL compare exactly, and
    there the ids of two images may fold to one. So use the id in Glance's own
    representation of the image, and this only where Glance does not show it.
    """
    folded = "".join(map(_digit, unicodedata.normalize("NFKD", spelling)))
    folded = folded.casefold()
    uuid = _NOT_IN_UUID.sub("", folded)
    return uuid if _UUID.fullmatch(uuid) else folded.rstrip(" ")


def _digit(character: str) -> str:
    """Return the ASCII digit for a digit of any script."""
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)
