# SPDX-License-Identifier: Apache-2.0

"""Range, Content-Range and If-* against a second reading of RFC 9110.

The second reading is as plain as it can be: the grammar's own productions,
and sets of positions in the place of arithmetic.
"""

from __future__ import annotations

import itertools
import re
import unittest

import hypothesis
from hypothesis import strategies as st

from glance_filters.http import byte_ranges, preconditions
from glance_filters.http.preconditions import Outcome
from glance_filters.tests import fuzz

LIMITS = tuple(
    byte_ranges.Limits(max_ranges=8, max_overlaps=most) for most in (0, 2)
)
SIZES = (0, 1, 2, 10, 40)

# Section 14.1.1, with the white space that recipients tolerate here.
_INT_RANGE = "(?P<first>[0-9]+)-(?P<last>[0-9]*)"
_SUFFIX_RANGE = "-(?P<suffix>[0-9]+)"
_RANGE_SPEC = re.compile(f"{_INT_RANGE}|{_SUFFIX_RANGE}")
_RANGES_SPECIFIER = re.compile(
    "[ \t]*[Bb][Yy][Tt][Ee][Ss][ \t]*=(?P<set>[0-9, \t-]*)"
)
# Section 14.4, with the same.
_CONTENT_RANGE = re.compile(
    "[ \t]*[Bb][Yy][Tt][Ee][Ss][ \t]+(?:([0-9]+)-([0-9]+)|([*]))"
    "/(?:([0-9]+)|([*]))[ \t]*"
)

_ODD = st.sampled_from(
    (
        *("", " ", "\t", "\n", "\0", "-", "=", ",", "+", "_", "0", "9" * 30),
        *("x", '"', "*", "/", "W/", "\x7f", "\x80", "\xa0", "\xb2", "\xff"),
    )
)


def bent(draw: st.DrawFn, text: str) -> str:
    """Return a text, in two of three cases with something odd in it."""
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(text)))
        rest = text[place + draw(st.integers(0, 1)) :]
        text = text[:place] + draw(_ODD) + rest
    return text


_NUMBERS = st.one_of(
    st.integers(0, 12).map(str),
    st.sampled_from(("00", "39", "40", "41", "9" * 18, "1" + "0" * 18)),
)
_WHITE = st.sampled_from(("", "", "", " ", "\t", " \t"))
_SPECS = st.one_of(
    st.builds("{}-{}".format, _NUMBERS, _NUMBERS),
    st.builds("{}-".format, _NUMBERS),
    st.builds("-{}".format, _NUMBERS),
    st.just(""),
)


@st.composite
def range_fields(draw: st.DrawFn) -> str:
    """Draw the value of a Range field, mostly a valid one."""
    unit = draw(st.sampled_from(("bytes",) * 8 + ("Bytes", "items", "byte")))
    specs = draw(st.lists(_SPECS, min_size=1, max_size=9))
    if draw(st.booleans()):
        # Each begins where the one before it ends.
        cuts = sorted(draw(st.sets(st.integers(0, 12), min_size=2)))
        specs = [f"{a}-{b - 1}" for a, b in zip(cuts, cuts[1:])][:8]
    comma = draw(_WHITE) + "," + draw(_WHITE)
    return bent(draw, f"{unit}={comma.join(specs)}")


def wanted(text: str, size: int) -> list[set[int]] | None:
    """Return the positions that each element of a Range field names.

    :returns: None if the field is not valid
    """
    specifier = _RANGES_SPECIFIER.fullmatch(text)
    if specifier is None:
        return None
    every = []
    for element in specifier["set"].split(","):
        if not element.strip(" \t"):
            continue
        spec = _RANGE_SPEC.fullmatch(element.strip(" \t"))
        if spec is None:
            return None
        positions = range(size)
        if spec["suffix"]:
            length = int(spec["suffix"])
            every.append({p for p in positions if p >= size - length})
            continue
        first, last = int(spec["first"]), int(spec["last"] or size)
        if spec["last"] and last < first:
            return None
        every.append({p for p in positions if first <= p <= last})
    return every or None


