# SPDX-License-Identifier: Apache-2.0

"""How the length of a request's body is told: RFC 9112, section 6."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from glance_filters import errors

# int() takes signs, underscores and digits of any script, and refuses more
# than 4 300 digits.
_LENGTH = re.compile("[0-9]{1,18}")


def check(environ: Mapping[str, Any]) -> None:
    """Refuse a request of whose body nobody can tell the end.

    Servers, libraries and Glance read such requests each in their own way,
    so that what is judged need not be what Glance acts on.

    :raises BadRequest: if Content-Length is not one non-negative integer,
        Transfer-Encoding is not ``chunked``, or both are there
    """
    length = environ.get("CONTENT_LENGTH") or ""
    coding = environ.get("HTTP_TRANSFER_ENCODING") or ""
    if length and not _LENGTH.fullmatch(length):
        raise errors.BadRequest(
            "Content-Length is not one non-negative integer"
        )
    if coding and coding.lower() != "chunked":
        raise errors.BadRequest("Transfer-Encoding is not chunked")
    if length and coding:
        raise errors.BadRequest(
            "Content-Length and Transfer-Encoding exclude each other"
        )
