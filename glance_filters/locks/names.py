# SPDX-License-Identifier: Apache-2.0

"""The one name of an image's lock, however the image's id is spelled."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_PREFIX = "glance-filters-image-"

# Glance's own ids: it makes no image with an id of another shape.
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_NOT_IN_UUID = re.compile("[^0-9a-z-]")


def lock_name(image_id: str) -> bytes:
    """Return the name of the lock of the image that *image_id* stands for.

    A database finds an image by other spellings of its id than the one it
    was made with: those of MySQL compare without case, accents, width and
    trailing spaces, depending on the collation. All of them get the same
    name. It holds lower-case ASCII letters, digits and hyphens only, and so
    is valid for a file as well as for a key of any server.
    """
    folded = "".join(map(_digit, unicodedata.normalize("NFKD", image_id)))
    folded = folded.casefold()
    uuid = _NOT_IN_UUID.sub("", folded)
    if _UUID.fullmatch(uuid):
        return (_PREFIX + uuid).encode()
    octets = folded.rstrip(" ").encode("utf-8", "surrogatepass")
    return (_PREFIX + hashlib.sha256(octets).hexdigest()).encode()


def _digit(character: str) -> str:
    """Return the ASCII digit for a digit of any script."""
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)
