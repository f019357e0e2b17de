# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

import hypothesis
from hypothesis import strategies as st

from glance_filters.http import byte_ranges
from glance_filters.http.byte_ranges import (
    ByteRange,
    Invalid,
    Limits,
    RangeSpec,
    TooCostly,
    Unsatisfiable,
)

LIMITS = Limits(max_ranges=100, max_overlaps=2)
HUGE = "9" * 5000


def resolved(text: str, size: int) -> object:
    """Return the ranges as pairs, or the error."""
    try:
        specs = byte_ranges.parse(text, LIMITS)
        ranges = byte_ranges.resolve(specs, size, LIMITS)
    except (Invalid, Unsatisfiable, TooCostly) as error:
        return type(error)
    return [(each.start, each.stop) for each in ranges]


class ResolveTest(unittest.TestCase):
    def test_rows_of_rfc_9110(self) -> None:
        for section, text, size, expected in (
            ("14.1.2", "bytes=0-0", 50, [(0, 1)]),
            ("14.1.2", "bytes=0-49", 50, [(0, 50)]),
            ("14.1.2", "bytes=49-100", 50, [(49, 50)]),
            ("14.1.2", "bytes=9-", 50, [(9, 50)]),
            ("14.1.2", "bytes=-1", 50, [(49, 50)]),
            ("14.1.2", "bytes=-50", 50, [(0, 50)]),
            ("14.1.2", "bytes=-100", 50, [(0, 50)]),
            ("14.1.2", "bytes=-0", 50, Unsatisfiable),
            ("14.1.2", "bytes=-0,0-0", 50, [(0, 1)]),
            ("15.5.17", "bytes=50-", 50, Unsatisfiable),
            ("15.5.17", "bytes=50-60,99-", 50, Unsatisfiable),
            ("15.5.17", "bytes=0-", 0, Unsatisfiable),
            ("15.5.17", "bytes=0-0", 0, Unsatisfiable),
            ("14.1.2", "bytes=-5", 0, Invalid),
            ("14.1.2", "bytes=-0", 0, Unsatisfiable),
            ("14.1.1", "bytes=5-3", 50, Invalid),
            ("14.1.1", "bytes=0-1,5-3", 50, Invalid),
            ("14.1.1", "bytes=-", 50, Invalid),
            ("14.1.1", "bytes=", 50, Invalid),
            ("14.1.1", "bytes", 50, Invalid),
            ("14.1.1", "", 50, Invalid),
            ("14.1.1", "bytes=,", 50, Invalid),
            ("14.1.1", "bytes=+1-20", 50, Invalid),
            ("14.1.1", "bytes=1_0-20", 50, Invalid),
            ("14.1.1", "bytes=0-1x", 50, Invalid),
            ("14.1.1", "bytes=0-1-2", 50, Invalid),
            ("14.1.1", "bytes=0x0-1", 50, Invalid),
            ("14.1.1", "bytes=\u0660-1", 50, Invalid),
            ("14.1.1", "bytes=0 -1", 50, Invalid),
            ("14.1.1", "bytes=0-1 2-3", 50, Invalid),
            ("14.1.1", "bytes=0-1;2-3", 50, Invalid),
            # 5.5: such a field value is invalid.
            *(
                ("5.5", text.format(control), 50, Invalid)
                for control in "\n\r\0\f\v\x1c\x85\xa0"
                for text in ("bytes=0-1{}", "bytes={}0-1", "bytes=0{}-1")
            ),
            ("5.5", "bytes=0-1\n,2-3", 50, Invalid),
            ("5.5", "bytes=0-1,\n", 50, Invalid),
            ("14.2", "items=0-9", 50, Invalid),
            ("14.2", "a=0-9", 50, Invalid),
            ("14.1", "BYTES=0-9", 50, [(0, 10)]),
            ("5.6.1.2", "bytes=0-1,,5-6", 50, [(0, 2), (5, 7)]),
            ("5.6.1.2", "bytes= ,0-1 ,\t5-6 , ", 50, [(0, 2), (5, 7)]),
            ("14.1.2", f"bytes=0-{HUGE}", 50, [(0, 50)]),
            ("14.1.2", f"bytes={HUGE}-", 50, Unsatisfiable),
            ("14.1.2", f"bytes=-{HUGE}", 50, [(0, 50)]),
            ("14.1.1", f"bytes={HUGE}-{HUGE[1:]}", 50, Invalid),
            ("14.1.2", f"bytes={HUGE}-{HUGE}", 50, Unsatisfiable),
            ("14.1.2", f"bytes={HUGE}-{HUGE}0", 50, Unsatisfiable),
            ("14.1.2", f"bytes={'0' * 5000}-0", 50, [(0, 1)]),
            # Order of the request; joined where they overlap or touch.
            ("14.6", "bytes=5-6,0-1", 50, [(5, 7), (0, 2)]),
            ("14.6", "bytes=0-1,2-3", 50, [(0, 4)]),
            ("14.6", "bytes=2-3,0-1", 50, [(0, 4)]),
            ("14.6", "bytes=20-21,0-4,3-9", 50, [(20, 22), (0, 10)]),
            ("14.6", "bytes=0-0,60-70,-1", 50, [(0, 1), (49, 50)]),
            ("14.6", "bytes=0-0,5-7,6-9", 50, [(0, 1), (5, 10)]),
            ("14.6", "bytes=5-7,0-0,6-9", 50, [(5, 10), (0, 1)]),
            ("14.6", "bytes=5-9,6-7,9-10", 50, [(5, 11)]),
            # What costs more than the whole.
            ("14.2", "bytes=0-,0-", 50, TooCostly),
            ("14.2", "bytes=0-3,1-4,2-5,3-6", 50, TooCostly),
            ("14.2", "bytes=0-3,1-4,2-5", 50, [(0, 6)]),
            # Those that only touch do not overlap.
            ("14.2", "bytes=0-1,2-3,4-5,6-7", 50, [(0, 8)]),
            ("14.2", "bytes=0-1,1-2,2-3,3-4", 50, TooCostly),
            ("14.2", "bytes=0-1,1-2,2-3", 50, [(0, 4)]),
            ("14.2", "bytes=" + "0-0," * 99, 50, TooCostly),
            ("14.2", "bytes=0-0" + "," * 99, 50, [(0, 1)]),
            ("14.2", "bytes=0-0" + "," * 100, 50, TooCostly),
            ("14.2", "bytes=0-0" + "," * 999, 50, TooCostly),
        ):
            with self.subTest(section, text=text[:40], size=size):
                self.assertEqual(expected, resolved(text, size))

    def test_within(self) -> None:
        for spec, expected in (
            (RangeSpec(49, None), ByteRange(49, 50)),
            (RangeSpec(50, None), None),
            (RangeSpec(50, 60), None),
            (RangeSpec(None, 0), None),
            (RangeSpec(None, 1), ByteRange(49, 50)),
        ):
            found = byte_ranges.within(spec, 50)
            self.assertEqual(expected, found, spec)
            # An empty one is false too, but it is not None.
            self.assertIs(expected is None, found is None, spec)

    def test_positions(self) -> None:
        """They are exact up to what int() surely takes."""
        for text, first, last in (
            ("9" * 18 + "-", 10**18 - 1, None),
            ("9" * 19 + "-", 10**18, None),
            ("0" * 99 + "9" * 18 + "-", 10**18 - 1, None),
            ("-" + "9" * 18, None, 10**18 - 1),
            ("000-000", 0, 0),
            ("00-01", 0, 1),
            ("-00", None, 0),
        ):
            with self.subTest(text):
                (found,) = byte_ranges.parse(f"bytes={text}", LIMITS)
                self.assertEqual(RangeSpec(first, last), found)

    @hypothesis.given(
        st.lists(
            st.tuples(st.integers(0, 12), st.integers(0, 12)),
            min_size=1,
            max_size=5,
        ),
        st.integers(0, 10),
    )
    def test_the_same_bytes_as_one_by_one(
        self, pairs: list[tuple[int, int]], size: int
    ) -> None:
        specs = [RangeSpec(min(pair), max(pair)) for pair in pairs]
        wanted = {
            position
            for spec in specs
            for position in range(spec.first or 0, (spec.last or 0) + 1)
            if position < size
        }
        try:
            ranges = byte_ranges.resolve(specs, size, Limits(100, 100))
        except Unsatisfiable:
            self.assertEqual(set(), wanted)
            return
        except TooCostly:
            return
        found = [p for each in ranges for p in range(each.start, each.stop)]
        self.assertEqual(len(found), len(set(found)))
        self.assertEqual(wanted, set(found))

    @hypothesis.given(st.text("bytes=0123456789-, \tx", max_size=30))
    def test_no_text_breaks_it(self, text: str) -> None:
        resolved(text, 10)
        resolved(f"bytes={text}", 10)


