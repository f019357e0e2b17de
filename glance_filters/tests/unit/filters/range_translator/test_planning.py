# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

import hypothesis
from hypothesis import strategies as st

from glance_filters.filters.range_translator import planning
from glance_filters.filters.range_translator.planning import Limits, Plan
from glance_filters.http import byte_ranges
from glance_filters.http.byte_ranges import ByteRange, RangeSpec, TooCostly

LIMITS = Limits(max_gap=10, max_calls=3, max_discarded=100)
FAR = 10**6


def ranges(*pairs: tuple[int, int]) -> list[ByteRange]:
    return [ByteRange(*pair) for pair in pairs]


def pairs_of(parts: tuple[ByteRange, ...]) -> list[tuple[int, int]]:
    return [(part.start, part.stop) for part in parts]


class OpeningTest(unittest.TestCase):
    def test_what_is_asked_first(self) -> None:
        for text, expected in (
            ("5-9", "5-9"),
            ("5-", "5-"),
            ("-5", "-5"),
            ("-5,-9,-2", "-9"),
            # Glance says 416 to it, and opens nothing.
            ("-0", "1000000000000000000-"),
            ("-0,-0", "1000000000000000000-"),
            # One answer for what lies near each other.
            ("0-4,10-14", "0-14"),
            ("0-4,15-15", "0-15"),
            ("0-4,16-16", "0-4"),
            ("0-4,10-", "0-"),
            ("0-4,-5", "0-4"),
            ("0-4,-5,9-9", "0-4"),
            ("-0,0-4", "0-4"),
            ("-5,0-4,-9", "-9"),
            # In the order of the request.
            ("90-91,50-51,0-1", "90-91"),
            ("50-51,0-1,55-56", "50-51"),
            # In ascending order where the other needs too many calls.
            ("15-15,10-10,5-5,0-0", "0-15"),
        ):
            with self.subTest(text):
                specs = byte_ranges.parse(
                    f"bytes={text}", byte_ranges.Limits(100, 100)
                )
                found = planning.opening(specs, LIMITS)
                self.assertEqual(
                    f"bytes={expected}", byte_ranges.format_spec(found)
                )


class PlanTest(unittest.TestCase):
    def check(
        self,
        parts: list[ByteRange],
        expected: object,
        opened: tuple[int, int] | None = None,
        random_access: bool = True,
        calls_left: int = 3,
    ) -> None:
        """Compare the pairs of each read; the first are of what is opened."""
        found: object
        try:
            plan = planning.plan(
                parts,
                LIMITS,
                calls_left,
                ByteRange(*opened) if opened else None,
                random_access,
            )
        except TooCostly:
            found = TooCostly
        else:
            found = [
                pairs_of(plan.opened.parts) if plan.opened else [],
                *(pairs_of(read.parts) for read in plan.reads),
            ]
        self.assertEqual(expected, found)

    def test_nothing_opened(self) -> None:
        a, b, c = (0, 5), (15, 16), (27, 28)
        for parts, expected in (
            ([a], [[], [a]]),
            ([a, b], [[], [a, b]]),
            ([a, b, c], [[], [a, b], [c]]),
            # The order of the request, while it needs no more calls.
            ([c, b, a], [[], [c], [b], [a]]),
            ([b, a, c], [[], [b], [a], [c]]),
            ([(40, 41), c, b, a], [[], [a, b], [c], [(40, 41)]]),
            ([a, (FAR, FAR + 1), b], [[], [a], [(FAR, FAR + 1)], [b]]),
            ([(i * FAR, i * FAR + 1) for i in range(4)], TooCostly),
        ):
            with self.subTest(parts=parts):
                self.check(ranges(*parts), expected)

    def test_opened(self) -> None:
        a, b, c = (0, 5), (15, 16), (20, 25)
        for opened, parts, expected in (
            ((0, 5), [a], [[a]]),
            ((0, 16), [a, b], [[a, b]]),
            # What is not in it is asked for.
            ((0, 16), [a, b, c], [[a, b], [c]]),
            ((0, 5), [a, b, c], [[a], [b, c]]),
            ((0, 15), [a, b], [[a], [b]]),
            # It does not help.
            ((5, 6), [a, b], [[], [a, b]]),
            ((0, 4), [a], [[], [a]]),
        ):
            with self.subTest(parts=parts, opened=opened):
                self.check(ranges(*parts), expected, opened)
        self.check(ranges(a), TooCostly, (5, 6), calls_left=0)
        self.check(ranges(a), [[a]], (0, 5), calls_left=0)

    def test_cutting(self) -> None:
        a, b, c = (0, 5), (40, 41), (90, 91)
        for parts, expected in (
            # In one pass, however large the gaps.
            ([a, b, c], [[a, b, c]]),
            # Nearly as cheap in the order of the request.
            ([(5, 6), (3, 4)], [[(5, 6)], [(3, 4)]]),
            # The beginning would be read and discarded twice.
            ([c, b, a], [[a, b, c]]),
            ([(100, 101)], [[(100, 101)]]),
            ([(101, 102)], TooCostly),
            ([(1, 2), (102, 103)], TooCostly),
            ([(0, 2), (102, 103)], [[(0, 2), (102, 103)]]),
        ):
            with self.subTest(parts=parts):
                self.check(ranges(*parts), expected, (0, FAR), False)

    @hypothesis.given(
        st.lists(
            st.tuples(st.integers(0, 60), st.integers(1, 20)),
            min_size=1,
            max_size=8,
        ),
        st.booleans(),
        st.integers(0, 3),
        st.integers(0, 12),
    )
    def test_all_parts_within_the_limits(
        self,
        pairs: list[tuple[int, int]],
        random_access: bool,
        calls_left: int,
        max_gap: int,
    ) -> None:
        limits = Limits(max_gap, max_calls=4, max_discarded=100)
        specs = [RangeSpec(start, start + n - 1) for start, n in pairs]
        size = 80
        parts, _ = byte_ranges.coalesced(
            [
                part
                for each in specs
                if (part := byte_ranges.within(each, size))
            ]
        )
        opened = byte_ranges.within(planning.opening(specs, limits), size)
        if not random_access:
            opened = ByteRange(0, size)
        try:
            plan = planning.plan(
                parts, limits, calls_left, opened, random_access
            )
        except TooCostly:
            return
        self.assertIn(list(plan.parts), (list(parts), sorted_(parts)))
        self.assertLessEqual(len(plan.reads), calls_left)
        self.assertLessEqual(plan.discarded, 100)
        gap = max_gap if random_access else size
        self.assertEqual(plan.discarded, self.read_through(plan, gap))

    def read_through(self, plan: Plan, max_gap: int) -> int:
        """Count what is discarded, gap by gap, and check each gap."""
        total = 0
        for read in filter(None, (plan.opened, *plan.reads)):
            gaps = [read.parts[0].start - read.start]
            for one, other in zip(read.parts, read.parts[1:]):
                gaps.append(other.start - one.stop)
            self.assertGreaterEqual(min(gaps), 0)
            self.assertLessEqual(max(gaps), max_gap)
            total += sum(gaps)
        return total


def sorted_(parts: tuple[ByteRange, ...]) -> list[ByteRange]:
    return sorted(parts, key=lambda part: part.start)
