# SPDX-License-Identifier: Apache-2.0

"""Digests of an image as header fields: RFC 9530."""

from __future__ import annotations

import base64
import binascii

# The algorithms that RFC 9530, section 5, registers as active, by their
# names in hashlib, which are those of an image's os_hash_algo; with the length
# of the digest in bytes.
_ALGORITHMS: dict[str | None, tuple[str, int]] = {
    "sha256": ("sha-256", 32),
    "sha512": ("sha-512", 64),
}


def repr_digest(algorithm: str | None, hash_hex: str | None) -> str | None:
    """Return the value of Repr-Digest for the whole data (section 3).

    :param algorithm: the name in hashlib
    :param hash_hex: what is said to be the hash in hexadecimal
    :returns: None if it is no hash of an algorithm that has a name in HTTP
    """
    if algorithm not in _ALGORITHMS or hash_hex is None:
        return None
    name, length = _ALGORITHMS[algorithm]
    try:
        digest = binascii.unhexlify(hash_hex)
    except ValueError:
        return None
    if len(digest) != length:
        return None
    return f"{name}=:{base64.b64encode(digest).decode()}:"