class ContentRangeTest(unittest.TestCase):
    def test_parse(self) -> None:
        for text, expected in (
            ("bytes 12-30/1000", (ByteRange(12, 31), 1000)),
            ("bytes 0-0/1", (ByteRange(0, 1), 1)),
            ("bytes 12-30/*", (ByteRange(12, 31), None)),
            ("BYTES  12-30/1000 ", (ByteRange(12, 31), 1000)),
            ("bytes 12-31/32", (ByteRange(12, 32), 32)),
            ("bytes 12-12/13", (ByteRange(12, 13), 13)),
            ("bytes 12-31/30", Invalid),
            ("bytes 13-12/1000", Invalid),
            ("bytes 13-12/*", Invalid),
            ("bytes 30-12/1000", Invalid),
            ("bytes 12-30/30", Invalid),
            ("bytes */1000", Invalid),
            ("bytes 12-/1000", Invalid),
            ("bytes=12-30/1000", Invalid),
            ("bytes 12-30", Invalid),
            ("bytes 12-30/1000x", Invalid),
            ("bytes +12-30/1000", Invalid),
            ("", Invalid),
        ):
            with self.subTest(text):
                if expected is Invalid:
                    with self.assertRaises(Invalid):
                        byte_ranges.parse_content_range(text)
                else:
                    found = byte_ranges.parse_content_range(text)
                    self.assertEqual(expected, found)

    def test_parse_unsatisfied(self) -> None:
        for text, expected in (
            ("bytes */1000", 1000),
            ("Bytes\t */0 ", 0),
            ("bytes */*", None),
            ("bytes 0-1/1000", None),
            ("bytes */1000x", None),
            ("items */1000", None),
            ("", None),
        ):
            with self.subTest(text):
                found = byte_ranges.parse_unsatisfied(text)
                self.assertEqual(expected, found)

    def test_format(self) -> None:
        part = ByteRange(12, 31)
        text = byte_ranges.format_content_range(part, 1000)
        self.assertEqual("bytes 12-30/1000", text)
        part = ByteRange(11, 12)
        text = byte_ranges.format_content_range(part, 1000)
        self.assertEqual("bytes 11-11/1000", text)
        for spec, expected in (
            (RangeSpec(1, 2), "bytes=1-2"),
            (RangeSpec(1, None), "bytes=1-"),
            (RangeSpec(None, 2), "bytes=-2"),
        ):
            self.assertEqual(expected, byte_ranges.format_spec(spec))
