# SPDX-License-Identifier: Apache-2.0

"""Which parts of an image to ask Glance for, to answer several ranges.

A call of Glance costs as much as reading some MiB, so parts that lie near
each other come out of one answer, and what lies between them is discarded.
All here is pure: ranges in, ranges out.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from glance_filters.http import byte_ranges
from glance_filters.http.byte_ranges import ByteRange, RangeSpec, TooCostly

# Larger than any image: stands for its end while its size is not known.
_ENDLESS = 2**62
# Is within no image.
BEYOND = RangeSpec(10**18, None)


@dataclass(frozen=True)
class Limits:
    """What one request may cost.

    :ivar max_gap: how many bytes between two parts are read and discarded
        rather than asking Glance again
    :ivar max_calls: the largest number of Glance calls for data
    :ivar max_discarded: the largest number of bytes to read and discard
    """

    max_gap: int
    max_calls: int
    max_discarded: int


class Read(NamedTuple):
    """Parts that come out of one answer of Glance.

    :ivar start: where the answer begins in the image
    :ivar parts: the parts, in ascending order; they do not overlap
    """

    start: int
    parts: tuple[ByteRange, ...]

    @property
    def discarded(self) -> int:
        """How many bytes are read that belong to no part."""
        return (
            self.parts[-1].stop
            - self.start
            - sum(each.length for each in self.parts)
        )


class Plan(NamedTuple):
    """How the parts are read, in the order in which they are sent.

    :ivar opened: the parts that come out of the answer at hand; None if no
        part does
    :ivar reads: what Glance is asked for after it
    """

    opened: Read | None
    reads: tuple[Read, ...]

    @property
    def all(self) -> tuple[Read, ...]:
        """All reads."""
        return (self.opened, *self.reads) if self.opened else self.reads

    @property
    def parts(self) -> tuple[ByteRange, ...]:
        """All parts, in the order in which they are sent."""
        return tuple(part for read in self.all for part in read.parts)

    @property
    def discarded(self) -> int:
        """How many bytes are read that belong to no part."""
        return sum(read.discarded for read in self.all)


def opening(specs: Sequence[RangeSpec], limits: Limits) -> RangeSpec:
    """Return what to ask Glance for while the size is not known.

    :param specs: the ranges of a request
    :returns: what the first parts come out of; :data:`BEYOND` if no image can
        satisfy the request
    """
    # A suffix of nothing names nothing.
    specs = [each for each in specs if each.first is not None or each.last]
    if not specs:
        return BEYOND
    if len(specs) == 1:
        return specs[0]
    if specs[0].first is None:
        # All suffixes overlap: they are one range.
        return RangeSpec(
            None, max(each.last or 0 for each in specs if each.first is None)
        )
    # Where a suffix begins is not known, nor what goes well with it.
    known = itertools.takewhile(lambda each: each.first is not None, specs)
    parts = [
        part for each in known if (part := byte_ranges.within(each, _ENDLESS))
    ]
    joined, _ = byte_ranges.coalesced(parts)
    reads = _grouped(joined, limits.max_gap).reads
    if len(reads) > limits.max_calls:
        reads = _grouped(_ascending(joined), limits.max_gap).reads
    return spec_of(reads[0])


def spec_of(read: Read) -> RangeSpec:
    """Return what to ask Glance for, to get all parts of a read."""
    stop = read.parts[-1].stop
    return RangeSpec(
        read.parts[0].start, None if stop == _ENDLESS else stop - 1
    )


def of_one(part: ByteRange) -> Plan:
    """Return the plan of one part, which is just what is open."""
    return Plan(Read(part.start, (part,)), ())


def plan(
    parts: Sequence[ByteRange],
    limits: Limits,
    calls_left: int,
    opened: ByteRange | None,
    random_access: bool,
) -> Plan:
    """Return how to read the parts of an image.

    They are sent in the order of the request (RFC 9110, 15.3.7.2, SHOULD),
    unless ascending order saves calls beyond the limit, or more than
    ``max_gap`` bytes.

    :param parts: the parts in the order of the request, which do not overlap
    :param calls_left: how often Glance may still be asked for data
    :param opened: what the answer at hand holds, if there is one
    :param random_access: whether Glance gives out parts; if not, each answer
        is the whole image
    :raises TooCostly: if the parts cannot be read within the limits
    """
    max_gap, start = limits.max_gap, None
    if not random_access:
        max_gap, start = _ENDLESS, 0
    asked = _grouped(parts, max_gap, opened, start)
    best = _grouped(_ascending(parts), max_gap, opened, start)
    if (
        len(asked.reads) <= calls_left
        and asked.discarded <= best.discarded + limits.max_gap
    ):
        best = asked
    if len(best.reads) > calls_left:
        raise TooCostly("too many calls")
    if best.discarded > limits.max_discarded:
        raise TooCostly("too many bytes to discard")
    return best


def _ascending(parts: Sequence[ByteRange]) -> Sequence[ByteRange]:
    return sorted(parts, key=lambda each: each.start)


def _grouped(
    parts: Sequence[ByteRange],
    max_gap: int,
    opened: ByteRange | None = None,
    start: int | None = None,
) -> Plan:
    """Read the parts in this order, each out of the last answer if it can.

    :param start: where each answer begins; None if it is where its parts do
    """
    first: list[ByteRange] = []
    reads: list[list[ByteRange]] = []
    position, end = (opened.start, opened.stop) if opened else (0, 0)
    for part in parts:
        if not position <= part.start <= position + max_gap or part.stop > end:
            reads.append([])
            end = _ENDLESS
        (reads[-1] if reads else first).append(part)
        position = part.stop
    return Plan(
        Read(opened.start, tuple(first)) if opened and first else None,
        tuple(
            Read(each[0].start if start is None else start, tuple(each))
            for each in reads
        ),
    )
