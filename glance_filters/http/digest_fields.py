# SPDX-License-Identifier: Apache-2.0

"""Digests of an image as header fields: RFC 9530."""

from __future__ import annotations

import base64
import binascii

# The algorithms that RFC 9530, section 5, registers as active, by their
# names in hashlib, which are those of an image's os_hash_algo.
_ALGORITHMS = {"sha256": "sha-256", "sha512": "sha-512"}


def repr_digest(algorithm: str | None, hash_hex: str | None) -> str | None:
    """Return the value of Repr-Digest for the whole data (section 3).

    :param algorithm: the name in hashlib
    :param hash_hex: the hash in hexadecimal
    :returns: None if there is no digest to vouch for
    """
    name = _ALGORITHMS.get(algorithm or "")
    if name is None or not hash_hex:
        return None
    try:
        digest = binascii.unhexlify(hash_hex)
    except ValueError:
        return None
    return f"{name}=:{base64.b64encode(digest).decode()}:"
