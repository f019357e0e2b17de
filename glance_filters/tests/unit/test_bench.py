# SPDX-License-Identifier: Apache-2.0

"""Tests for what the benchmarks make of what they measure."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import testtools

from bench import figures, goals, measure, table, wrk

WRK_TEXT = """\
Running 3s test @ http://127.0.0.1:9292/v2/images
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    41.24ms    5.51ms  62.92ms   78.33%
    Req/Sec   193.47     23.84   232.00     60.00%
  Latency Distribution
     50%   40.70ms
     75%   44.05ms
     90%   47.75ms
     99%   57.01ms
  580 requests in 3.01s, 0.91MB read
Requests/sec:    192.86
Transfer/sec:    310.06KB
"""


class FiguresTest(testtools.TestCase):
    def test_durations(self) -> None:
        for seconds, text in (
            (0.0, "0 ns"),
            (57.34e-9, "57.3 ns"),
            (-57.34e-9, "-57.3 ns"),
            (1.2345e-6, "1.23 us"),
            (20.04e-6, "20.0 us"),
            (0.123456, "123 ms"),
            (61.0, "61.0 s"),
        ):
            self.assertEqual(text, figures.duration(seconds))

    def test_sizes(self) -> None:
        for count, text in (
            (0, "0 B"),
            (1000, "1000 B"),
            (1024, "1 KiB"),
            (1536, "1.50 KiB"),
            (100 * 2**30, "100 GiB"),
        ):
            self.assertEqual(text, figures.size(count))


class GoalTest(testtools.TestCase):
    def test_verdicts_are_of_the_value_as_measured(self) -> None:
        for limit, value, at_most, verdict in (
            (2, 2.0, True, "reached"),
            # What is shown as 2.00 may be above the limit.
            (2, 2.001, True, "**missed**"),
            (0.9, 0.9, False, "reached"),
            (0.9, 0.8999, False, "**missed**"),
        ):
            goal = goals.Goal("each", limit, value, at_most)
            self.assertEqual(verdict, goal.row()[-1])

    def test_row(self) -> None:
        goal = goals.Goal("added", 20e-6, 19.5e-6, write=figures.duration)
        self.assertEqual(
            ("added", "≤ 20.0 us", "19.5 us", "reached"), goal.row()
        )


class MeasureTest(testtools.TestCase):
    def test_pairs_are_of_one_turn(self) -> None:
        # The machine is twice as slow in the second half.
        found = measure.pair([1.0, 1.0, 2.0, 2.0], [1.5, 1.5, 3.0, 3.0])
        self.assertEqual(1.5, found.ratio)
        self.assertEqual(0.75, found.added)
        self.assertEqual(1 / 1.5, found.throughput)
        self.assertEqual((1.5, 2.25), (found.base, found.side))

    def test_each_side_gets_its_turn_in_each_round(self) -> None:
        done: list[str] = []

        def turn_of(name: str) -> measure.Turn:
            ticks = itertools.count()

            def turn() -> float:
                done.append(name)
                return float(next(ticks))

            return turn

        taken = measure.in_turns({n: turn_of(n) for n in "abc"}, 5)
        for values in taken.values():
            # Those that come before these do not count.
            self.assertEqual([3.0, 4.0, 5.0, 6.0, 7.0], values)
        rounds = ["".join(done[i : i + 3]) for i in range(0, len(done), 3)]
        self.assertEqual({"abc"}, {"".join(sorted(r)) for r in rounds})
        self.assertEqual(set("abc"), {each[0] for each in rounds})

    def test_what_is_prepared_is_not_timed(self) -> None:
        calls: list[str] = []

        def prepare() -> Callable[[], object]:
            calls.append("prepare")
            return functools.partial(calls.append, "timed")

        self.assertThat(
            measure.prepared(prepare)(), testtools.matchers.LessThan(1.0)
        )
        self.assertEqual(["prepare", "timed"], calls)


class TableTest(testtools.TestCase):
    section = table.Section(
        "Title", "A note.", ("", "time"), [("a", "1 us"), ("bc", "20 us")]
    )

    def test_text(self) -> None:
        self.assertEqual(
            "Title\n\nA note.\n\n     time\n--  -----\na    1 us\nbc  20 us",
            table.section_text(self.section),
        )

    def test_rst(self) -> None:
        title, note, rows = table.section_rst(self.section)
        self.assertEqual("Title\n-----", title)
        self.assertEqual("A note.", note)
        self.assertEqual(
            ".. list-table::\n   :header-rows: 1\n\n"
            "   * -\n     - time\n   * - a\n     - 1 us\n"
            "   * - bc\n     - 20 us",
            rows,
        )


class WrkTest(testtools.TestCase):
    def test_what_it_tells(self) -> None:
        self.assertEqual(wrk.Load(192.86, 0.05701), wrk.read(WRK_TEXT))

    def test_failures_are_no_figures(self) -> None:
        for text in (
            WRK_TEXT + "  Non-2xx or 3xx responses: 580\n",
            WRK_TEXT.replace(
                "Requests/sec",
                "  Socket errors: connect 0, read 1\nRequests/sec",
            ),
            "",
        ):
            with testtools.ExpectedException(ValueError):
                wrk.read(text)
