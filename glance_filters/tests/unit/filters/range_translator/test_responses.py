# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import itertools
import logging
import unittest
from typing import Any
from unittest import mock

from glance_filters.filters.range_translator import responses
from glance_filters.tests.unit.filters.range_translator import fake_glance
from glance_filters.tests.unit.filters.range_translator.fake_glance import (
    DATA,
    IMAGE_ID,
    MD5,
    SIZE,
    TAG,
    Answer,
    FakeGlance,
    Reply,
)

SEVERAL = "bytes=0-4,190-194"
BEYOND = f"bytes={SIZE}-"
MATCH, NONE_MATCH = "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"
IF_RANGE = "HTTP_IF_RANGE"


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.glance = FakeGlance()

    def get(
        self,
        text: str | None = None,
        method: str = "GET",
        **keys: Any,
    ) -> Answer:
        options = keys.pop("options", {})
        app = fake_glance.make_filter(self.glance, **options)
        self.glance.asked.clear()
        self.glance.taken = 0
        found = fake_glance.get(app, text, method, **keys)
        self.assertEqual(self.glance.opened, self.glance.closed)
        return found

    def check_part(self, found: Answer, start: int, stop: int) -> None:
        self.assertEqual(206, found.status)
        self.assertEqual(
            f"bytes {start}-{stop - 1}/{SIZE}", found.fields["content-range"]
        )
        self.assertEqual(str(stop - start), found.fields["content-length"])
        self.assertEqual(DATA[start:stop], found.body)
        self.assertEqual("bytes", found.fields["accept-ranges"])
        self.assertNotIn("content-md5", found.fields)

    def check_parts(self, found: Answer, *parts: tuple[int, int]) -> None:
        self.assertEqual(206, found.status)
        kind, _, boundary = found.fields["content-type"].partition("=")
        self.assertEqual("multipart/byteranges; boundary", kind)
        self.assertEqual(str(len(found.body)), found.fields["content-length"])
        expected = b"".join(
            f"\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Range: bytes {a}-{b - 1}/{SIZE}\r\n\r\n".encode()
            + DATA[a:b]
            for a, b in parts
        )
        self.assertEqual(
            expected + f"\r\n--{boundary}--\r\n".encode(), found.body
        )

    def check_whole(self, found: Answer) -> None:
        self.assertEqual(200, found.status)
        self.assertEqual(DATA, found.body)
        self.assertNotIn("content-range", found.fields)


