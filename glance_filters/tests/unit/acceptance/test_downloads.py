# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import dataclasses
from typing import Any

import testtools

from glance_filters.acceptance import downloads, scratch
from glance_filters.acceptance.downloads import DATA
from glance_filters.tests.unit.acceptance.cases import answer, run

CHECKS = {check.asked: check for check in downloads.CHECKS}
PART: dict[str, Any] = {
    "Content_Range": "bytes 12-30/1000",
    "Content_Length": "19",
}


class DownloadsTest(testtools.TestCase):
    """A check holds for the right answer, and for no other."""

    def check(self, asked: str, *answers: Any) -> None:
        right, *wrong = answers
        self.assertTrue(run(CHECKS[asked], right).holds, asked)
        for status in (right.status - 1, right.status + 1):
            wrong.append(dataclasses.replace(right, status=status))
        for each in wrong:
            self.assertFalse(run(CHECKS[asked], each).holds, str(each))

    def test_a_part(self) -> None:
        right = answer(206, DATA[12:31], **PART)
        for asked in (
            "GET file, Range: bytes=12-30",
            "GET file, Content-Range: bytes 12-30/1000",
        ):
            self.check(
                asked,
                right,
                answer(200, DATA),
                answer(206, DATA[:19], **PART),
                answer(206, DATA[12:30], **PART),
                answer(206, DATA[12:32], **PART),
                answer(206, DATA[12:31], Content_Range="bytes 11-30/1000"),
                answer(206, DATA[12:31], Content_Range="bytes 12-31/1000"),
                answer(206, DATA[12:31]),
                dataclasses.replace(right, cut="breaks off"),
            )

        self.check(
            "GET file, Range: bytes=-5",
            answer(206, DATA[-5:], Content_Range="bytes 995-999/1000"),
            answer(206, DATA[:5], Content_Range="bytes 995-999/1000"),
            answer(206, DATA[-5:], Content_Range="bytes 994-999/1000"),
        )

    def test_several(self) -> None:
        body = DATA[:5] + b"bytes 997-999/1000" + DATA[-3:]
        kind = {"Content_Type": "multipart/byteranges; boundary=x"}
        self.check(
            "GET file, Range: bytes=0-4,-3",
            answer(206, body, **kind),
            answer(206, body),
            answer(206, DATA[:5], **kind),
            answer(206, body[:-3], **kind),
            answer(206, body[:-3] + DATA[-2:], **kind),
            answer(206, body[5:], **kind),
            answer(206, DATA[:5] + DATA[-3:], **kind),
            answer(200, body, **kind),
            dataclasses.replace(answer(206, body, **kind), cut="breaks off"),
            answer(400),
        )

    def test_unsatisfiable(self) -> None:
        self.check(
            "GET file, Range: bytes=1000-",
            answer(416, Content_Range="bytes */1000"),
            answer(416),
            answer(416, Content_Range="bytes */100"),
            answer(416, Content_Range="bytes */999"),
            answer(200, DATA, Content_Range="bytes */1000"),
        )

    def test_whole(self) -> None:
        fields = {"ETag": '"x"', "Accept_Ranges": "bytes"}
        self.check(
            "GET file",
            answer(200, DATA, **fields),
            answer(200, DATA, ETag='"x"'),
            answer(200, DATA, Accept_Ranges="bytes"),
            answer(200, DATA, **{**fields, "Accept_Ranges": "none"}),
            answer(200, DATA[1:], **fields),
            answer(200, DATA[:-1], **fields),
            answer(200, DATA + b"x", **fields),
            answer(200, DATA, **{**fields, "Accept_Ranges": "a"}),
            answer(206, DATA, **fields),
            dataclasses.replace(answer(200, DATA, **fields), cut="x"),
        )
        self.check(
            "HEAD file",
            answer(200, Content_Length="1000"),
            answer(200, Content_Length="0"),
            answer(200, Content_Length="1001"),
            answer(404, Content_Length="1000"),
            answer(405),
        )

    def test_conditions(self) -> None:
        for asked, status, other in (
            ("GET file, If-None-Match: *", 304, 200),
            ('GET file, If-Match: "another"', 412, 200),
        ):
            self.check(asked, answer(status), answer(other, DATA))
        self.check(
            'GET file, If-Range: "another", Range: bytes=12-30',
            answer(200, DATA),
            answer(206, DATA[12:31], **PART),
        )

    def test_what_is_asked_and_told(self) -> None:
        several = {"Content_Type": "multipart/byteranges; boundary=x"}
        unsatisfied = {"Content_Range": "bytes */1000"}
        for asked, given, expected, text in (
            (
                "GET file, Range: bytes=12-30",
                answer(206, DATA[12:31], **PART),
                "206, bytes 12-30/1000, 19 bytes",
                "206 Partial Content, bytes 12-30/1000, 19 bytes",
            ),
            (
                "GET file, Range: bytes=-5",
                answer(400, Deprecation="@1"),
                "206, bytes 995-999/1000, 5 bytes",
                "400 Bad Request, Deprecation",
            ),
            (
                "GET file, Range: bytes=0-4,-3",
                answer(206, b"x", **several),
                "206, multipart/byteranges",
                "206 Partial Content, multipart/byteranges, 1 bytes",
            ),
            (
                "GET file, Range: bytes=1000-",
                answer(416, b"x", **unsatisfied),
                "416, bytes */1000",
                "416 Range Not Satisfiable, bytes */1000",
            ),
            (
                "GET file",
                dataclasses.replace(
                    answer(200, DATA, ETag='"x"'), cut="breaks off"
                ),
                "200, ETag, 1000 bytes",
                "200 OK, promises more bytes, sends 1000 and breaks off, ETag",
            ),
            (
                "GET file",
                answer(200, DATA, ETag='"x"'),
                "200, ETag, 1000 bytes",
                "200 OK, ETag, 1000 bytes",
            ),
            (
                "HEAD file",
                answer(200, Content_Length="1000"),
                "200, Content-Length: 1000",
                "200 OK, Content-Length: 1000",
            ),
            (
                "HEAD file",
                answer(404),
                "200, Content-Length: 1000",
                "404 Not Found",
            ),
            (
                'GET file, If-Range: "another", Range: bytes=12-30',
                answer(200, DATA),
                "200, 1000 bytes",
                "200 OK, 1000 bytes",
            ),
            (
                "GET file, Content-Range: bytes 12-30/1000",
                answer(206, b"x"),
                "206, bytes 12-30/1000, 19 bytes",
                "206 Partial Content, 1 bytes",
            ),
            (
                "GET file, If-None-Match: *",
                answer(304),
                "304",
                "304 Not Modified",
            ),
            (
                'GET file, If-Match: "another"',
                answer(412),
                "412",
                "412 Precondition Failed",
            ),
        ):
            check, found = CHECKS[asked], list[Any]()
            self.assertEqual(text, run(check, given, "", found).text)
            self.assertEqual(expected, check.expected)
            method = asked.partition(" ")[0]
            self.assertEqual([f"{method} /v2/images/x/file"], found)

    def test_versions(self) -> None:
        asked = "GET versions; GET image by the URL of the CURRENT one"
        document = {"versions": [{"id": "v2.4", "status": "CURRENT"}]}
        self.check(asked, answer(200, document), answer(300, document))
        found: list[Any] = []
        seen = run(CHECKS[asked], answer(200, document), "", found)
        self.assertEqual(["GET /versions", {}, "GET /v2.4/images/x"], found)
        self.assertEqual("v2.4, 200 OK", seen.text)
        self.assertEqual("200", CHECKS[asked].expected)
        others: list[dict[str, Any]] = [
            {},
            {"versions": []},
            {"versions": [{"id": "v2.4"}]},
            {"versions": [{"id": "v2.4", "status": "SUPPORTED"}]},
            {"versions": [{"id": "v2.4", "status": "BETA"}]},
            {"versions": [{"id": "x", "status": "CURRENT"}]},
        ]
        for other in others:
            self.assertRaises(
                scratch.NotTried, run, CHECKS[asked], answer(200, other)
            )
