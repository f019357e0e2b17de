# SPDX-License-Identifier: Apache-2.0

"""Byte ranges of RFC 9110, section 14: parse, resolve against a size, write.

Inside, a range is a pair of half-open integers; inclusive positions stand
only in the text of header fields, which this module alone reads and writes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

# Longer positions than this lie behind the end of anything; int() would
# refuse them past 4 300 digits.
_MAX_DIGITS = 18
_BEHIND_ANY_END = 10**18

_SPEC = re.compile("([0-9]*)-([0-9]*)")
_CONTENT_RANGE = re.compile(
    r"bytes[ \t]+([0-9]+)-([0-9]+)/([0-9]+|\*)", re.IGNORECASE
)
_UNSATISFIED = re.compile(r"bytes[ \t]+\*/([0-9]+)", re.IGNORECASE)


class ByteRange(NamedTuple):
    """The bytes from *start* (inclusive) to *stop* (exclusive), not empty."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many bytes they are."""
        return self.stop - self.start


class RangeSpec(NamedTuple):
    """One element of a Range field, not yet resolved (section 14.1.2).

    :ivar first: the first byte's position; None for a suffix
    :ivar last: the last byte's position, inclusive, None for the end; for a
        suffix its length in bytes
    """

    first: int | None
    last: int | None


@dataclass(frozen=True)
class Limits:
    """What is answered with the whole representation instead of parts.

    A server may ignore ranges that look like an attack (section 14.2).

    :ivar max_ranges: the largest number of elements in the field
    :ivar max_overlaps: the largest number of ranges that overlap another
    """

    max_ranges: int
    max_overlaps: int


class Invalid(Exception):
    """The field is no valid Range of bytes: it is to be ignored."""


class Unsatisfiable(Exception):
    """No range of the field is within the representation (15.5.17)."""


class TooCostly(Exception):
    """The ranges pass the limits: the whole is to be sent instead."""


def parse(text: str, limits: Limits) -> tuple[RangeSpec, ...]:
    """Return the elements of a Range field, at least one.

    :raises Invalid: for another unit, broken syntax, or a last position
        before the first; positions of any length are valid
    :raises TooCostly: if there are more elements than the limit
    """
    unit, equals, rest = text.partition("=")
    if not equals or unit.strip(" \t").lower() != "bytes":
        raise Invalid("not in bytes")
    if rest.count(",") >= limits.max_ranges:
        raise TooCostly("too many ranges")
    # Elements of a list may be empty (section 5.6.1.2).
    elements = [each.strip(" \t") for each in rest.split(",")]
    specs = [_spec(each) for each in elements if each]
    if not specs:
        raise Invalid("no range")
    return tuple(specs)


def _spec(text: str) -> RangeSpec:
    found = _SPEC.fullmatch(text)
    if found is None or text == "-":
        raise Invalid("broken syntax")
    first, last = found.groups()
    spec = RangeSpec(
        _position(first) if first else None, _position(last) if last else None
    )
    if (
        spec.first is not None
        and spec.last is not None
        and spec.last <= spec.first
    ):
        # Positions past the limit are equal then: compare their digits.
        first, last = first.lstrip("0"), last.lstrip("0")
        if (len(first), first) > (len(last), last):
            raise Invalid("the last position is before the first")
    return spec


def _position(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        digits = digits.lstrip("0") or "0"
        if len(digits) > _MAX_DIGITS:
            return _BEHIND_ANY_END
    return int(digits)


def resolve(
    specs: Sequence[RangeSpec], size: int, limits: Limits
) -> tuple[ByteRange, ...]:
    """Return the ranges to send, in the order of the request.

    Ranges that overlap or touch are one, in the place of the first of them.

    :param specs: the elements of the field
    :param size: the length of the representation in bytes
    :param limits: when to send the whole instead
    :raises Unsatisfiable: if no range is within the representation
    :raises TooCostly: if the ranges pass the limits or add up to more than
        the whole
    :raises Invalid: if the representation is empty and a suffix is asked
        for, which no Content-Range can express
    """
    if size == 0 and any(spec.first is None and spec.last for spec in specs):
        raise Invalid("a suffix of nothing")
    ranges = [each for spec in specs if (each := within(spec, size))]
    if not ranges:
        raise Unsatisfiable
    if sum(each.length for each in ranges) > size:
        raise TooCostly("more than the whole")
    joined, overlaps = coalesced(ranges)
    if overlaps > limits.max_overlaps:
        raise TooCostly("too many overlaps")
    return joined


def within(spec: RangeSpec, size: int) -> ByteRange | None:
    """Return the part of a representation of *size* bytes that a spec names.

    :returns: None if it names none: it is unsatisfiable
    """
    if spec.first is None:
        length = min(spec.last or 0, size)
        return ByteRange(size - length, size) if length else None
    if spec.first >= size:
        return None
    stop = size if spec.last is None else min(spec.last + 1, size)
    return ByteRange(spec.first, stop)


def coalesced(
    ranges: Sequence[ByteRange],
) -> tuple[tuple[ByteRange, ...], int]:
    """Join ranges that overlap or touch.

    :returns: the ranges, each in the place of the first that it was made of;
        and how many overlapped another one
    """
    order = sorted(range(len(ranges)), key=lambda index: ranges[index].start)
    overlaps = 0
    # (place in the request, start, stop) of each joined range
    joined: list[tuple[int, int, int]] = []
    for index in order:
        each = ranges[index]
        if joined and each.start <= joined[-1][2]:
            place, start, stop = joined[-1]
            overlaps += each.start < stop
            joined[-1] = (min(place, index), start, max(stop, each.stop))
        else:
            joined.append((index, each.start, each.stop))
    joined.sort()
    return tuple(ByteRange(start, stop) for _, start, stop in joined), overlaps


def parse_content_range(text: str) -> tuple[ByteRange, int | None]:
    """Read ``bytes 12-30/1000``: the range and the size, None for ``*``.

    It is the answer's Content-Range (section 14.4), and in the same form the
    request header by which Glance once took ranges.

    :raises Invalid: for anything else, or positions that contradict
    """
    found = _CONTENT_RANGE.fullmatch(text.strip(" \t"))
    if found is None:
        raise Invalid("broken syntax")
    first, last = _position(found[1]), _position(found[2])
    size = None if found[3] == "*" else _position(found[3])
    if last < first or (size is not None and last >= size):
        raise Invalid("positions that contradict")
    return ByteRange(first, last + 1), size


def parse_unsatisfied(text: str) -> int | None:
    """Read ``bytes */1000``, the Content-Range of a 416 (section 14.4).

    :returns: the size in bytes; None for anything else
    """
    found = _UNSATISFIED.fullmatch(text.strip(" \t"))
    return _position(found[1]) if found else None


def format_content_range(each: ByteRange, size: int) -> str:
    """Return the value of Content-Range for a part (section 14.4)."""
    return f"bytes {each.start}-{each.stop - 1}/{size}"


def format_spec(spec: RangeSpec) -> str:
    """Return the value of a Range field that asks for one spec."""
    first = "" if spec.first is None else spec.first
    last = "" if spec.last is None else spec.last
    return f"bytes={first}-{last}"