class WholeTest(Case):
    def test_fields(self) -> None:
        found = self.get()
        self.check_whole(found)
        self.assertEqual(
            {
                "content-type": "application/octet-stream",
                "content-length": str(SIZE),
                "content-md5": MD5,
                "accept-ranges": "bytes",
                "etag": TAG,
                "cache-control": "private, no-cache",
            },
            found.fields,
        )
        self.assertEqual([""], self.glance.asked)

    def test_head(self) -> None:
        found = self.get(method="HEAD")
        self.assertEqual(self.get().fields, found.fields)
        self.assertEqual(b"", found.body)
        self.assertEqual(0, self.get(BEYOND, method="HEAD").body.__len__())
        self.assertEqual([""], self.glance.asked)
        self.assertEqual(0, self.glance.taken)

    def test_length_that_is_not_told(self) -> None:
        for method, image, asked, expected in (
            ("HEAD", True, ["", "image"], str(SIZE)),
            ("HEAD", False, ["", "image"], None),
            ("GET", True, [""], None),
        ):
            glance = self.glance = FakeGlance()
            if not image:
                glance.image = None
            glance.replies = [Reply("200 OK", DATA, Content_MD5=MD5)]
            found = self.get(method=method)
            with self.subTest(method, image=image):
                self.assertEqual(asked, glance.asked)
                self.assertEqual(expected, found.fields.get("content-length"))

    def test_length_that_the_cache_of_glance_knows(self) -> None:
        # It takes the field away, and leaves the image that it has read.
        app = fake_glance.make_filter(self.glance)

        for size, expected in ((SIZE, str(SIZE)), (None, None), ("5", None)):
            self.glance.replies = [Reply("200 OK", DATA, Content_MD5=MD5)]
            self.glance.left = {"api.cache.image": mock.Mock(size=size)}
            found = fake_glance.get(app)
            self.assertEqual(expected, found.fields.get("content-length"))
        self.assertEqual([""] * 3, self.glance.asked)

    def test_what_glance_says(self) -> None:
        for status in (
            "204 No Content",
            "401 Unauthorized",
            "403 Forbidden",
            "404 Not Found",
            "503 Service Unavailable",
        ):
            for method, text in (
                ("GET", None),
                ("GET", "bytes=0-1"),
                ("GET", SEVERAL),
                ("GET", "bytes=-0"),
                ("HEAD", None),
            ):
                self.glance.replies = [Reply(status, X_Test="1")]
                if status[0] != "2":
                    reply = Reply(status, b"why", Content_Type="text/plain")
                    self.glance.replies = [reply]
                found = self.get(text, method, **{NONE_MATCH: "*"})
                with self.subTest(status, method=method, text=text):
                    self.assertEqual(int(status[:3]), found.status)
                    self.assertNotIn("etag", found.fields)
                    self.assertEqual(1, len(self.glance.asked))

    def test_a_coding(self) -> None:
        # Under a strong tag of what is not coded, it would break downloads.
        reply = Reply(
            "200 OK",
            b"zz",
            Content_Type="application/octet-stream",
            Content_Encoding="gzip",
            Content_MD5=MD5,
        )
        for text, method in ((None, "GET"), ("bytes=0-1", "GET")):
            self.glance.replies = [reply]
            found = self.get(text, method)
            self.assertEqual((200, b"zz"), (found.status, found.body))
            self.assertNotIn("etag", found.fields)
            self.assertNotIn("accept-ranges", found.fields)

    def test_tags_without_an_md5(self) -> None:
        image = self.glance.image
        assert image is not None
        image["checksum"] = None
        for change, expected in (
            ({}, '"[0-9a-f]{128}"'),
            ({"os_hash_value": None}, 'W/"[0-9a-f]{32}"'),
            ({"os_hash_value": "00\r\n" * 32}, 'W/"[0-9a-f]{32}"'),
        ):
            image.update(change)
            for text in (None, "bytes=0-1", SEVERAL, "bytes=-1"):
                tag = self.get(text).fields["etag"]
                self.assertRegex(tag, rf"\A{expected}\Z")
                found = self.get(text, HTTP_IF_NONE_MATCH=tag)
                self.assertEqual(304, found.status)
                self.assertEqual(tag, found.fields["etag"])
                # A weak tag does not vouch for the bytes.
                found = self.get("bytes=0-1", HTTP_IF_RANGE=tag)
                weak = tag.startswith("W/")
                self.assertEqual(200 if weak else 206, found.status)
        before = self.get().fields["etag"]
        image["updated_at"] = "2026-01-03T00:00:00Z"
        self.assertNotEqual(before, self.get().fields["etag"])
        image["updated_at"] = None
        self.assertNotIn("etag", self.get().fields)
        self.glance.image = None
        self.assertNotIn("etag", self.get().fields)

    def test_digest_on_demand(self) -> None:
        self.assertNotIn("repr-digest", self.get("bytes=-1").fields)
        for text in (None, "bytes=0-1"):
            found = self.get(text, HTTP_WANT_REPR_DIGEST="sha-512=1")
            self.assertRegex(
                found.fields["repr-digest"], r"\Asha-512=:[A-Za-z0-9+/=]+:\Z"
            )

    def test_cache_control(self) -> None:
        for options, of_glance, expected in (
            ({}, None, "private, no-cache"),
            ({"cache_control": "no-store"}, None, "no-store"),
            ({"cache_control": ""}, None, None),
            ({}, "public, max-age=5", "public, max-age=5"),
        ):
            self.glance.headers = []
            if of_glance:
                self.glance.headers = [("Cache-Control", of_glance)]
            for text, keys, code in (
                (None, {}, 200),
                ("bytes=0-1", {}, 206),
                (SEVERAL, {}, 206),
                (None, {NONE_MATCH: TAG}, 304),
            ):
                found = self.get(text, options=options, **keys)
                self.assertEqual(code, found.status)
                value = found.fields.get("cache-control")
                self.assertEqual(expected, value)

    def test_fields_of_filters_behind(self) -> None:
        self.glance.headers = [("X-Other", "1"), ("Vary", "Cookie")]
        for text in (None, "bytes=0-1", SEVERAL):
            self.assertEqual("1", self.get(text).fields["x-other"])
        found = self.get(HTTP_IF_NONE_MATCH=TAG).fields
        self.assertEqual("Cookie", found["vary"])
        self.assertNotIn("x-other", found)


