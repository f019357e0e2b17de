# SPDX-License-Identifier: Apache-2.0

"""The framing of multipart/byteranges: RFC 9110, section 14.6."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from glance_filters.http import byte_ranges


class Framing:
    """What stands before each part, and after the last.

    :param ranges: the parts, in their order
    :param size: the length of the whole in bytes
    :param content_type: of the whole
    :param boundary: a text that no part holds; random if none is given, of
        128 bits, which no data hold by chance
    """

    def __init__(
        self,
        ranges: Sequence[byte_ranges.ByteRange],
        size: int,
        content_type: str,
        boundary: str = "",
    ) -> None:
        self.boundary = boundary or secrets.token_hex(16)
        self.heads = [
            (
                f"\r\n--{self.boundary}\r\n"
                f"Content-Type: {content_type}\r\n"
                "Content-Range: "
                f"{byte_ranges.format_content_range(each, size)}\r\n\r\n"
            ).encode("latin-1")
            for each in ranges
        ]
        self.end = f"\r\n--{self.boundary}--\r\n".encode()
        self.content_length = (
            sum(map(len, self.heads))
            + sum(each.length for each in ranges)
            + len(self.end)
        )

    @property
    def content_type(self) -> str:
        """The Content-Type of the answer."""
        return f"multipart/byteranges; boundary={self.boundary}"
