# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest
from typing import Any
from unittest import mock

from glance_filters.filters.range_translator import image_data, sources
from glance_filters.filters.range_translator.legacy import content_range
from glance_filters.http.byte_ranges import ByteRange, RangeSpec
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.filters.range_translator import fake_glance
from glance_filters.tests.unit.filters.range_translator.fake_glance import (
    CONTENT_RANGE,
    DATA,
    SIZE,
    TAG,
    FakeGlance,
    Reply,
)
from glance_filters.wsgi import bodies


class RespondTest(unittest.TestCase):
    @mock.patch.object(content_range, "LOG", mock.Mock())
    def test_rows(self) -> None:
        for understands in (fake_glance.RANGE, CONTENT_RANGE, None):
            for text, keys, expected in (
                (f"bytes 2-6/{SIZE}", {}, 206),
                ("bytes 2-6/*", {}, 206),
                ("bytes 2-6/999", {}, 416),
                ("bytes 6-2/*", {}, 416),
                ("bytes=2-6", {}, 416),
                ("bytes 2-6/*\n", {}, 416),
                (f"bytes {SIZE}-{SIZE}/*", {}, 416),
                ("bytes 2-6/*", {"HTTP_IF_NONE_MATCH": TAG}, 304),
                ("bytes x", {"HTTP_IF_NONE_MATCH": TAG}, 304),
                ("bytes x", {"HTTP_IF_MATCH": '"x"'}, 412),
            ):
                glance = FakeGlance(understands=understands)
                protocol = "range"
                if understands == CONTENT_RANGE:
                    protocol = "content-range"
                app = fake_glance.make_filter(glance, core_protocol=protocol)
                found = fake_glance.get(app, **{CONTENT_RANGE: text}, **keys)
                with self.subTest(text, keys=keys, understands=understands):
                    self.assertEqual(expected, found.status)
                    # A date of RFC 9651, as RFC 9745 asks.
                    self.assertRegex(
                        found.fields["deprecation"], r"\A@[0-9]+\Z"
                    )
                    self.assertIn('rel="deprecation"', found.fields["link"])
                    if expected == 206:
                        self.assertEqual(DATA[2:7], found.body)
                    if expected == 416:
                        self.assertEqual(
                            f"bytes */{SIZE}", found.fields["content-range"]
                        )
                self.assertEqual(glance.opened, glance.closed)


class ContentRangeSourceTest(unittest.TestCase):
    def setUp(self) -> None:
        self.glance = FakeGlance(understands=CONTENT_RANGE)
        self.data = image_data.ImageData(fake_glance.make_request(self.glance))
        self.source = content_range.ContentRangeSource(self.data)
        self.addCleanup(self.check_closed)

    def check_closed(self) -> None:
        self.assertEqual(self.glance.opened, self.glance.closed)

    def read(self, spec: RangeSpec) -> bytes:
        opened = self.source.open(spec)
        try:
            return b"".join(opened.read(opened.span))
        finally:
            opened.close()

    def test_exact_parts(self) -> None:
        for spec, asked, expected in (
            (RangeSpec(2, 6), f"bytes 2-6/{SIZE}", DATA[2:7]),
            (RangeSpec(195, 999), f"bytes 195-199/{SIZE}", DATA[195:]),
            (RangeSpec(195, None), f"bytes 195-199/{SIZE}", DATA[195:]),
            (RangeSpec(None, 3), f"bytes 197-199/{SIZE}", DATA[197:]),
        ):
            self.glance.asked.clear()
            self.assertEqual(expected, self.read(spec))
            self.assertEqual(asked, self.glance.asked[-1])

    def test_newton_does_not_end(self) -> None:
        # It promises the whole and keeps the connection open after the part.
        never = AssertionError("asked for more than the part")
        for chunks in ((b"abcde",), (b"ab", b"cde"), (b"ab", b"", b"cde")):
            self.glance.replies = [
                Reply("200 OK", *chunks, never, Content_Length=str(SIZE))
            ]
            self.assertEqual(b"abcde", self.read(RangeSpec(2, 6)))

    def test_what_breaks_it(self) -> None:
        for reply in (
            # It ignores the field.
            Reply("200 OK", DATA, Content_Length=str(SIZE)),
            Reply("206 Partial Content", b"abcd"),
            Reply("206 Partial Content", b"abcde", b"f", Content_Length="5"),
        ):
            self.glance.replies = [reply]
            with self.assertRaises(bodies.WrongLength):
                self.read(RangeSpec(2, 6))

    def test_no_parts(self) -> None:
        self.glance.replies = [Reply("400 Bad Request", b"x")]
        with self.assertRaises(sources.NoParts):
            self.source.open(RangeSpec(2, 6))
        self.glance.image = None
        data = image_data.ImageData(fake_glance.make_request(self.glance))
        with self.assertRaises(sources.NoParts):
            content_range.ContentRangeSource(data).open(RangeSpec(2, 6))

    def test_unsatisfiable(self) -> None:
        with self.assertRaises(sources.Unsatisfied) as caught:
            self.source.open(RangeSpec(SIZE, None))
        self.assertEqual(SIZE, caught.exception.size)
        # Whether the user may download, only Glance knows.
        self.glance.replies = [Reply("403 Forbidden", b"x")]
        with self.assertRaises(sources.Refused) as refused:
            self.source.open(RangeSpec(SIZE, None))
        refused.exception.response.close()

    def test_span(self) -> None:
        opened = self.source.open(RangeSpec(2, 6))
        self.assertEqual(ByteRange(2, 7), opened.span)
        self.assertFalse(opened.is_whole)
        opened.close()


class DeprecationLogTest(unittest.TestCase):
    def test_once_an_hour_for_each_agent(self) -> None:
        log = content_range.DeprecationLog()
        lines: list[str] = []
        clock = mock.patch("time.monotonic")
        logger = mock.patch.object(content_range.LOG, "warning")
        with clock as monotonic, logger as warning:
            warning.side_effect = lambda text, agent: lines.append(agent)
            monotonic.return_value = 5000.0
            for agent in ("one", "other", "one", "one"):
                environ = fakes.environ_of("GET", "/", HTTP_USER_AGENT=agent)
                log.note(environ)
            log.note(fakes.environ_of("GET", "/"))
            for seconds in (3599.0, 1.0):
                monotonic.return_value += seconds
                log.note(fakes.environ_of("GET", "/", HTTP_USER_AGENT="one"))
        self.assertEqual(["one", "other", "", "one"], lines)

    def test_agents_are_forgotten(self) -> None:
        log = content_range.DeprecationLog()
        warning: Any
        with mock.patch.object(content_range.LOG, "warning") as warning:
            for number in range(1001):
                self.assertEqual(number, len(log._logged))
                agent = str(number)
                log.note(fakes.environ_of("GET", "/", HTTP_USER_AGENT=agent))
        self.assertEqual(1001, warning.call_count)
        self.assertEqual(1, len(log._logged))
