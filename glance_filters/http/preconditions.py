# SPDX-License-Identifier: Apache-2.0

"""Entity tags and the conditions of a request: RFC 9110, section 13.

An image's data never change once it is active, and their hash is known: the
tag is strong, and made of the hash alone, so that all hosts agree on it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
# As with ranges, elements of a list may be empty (5.6.1.2).
_TAGS = re.compile(rf"[ \t,]*(?:{_TAG}[ \t]*(?:,[ \t,]*|$))+")
_EACH = re.compile(_TAG)

IF_MATCH = "HTTP_IF_MATCH"
IF_NONE_MATCH = "HTTP_IF_NONE_MATCH"
IF_RANGE = "HTTP_IF_RANGE"


class Outcome(enum.Enum):
    """What the conditions of a request make of it (13.2.2)."""

    PROCEED = "proceed"
    NOT_MODIFIED = "304"
    FAILED = "412"


def make(hash_hex: str) -> str:
    """Return the strong entity tag of data with this hash (8.8.3)."""
    return f'"{hash_hex}"'


def is_conditional(environ: Mapping[str, object]) -> bool:
    """Tell whether a request has a condition that depends on a tag."""
    return (
        IF_MATCH in environ or IF_NONE_MATCH in environ or IF_RANGE in environ
    )


def evaluate(environ: Mapping[str, object], tag: str | None) -> Outcome:
    """Evaluate If-Match and If-None-Match of a GET or HEAD (13.2.2).

    Dates are no part of it: an image has no Last-Modified. A field that
    cannot be read is ignored.

    :param environ: the request's environ
    :param tag: the current, strong entity tag; None if the data have none
    """
    match = environ.get(IF_MATCH)
    if isinstance(match, str) and _includes(match, tag, strong=True) is False:
        return Outcome.FAILED
    other = environ.get(IF_NONE_MATCH)
    if isinstance(other, str) and _includes(other, tag, strong=False):
        return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def honours_range(environ: Mapping[str, object], tag: str | None) -> bool:
    """Tell whether If-Range lets the request's Range count (13.1.5)."""
    value = environ.get(IF_RANGE)
    if not isinstance(value, str):
        return True
    return tag is not None and value.strip(" \t") == tag


def _includes(text: str, tag: str | None, strong: bool) -> bool | None:
    """Tell whether a list names *tag*; None if it is no list of tags."""
    if text.strip(" \t") == "*":
        return True
    if not _TAGS.fullmatch(text):
        return None
    listed = _EACH.findall(text)
    if not strong:
        listed = [each[2:] if each[:2] == "W/" else each for each in listed]
    return tag in listed