class PartialTest(Case):
    def test_one(self) -> None:
        for text, start, stop in (
            ("bytes=0-0", 0, 1),
            ("bytes=190-", 190, SIZE),
            ("bytes=190-999", 190, SIZE),
            ("bytes=-7", SIZE - 7, SIZE),
            ("bytes=-999", 0, SIZE),
            # They are one.
            ("bytes=0-4,5-9", 0, 10),
            ("bytes=5-9,0-4", 0, 10),
        ):
            with self.subTest(text):
                self.check_part(self.get(text), start, stop)
                self.assertEqual(1, len(self.glance.asked))
                self.assertEqual(stop - start, self.glance.taken)

    def test_several(self) -> None:
        near, far = {"max_gap": "200"}, {"max_gap": "10"}
        for text, options, parts, asked in (
            (SEVERAL, near, [(0, 5), (190, 195)], ["bytes=0-194"]),
            (
                SEVERAL,
                far,
                [(0, 5), (190, 195)],
                ["bytes=0-4", "bytes=190-194"],
            ),
            (
                "bytes=190-194,0-4",
                near,
                [(190, 195), (0, 5)],
                ["bytes=190-194", "bytes=0-4"],
            ),
            (
                "bytes=9-9,7-7,5-5,3-3,1-1",
                near,
                [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10)],
                ["bytes=1-9"],
            ),
            (
                "bytes=0-4,-5",
                near,
                [(0, 5), (195, 200)],
                ["bytes=0-4", "bytes=195-199"],
            ),
            # What was asked first turns out to be of no use.
            (
                "bytes=120-124,-100,0-0",
                far,
                [(100, 200), (0, 1)],
                ["bytes=120-124", "bytes=100-199", "bytes=0-0"],
            ),
            ("bytes=500-,0-0,9-9", far, [(0, 1), (9, 10)], None),
            ("bytes=500-,0-0,9-9", near, [(0, 1), (9, 10)], None),
        ):
            with self.subTest(text, options=options):
                found = self.get(text, options=options)
                if parts:
                    self.check_parts(found, *parts)
                if asked is not None:
                    self.assertEqual(asked, self.glance.asked)
                self.assertLessEqual(len(self.glance.asked), 4)

    def test_type_of_the_data(self) -> None:
        for of_glance, expected in (
            ("text/plain", "text/plain"),
            ("", "application/octet-stream"),
        ):
            fields = {
                "Content_Type": of_glance,
                "Content_Range": f"bytes 0-4/{SIZE}",
            }
            reply = Reply("206 Partial Content", DATA[:5], **fields)
            self.glance.replies = [reply]
            found = self.get("bytes=0-4")
            self.check_part(found, 0, 5)
            self.assertEqual(expected, found.fields["content-type"])

    def test_refused_when_it_is_asked_anew(self) -> None:
        """Not in the middle of a response that has begun."""
        self.glance.replies = [None, Reply("403 Forbidden")]
        found = self.get("bytes=120-124,-100,0-0", options={"max_gap": "10"})
        self.assertEqual(403, found.status)
        self.assertEqual(2, len(self.glance.asked))

    def test_too_costly(self) -> None:
        for text, options in (
            ("bytes=0-0,50-50,100-100", {"max_gap": "10", "max_calls": "2"}),
            ("bytes=0-0,9-9,20-20", {"max_discarded": "10"}),
            ("bytes=0-,0-", {}),
            ("bytes=0-0,5-5,9-9", {"max_ranges": "2"}),
        ):
            with self.subTest(text):
                self.check_whole(self.get(text, options=options))
                self.assertLessEqual(len(self.glance.asked), 2)

    def test_unsatisfiable(self) -> None:
        for text in (BEYOND, "bytes=-0", "bytes=-0,300-", "bytes=400-,300-"):
            found = self.get(text)
            self.assertEqual(416, found.status)
            self.assertEqual(f"bytes */{SIZE}", found.fields["content-range"])
            self.assertEqual(2, len(self.glance.asked))
            self.assertEqual(0, self.glance.taken)
            self.assertNotIn("", self.glance.asked)

    def test_unsatisfiable_of_a_size_that_is_told(self) -> None:
        self.glance.replies = [
            Reply(
                "416 Range Not Satisfiable",
                Content_Range="bytes */7",
                Content_MD5=MD5,
            )
        ]
        found = self.get(BEYOND)
        self.assertEqual(416, found.status)
        self.assertEqual("bytes */7", found.fields["content-range"])

    def test_unsatisfiable_of_no_size(self) -> None:
        self.glance.image = None
        self.glance.replies = [None, Reply("200 OK", DATA)]
        self.check_whole(self.get(BEYOND))

    def test_glance_errs(self) -> None:
        # It says 416, but the image has the range: the whole, in the end.
        unsatisfied = Reply("416 Range Not Satisfiable")
        self.glance.replies = [unsatisfied] * 4
        self.check_whole(self.get("bytes=0-4"))
        self.assertEqual(4, self.glance.asked.count("bytes=0-4"))
        self.glance.replies = [unsatisfied]
        self.check_part(self.get("bytes=0-4"), 0, 5)

    def test_one_part_after_an_empty_one(self) -> None:
        self.check_part(self.get("bytes=500-,3-4"), 3, 5)

    def test_no_random_access(self) -> None:
        self.glance.understands = None
        for text, parts, asked in (
            ("bytes=2-6", [(2, 7)], ["bytes=2-6", ""]),
            ("bytes=-5", [(195, 200)], ["bytes=-5", ""]),
            (SEVERAL, [(0, 5), (190, 195)], ["bytes=0-4", ""]),
            (
                "bytes=190-194,0-4",
                [(190, 195), (0, 5)],
                ["bytes=190-194", "", ""],
            ),
            (
                "bytes=190-194,180-184",
                [(180, 185), (190, 195)],
                ["bytes=190-194", ""],
            ),
        ):
            found = self.get(text, options={"max_gap": "150"})
            if len(parts) == 1:
                self.check_part(found, *parts[0])
            else:
                self.check_parts(found, *parts)
            self.assertEqual(asked, self.glance.asked)
        for text in (BEYOND, "bytes=-0"):
            self.assertEqual(416, self.get(text).status)
        found = self.get("bytes=150-", options={"max_discarded": "149"})
        self.check_whole(found)
        self.assertEqual(["bytes=150-", ""], self.glance.asked)

    def test_read_out_for_the_cache_of_glance(self) -> None:
        self.glance.understands = None
        for max_gap, expected in (("193", SIZE), ("192", 7)):
            found = self.get("bytes=2-6", options={"max_gap": max_gap})
            self.check_part(found, 2, 7)
            self.assertEqual(expected, self.glance.taken)

    def test_log_of_what_is_discarded(self) -> None:
        much = 8 * 2**20
        whole = Reply(
            "200 OK",
            bytes(much + 2),
            Content_Length=str(much + 2),
            Content_MD5=MD5,
        )
        with self.assertLogs(responses.__name__, logging.INFO) as logs:
            for start in (much, much + 1):
                self.glance.replies = [Reply("400 Bad Request"), whole]
                found = self.get(f"bytes={start}-{start}")
                self.assertEqual((206, b"\0"), (found.status, found.body))
        (line,) = logs.output
        self.assertIn(f"{much + 1} bytes", line)
        self.assertIn(IMAGE_ID, line)
        self.assertIn("400", line)