def overlaps(sets: list[set[int]]) -> int:
    """Return how many of the sets begin within one before them."""
    order = sorted(filter(None, sets), key=min)
    return sum(
        any(min(each) in other for other in order[:index])
        for index, each in enumerate(order)
    )


def runs(sets: list[set[int]]) -> list[tuple[int, int]]:
    """Return the runs of positions: each where its first set stands."""
    found: list[tuple[int, int]] = []
    union = set().union(*sets)
    for each in filter(None, sets):
        start = stop = min(each)
        while start - 1 in union:
            start -= 1
        while stop in union:
            stop += 1
        if (start, stop) not in found:
            found.append((start, stop))
    return found


class RangeTest(unittest.TestCase):
    def expected(
        self, text: str, size: int, limits: byte_ranges.Limits
    ) -> object:
        """Return what is sent: the whole, a 416, or which ranges."""
        sets = wanted(text, size)
        if sets is None or text.count(",") >= limits.max_ranges:
            return "whole"
        if size == 0 and re.search("(^|[^0-9])-[0-9]*[1-9]", text):
            return "whole"
        if not any(sets):
            return "unsatisfiable"
        if sum(map(len, sets)) > size or overlaps(sets) > limits.max_overlaps:
            return "whole"
        return runs(sets)

    def found(
        self, text: str, size: int, limits: byte_ranges.Limits
    ) -> object:
        try:
            specs = byte_ranges.parse(text, limits)
            ranges = byte_ranges.resolve(specs, size, limits)
        except (byte_ranges.Invalid, byte_ranges.TooCostly):
            return "whole"
        except byte_ranges.Unsatisfiable:
            return "unsatisfiable"
        return [(each.start, each.stop) for each in ranges]

    @hypothesis.settings(max_examples=fuzz.examples(quick=60, long=20000))
    @hypothesis.given(range_fields())
    def test_range(self, text: str) -> None:
        for case in itertools.product((text,), SIZES, LIMITS):
            fuzz.count("fields")
            expected = self.expected(*case)
            self.assertEqual(expected, self.found(*case), str(case))


@st.composite
def content_ranges(draw: st.DrawFn) -> str:
    """Draw the value of a Content-Range field, mostly a valid one."""
    first = draw(_NUMBERS)
    last = draw(st.one_of(st.just(first), _NUMBERS))
    size = draw(st.one_of(_NUMBERS, st.just("*")))
    part = draw(st.sampled_from((f"{first}-{last}", "*")))
    unit = draw(st.sampled_from(("bytes", "bytes", "BYTES", "items")))
    return bent(draw, f"{unit} {draw(_WHITE)}{part}/{size}{draw(_WHITE)}")


class ContentRangeTest(unittest.TestCase):
    def expected(self, text: str) -> object:
        """Return (start, stop, size), the size alone of a 416, or None."""
        parsed = _CONTENT_RANGE.fullmatch(text)
        if parsed is None:
            return None
        first, last, nothing, size, unknown = parsed.groups()
        if nothing:
            return None if unknown else min(int(size), 10**18)
        start, stop = int(first), int(last) + 1
        if start >= stop or (size is not None and stop > int(size)):
            return None
        return start, stop, None if unknown else int(size)

    def found(self, text: str) -> object:
        size = byte_ranges.parse_unsatisfied(text)
        try:
            part, total = byte_ranges.parse_content_range(text)
        except byte_ranges.Invalid:
            return size
        self.assertIsNone(size)
        return part.start, part.stop, total

    @hypothesis.settings(max_examples=fuzz.examples(quick=60, long=20000))
    @hypothesis.given(content_ranges())
    def test_content_range(self, text: str) -> None:
        fuzz.count("fields")
        if re.search("[0-9]{19}", text):
            # Behind the end of anything; that nothing breaks is enough.
            self.found(text)
            return
        self.assertEqual(self.expected(text), self.found(text), text)


