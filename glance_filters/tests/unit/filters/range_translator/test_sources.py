# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest
from typing import Any
from unittest import mock

from glance_filters.filters.range_translator import image_data, sources
from glance_filters.http.byte_ranges import ByteRange, RangeSpec
from glance_filters.tests.unit.filters.range_translator import fake_glance
from glance_filters.tests.unit.filters.range_translator.fake_glance import (
    DATA,
    SIZE,
    FakeGlance,
    Reply,
)
from glance_filters.wsgi import bodies

FIVE = RangeSpec(2, 6)


def part(**fields: str) -> dict[str, str]:
    return {"Content_Range": f"bytes 2-6/{SIZE}", **fields}


class SourceTest(unittest.TestCase):
    def setUp(self) -> None:
        self.glance = FakeGlance()
        self.data = image_data.ImageData(fake_glance.make_request(self.glance))
        log = mock.patch.object(sources.LOG, "exception")
        self.log = self.enterContext(log)

    def enterContext(self, manager: Any) -> Any:
        # unittest has it since Python 3.11.
        self.addCleanup(manager.__exit__, None, None, None)
        return manager.__enter__()

    def outcome(self, source: sources.Source, spec: RangeSpec) -> Any:
        """Open: the error's type, or what is there and the size."""
        try:
            opened = source.open(spec)
        except sources.Refused as error:
            error.response.close()
            return error.response.code
        except sources.Unsatisfied as error:
            return sources.Unsatisfied, error.size
        except sources.NoParts:
            return sources.NoParts
        span = (opened.span.start, opened.span.stop)
        found = b"".join(opened.read(opened.span))
        opened.close()
        return span, opened.size, opened.is_whole, found

    def tearDown(self) -> None:
        self.assertEqual(self.glance.opened, self.glance.closed)


class RangeSourceTest(SourceTest):
    def test_glance(self) -> None:
        source = sources.RangeSource(self.data)
        for spec, start, stop in (
            (FIVE, 2, 7),
            (RangeSpec(195, None), 195, SIZE),
            (RangeSpec(195, 999), 195, SIZE),
            (RangeSpec(None, 5), 195, SIZE),
            (RangeSpec(None, 999), 0, SIZE),
        ):
            with self.subTest(spec):
                self.assertEqual(
                    ((start, stop), SIZE, False, DATA[start:stop]),
                    self.outcome(source, spec),
                )
        self.assertEqual(
            (sources.Unsatisfied, None),
            self.outcome(source, RangeSpec(SIZE, None)),
        )
        self.assertNotIn("image", self.glance.asked)
        self.assertEqual(6, self.data.calls)

    def test_other_answers(self) -> None:
        right = ((2, 7), SIZE, False, b"abcde")
        whole = ((0, 5), 5, True, b"abcde")
        partial = "206 Partial Content"
        unsatisfied = "416 Range Not Satisfiable"
        none = sources.NoParts
        for name, reply, expected in (
            ("no length", Reply(partial, b"abcde", **part()), right),
            (
                "no size",
                Reply(partial, b"abcde", Content_Range="bytes 2-6/*"),
                right,
            ),
            (
                "another part",
                Reply(partial, Content_Range=f"bytes 2-7/{SIZE}"),
                none,
            ),
            (
                "a shorter image",
                Reply(partial, b"abc", Content_Range="bytes 2-4/5"),
                ((2, 5), 5, False, b"abc"),
            ),
            ("no part", Reply(partial), none),
            ("broken", Reply(partial, Content_Range="bytes 6-2/9"), none),
            (
                "another length",
                Reply(partial, **part(Content_Length="6")),
                none,
            ),
            (
                "a shorter length",
                Reply(partial, b"abcd", **part(Content_Length="4")),
                none,
            ),
            ("coded", Reply(partial, **part(Content_Encoding="gzip")), none),
            ("ignored", Reply("200 OK", b"abcde", Content_Length="5"), whole),
            (
                "ignored and coded",
                Reply("200 OK", Content_Encoding="gzip", Content_Length="5"),
                200,
            ),
            ("no random access", Reply("400 Bad Request"), none),
            ("failed", Reply("500 Internal Server Error"), none),
            ("raised", OSError("x"), none),
            ("not known", Reply("501 Not Implemented"), none),
            ("out of order", Reply("503 Service Unavailable"), 503),
            ("nobody", Reply("401 Unauthorized"), 401),
            ("forbidden", Reply("403 Forbidden"), 403),
            ("no data", Reply("204 No Content"), 204),
            ("elsewhere", Reply("307 Temporary Redirect"), 307),
            (
                "size told",
                Reply(unsatisfied, Content_Range="bytes */7"),
                (sources.Unsatisfied, 7),
            ),
            (
                "size told wrongly",
                Reply(unsatisfied, Content_Range="bytes */x"),
                (sources.Unsatisfied, None),
            ),
        ):
            with self.subTest(name):
                self.glance.replies = [reply]
                source = sources.RangeSource(self.data)
                self.assertEqual(expected, self.outcome(source, FIVE))
        self.assertEqual(1, self.log.call_count)

    def test_the_size_is_hidden(self) -> None:
        self.glance.image = None
        reply = Reply("206 Partial Content", Content_Range="bytes 2-6/*")
        self.glance.replies = [reply]
        source = sources.RangeSource(self.data)
        self.assertEqual(sources.NoParts, self.outcome(source, FIVE))