class ConditionsTest(Case):
    """RFC 9110, 13.2.2: what decides without Range, decides with it."""

    def test_all_combinations(self) -> None:
        other, weak = '"x"', f"W/{TAG}"
        values = {
            MATCH: (None, TAG, other, weak, "*", "broken"),
            NONE_MATCH: (None, TAG, other, weak, "*", "broken"),
            IF_RANGE: (
                None,
                TAG,
                other,
                weak,
                "Sat, 29 Oct 1994 19:43:31 GMT",
            ),
        }
        for understands in (fake_glance.RANGE, None):
            self.glance.understands = understands
            for chosen in itertools.product(*values.values()):
                keys = {
                    name: value
                    for name, value in zip(values, chosen)
                    if value is not None
                }
                plain = self.get(**keys)
                honoured = keys.get(IF_RANGE, TAG) == TAG
                for text, code in (
                    ("bytes=0-1", 206),
                    (SEVERAL, 206),
                    ("bytes=-2", 206),
                    (BEYOND, 416),
                    ("bytes=-0", 416),
                    ("bytes=5-3", 200),
                ):
                    found = self.get(text, **keys)
                    expected = plain.status
                    if expected == 200 and honoured:
                        expected = code
                    self.assertEqual(expected, found.status, (text, keys))
                    if expected == 200:
                        self.check_whole(found)
                    if expected == 304:
                        self.assertEqual(plain.fields, found.fields)

    def test_values(self) -> None:
        for keys, expected in (
            ({NONE_MATCH: TAG}, 304),
            ({NONE_MATCH: '"x"'}, 200),
            ({MATCH: '"x"'}, 412),
            ({MATCH: '"x"', NONE_MATCH: TAG}, 412),
            ({MATCH: TAG}, 200),
        ):
            for method in ("GET", "HEAD"):
                found = self.get(method=method, **keys)
                self.assertEqual(expected, found.status)
                self.assertEqual(0, self.glance.taken * (expected != 200))
