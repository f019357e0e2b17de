# SPDX-License-Identifier: Apache-2.0

"""Entity tags and the conditions of a request: RFC 9110, sections 8.8, 13.

Dates are no part of it: an image has no Last-Modified.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Mapping

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
# As with ranges, elements of a list may be empty (5.6.1.2). There is one way
# only to read a run of commas: else a few of them take minutes.
_TAGS = re.compile(
    rf"[ \t,]*{_TAG}[ \t]*(?:,[ \t,]*{_TAG}[ \t]*)*(?:,[ \t,]*)?"
)
_EACH = re.compile(_TAG)
# From MD5 upwards; nothing shorter identifies data.
_HASH = re.compile("[0-9A-Fa-f]{32,}")

IF_MATCH = "HTTP_IF_MATCH"
IF_NONE_MATCH = "HTTP_IF_NONE_MATCH"
IF_RANGE = "HTTP_IF_RANGE"


class Outcome(enum.Enum):
    """What the conditions of a request make of it (13.2.2)."""

    PROCEED = enum.auto()
    NOT_MODIFIED = enum.auto()
    FAILED = enum.auto()


def strong_tag(hash_hex: str | None) -> str | None:
    """Return the strong entity tag of data with this hash (8.8.3).

    It is made of the hash alone, so that all hosts agree on it.

    :param hash_hex: what is said to be the hash in hexadecimal
    :returns: None if it is none
    """
    if hash_hex is None or not _HASH.fullmatch(hash_hex):
        return None
    return f'"{hash_hex}"'


def weak_tag(*facts: object) -> str:
    """Return a weak entity tag that changes with each of the facts (8.8.3)."""
    text = repr(facts).encode()
    return f'W/"{hashlib.sha256(text).hexdigest()[:32]}"'


def evaluate(environ: Mapping[str, object], tag: str | None) -> Outcome:
    """Evaluate If-Match and If-None-Match of a GET or HEAD (13.2.2).

    A field that is no list of tags is ignored.

    :param environ: the request's environ
    :param tag: the current entity tag; None if the data has none
    """
    match = environ.get(IF_MATCH)
    if isinstance(match, str) and _includes(match, tag, strong=True) is False:
        return Outcome.FAILED
    other = environ.get(IF_NONE_MATCH)
    if isinstance(other, str) and _includes(other, tag, strong=False):
        return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def honours_range(environ: Mapping[str, object], tag: str | None) -> bool:
    """Return True if the request's Range counts despite If-Range (13.1.5).

    A weak tag never matches there.
    """
    value = environ.get(IF_RANGE)
    if not isinstance(value, str):
        return True
    return _is_strong(tag) and value.strip(" \t") == tag


def _includes(text: str, tag: str | None, strong: bool) -> bool | None:
    """Return whether a list names *tag*; None if it is no list of tags."""
    if text.strip(" \t") == "*":
        return True
    if not _TAGS.fullmatch(text):
        return None
    listed: list[str] = _EACH.findall(text)
    if strong:
        return _is_strong(tag) and tag in listed
    return tag is not None and _opaque(tag) in map(_opaque, listed)


def _is_strong(tag: str | None) -> bool:
    return tag is not None and not tag.startswith("W/")


def _opaque(tag: str) -> str:
    return tag[2:] if tag.startswith("W/") else tag