class WholeSourceTest(SourceTest):
    def test_open(self) -> None:
        for reply, expected in (
            (None, ((0, SIZE), SIZE, True, DATA)),
            (
                Reply("200 OK", DATA),
                ((0, SIZE), SIZE, True, DATA),
            ),
            (Reply("204 No Content"), 204),
            (Reply("206 Partial Content", **part()), 206),
        ):
            with self.subTest(expected=expected):
                self.glance.replies = [reply]
                source = sources.WholeSource(self.data)
                self.assertEqual(expected, self.outcome(source, FIVE))

    def test_no_size_at_all(self) -> None:
        self.glance.image = None
        self.glance.replies = [Reply("200 OK", b"abc")]
        opened = sources.WholeSource(self.data).open(FIVE)
        self.assertIsNone(opened.size)
        opened.close()


class AnySourceTest(SourceTest):
    def source(self) -> sources.AnySource:
        return sources.AnySource(self.data, sources.RangeSource(self.data))

    def test_parts(self) -> None:
        source = self.source()
        for _ in range(2):
            found = self.outcome(source, FIVE)
            self.assertEqual(((2, 7), SIZE, False, DATA[2:7]), found)
        self.assertEqual(["bytes=2-6"] * 2, self.glance.asked)

    def test_refused_once(self) -> None:
        whole = ((0, SIZE), SIZE, True, DATA)
        for reply, first in (
            (Reply("400 Bad Request"), ["bytes=2-6", ""]),
            (OSError("x"), ["bytes=2-6", ""]),
            # What was asked for is the whole already.
            (
                Reply("200 OK", DATA, Content_Length=str(SIZE)),
                ["bytes=2-6"],
            ),
        ):
            source = self.source()
            self.glance.asked.clear()
            self.glance.replies = [reply]
            self.assertEqual(whole, self.outcome(source, FIVE))
            self.assertEqual(first, self.glance.asked)
            self.assertEqual(whole, self.outcome(source, FIVE))
            self.assertEqual([*first, ""], self.glance.asked)

    def test_reason(self) -> None:
        self.glance.replies = [Reply("400 Bad Request")]
        source = self.source()
        self.outcome(source, FIVE)
        self.assertEqual("status 400 Bad Request", source.reason)


class OpenedTest(SourceTest):
    def test_parts_of_the_whole(self) -> None:
        opened = sources.WholeSource(self.data).open(FIVE)
        for start, stop in ((2, 7), (7, 8), (150, SIZE)):
            found = b"".join(opened.read(ByteRange(start, stop)))
            self.assertEqual(DATA[start:stop], found)
        opened.close()

    def test_the_end_must_be_one(self) -> None:
        reply = Reply("206 Partial Content", b"abcde", b"f", **part())
        self.glance.replies = [reply]
        opened = sources.RangeSource(self.data).open(FIVE)
        self.assertEqual(b"ab", b"".join(opened.read(ByteRange(2, 4))))
        with self.assertRaises(bodies.WrongLength):
            list(opened.read(ByteRange(4, 7)))
        opened.close()

    def test_finish(self) -> None:
        for is_whole, max_bytes, expected in (
            (True, SIZE, SIZE),
            (True, 194, SIZE),
            (True, 193, 7),
            (False, SIZE, 7),
        ):
            self.glance.taken = 0
            source: sources.Source = sources.WholeSource(self.data)
            if not is_whole:
                source = sources.RangeSource(self.data)
            opened = source.open(RangeSpec(0, 19))
            list(opened.read(ByteRange(0, 6)))
            opened.finish(max_bytes)
            with self.subTest(max_bytes, is_whole=is_whole):
                self.assertEqual(expected, self.glance.taken)
            opened.close()

    def test_finish_fails(self) -> None:
        self.glance.replies = [
            Reply("200 OK", b"abcde", OSError("x"), Content_Length="9")
        ]
        opened = sources.WholeSource(self.data).open(FIVE)
        list(opened.read(ByteRange(0, 5)))
        with mock.patch.object(sources.LOG, "warning") as log:
            opened.finish(SIZE)
        self.assertEqual(1, log.call_count)
        opened.close()

    def test_is_same(self) -> None:
        def opened(size: int, **fields: str) -> sources.Opened:
            self.glance.replies = [Reply("200 OK", **fields)]
            response = self.data.fetch()
            response.close()
            return sources.Opened(response, size)

        one = opened(5, Content_MD5="a")
        for other, expected in (
            (opened(5, Content_MD5="a"), True),
            (opened(5), True),
            (opened(5, Content_MD5="b"), False),
            (opened(6, Content_MD5="a"), False),
        ):
            self.assertEqual(expected, one.is_same(other))
            self.assertEqual(expected, other.is_same(one))


del SourceTest