STRONG = '"0123456789abcdef0123456789abcdef"'
WEAK = f"W/{STRONG}"
_TAGS = st.one_of(
    st.sampled_from((STRONG, WEAK, '"a"', '""', '"a,b"', 'W/"\xe9"', "")),
    st.builds('"{}"'.format, st.text("!a,\xff\x80", max_size=3)),
)


@st.composite
def tag_fields(draw: st.DrawFn) -> str:
    """Draw the value of If-Match or If-None-Match, mostly a valid one."""
    if draw(st.integers(0, 9)) == 0:
        return bent(draw, draw(_WHITE) + "*" + draw(_WHITE))
    comma = draw(_WHITE) + "," + draw(_WHITE)
    tags = draw(st.lists(_TAGS, min_size=1, max_size=4))
    return bent(draw, draw(_WHITE) + comma.join(tags) + draw(_WHITE))


def listed(text: str) -> list[str] | None:
    """Return the tags of a list, read one character after the other.

    :returns: None if it is no list, or an empty one
    """
    tags: list[str] = []
    rest = text
    separated = True
    while rest:
        if rest[0] in " \t,":
            separated = separated or rest[0] == ","
            rest = rest[1:]
            continue
        tag, rest = first_tag(rest)
        if not tag or not separated:
            return None
        separated = False
        tags.append(tag)
    return tags or None


def first_tag(text: str) -> tuple[str, str]:
    """Split an entity tag (8.8.3) from what follows; it is empty if none."""
    length = 3 if text.startswith('W/"') else 1
    if text[length - 1 : length] != '"':
        return "", text
    while length < len(text):
        code = ord(text[length])
        length += 1
        if code == 0x22:
            return text[:length], text[length:]
        if not (code == 0x21 or 0x23 <= code <= 0x7E or code >= 0x80):
            break
    return "", text


def includes(text: str, tag: str | None, strong: bool) -> bool | None:
    """Return whether a field names *tag* (13.1.1, 13.1.2)."""
    if text.strip(" \t") == "*":
        return True
    tags = listed(text)
    if tags is None or tag is None:
        return None if tags is None else False
    if strong:
        return not tag.startswith("W/") and tag in tags
    return any(each.split("W/", 1)[-1] == tag[-34:] for each in tags)


class PreconditionTest(unittest.TestCase):
    @hypothesis.settings(max_examples=fuzz.examples(quick=60, long=20000))
    @hypothesis.given(
        st.one_of(st.none(), tag_fields()), st.one_of(st.none(), tag_fields())
    )
    def test_evaluate(self, match: str | None, other: str | None) -> None:
        environ: dict[str, object] = {}
        if match is not None:
            environ[preconditions.IF_MATCH] = match
        if other is not None:
            environ[preconditions.IF_NONE_MATCH] = other
        for tag in (STRONG, WEAK, None):
            fuzz.count("fields")
            expected = Outcome.PROCEED
            if match is not None and includes(match, tag, True) is False:
                expected = Outcome.FAILED
            elif other is not None and includes(other, tag, False):
                expected = Outcome.NOT_MODIFIED
            found = preconditions.evaluate(environ, tag)
            self.assertEqual(expected, found, (environ, tag))

    @hypothesis.settings(max_examples=fuzz.examples(quick=60, long=20000))
    @hypothesis.given(tag_fields())
    def test_if_range(self, text: str) -> None:
        for tag in (STRONG, WEAK, None):
            fuzz.count("fields")
            value = text.strip(" \t")
            expected = (
                first_tag(value) == (value, "")
                and not value.startswith("W/")
                and value == tag
            )
            found = preconditions.honours_range(
                {preconditions.IF_RANGE: text}, tag
            )
            self.assertEqual(expected, found, (text, tag))
