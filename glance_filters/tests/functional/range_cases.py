# SPDX-License-Identifier: Apache-2.0

"""What clients get from range_translator, whatever stands behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import testtools

from glance_filters.tests.fixtures import counting, http_client

# No two positions have the same bytes around them.
DATA = b"".join(number.to_bytes(4, "big") for number in range(50_000))
SIZE = len(DATA)
MD5 = hashlib.md5(DATA).hexdigest()
TAG = f'"{MD5}"'


class Headers(dict[str, str]):
    """Header fields by lower-case names."""

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        super().__init__((name.lower(), value) for name, value in fields)


class CaseMixin(testtools.TestCase):
    """Sends downloads and checks that every body of Glance is closed."""

    client: http_client.Client
    image_id: str

    def setUp(self) -> None:
        super().setUp()
        counting.COUNTS.reset()
        self.addCleanup(self.check_closed)

    def check_closed(self) -> None:
        counts = counting.COUNTS
        self.assertEqual(counts.opened, counts.closed, str(counts.asked))

    def get(
        self,
        range_text: str | None = None,
        method: str = "GET",
        image_id: str | None = None,
        **fields: str,
    ) -> tuple[int, Headers, bytes]:
        headers = {
            name.replace("_", "-"): value for name, value in fields.items()
        }
        if range_text is not None:
            headers["Range"] = range_text
        path = f"/v2/images/{image_id or self.image_id}/file"
        answer = self.client.request(method, path, headers)
        return answer.status, Headers(answer.headers), answer.body

    def check_part(
        self, found: tuple[int, Headers, bytes], start: int, stop: int
    ) -> None:
        status, headers, body = found
        self.assertEqual(206, status, str(headers))
        self.assertEqual(
            f"bytes {start}-{stop - 1}/{SIZE}", headers["content-range"]
        )
        self.assertEqual(str(stop - start), headers["content-length"])
        self.assertEqual("bytes", headers["accept-ranges"])
        self.assertNotIn("content-md5", headers)
        self.assertEqual(DATA[start:stop], body)

    def check_whole(self, found: tuple[int, Headers, bytes]) -> None:
        status, headers, body = found
        self.assertEqual(200, status, str(headers))
        self.assertNotIn("content-range", headers)
        self.assertEqual("bytes", headers["accept-ranges"])
        self.assertEqual(str(SIZE), headers["content-length"])
        self.assertEqual(DATA, body)

    def check_unsatisfied(self, found: tuple[int, Headers, bytes]) -> None:
        status, headers, _ = found
        self.assertEqual(416, status, str(headers))
        self.assertEqual(f"bytes */{SIZE}", headers["content-range"])

    def check_parts(
        self, found: tuple[int, Headers, bytes], parts: list[tuple[int, int]]
    ) -> None:
        status, headers, body = found
        self.assertEqual(206, status)
        self.assertNotIn("content-range", headers)
        self.assertEqual(len(body), int(headers["content-length"]))
        boundary = headers["content-type"].partition("boundary=")[2]
        rest = body
        for start, stop in parts:
            expected = (
                f"\r\n--{boundary}\r\n"
                "Content-Type: application/octet-stream\r\n"
                f"Content-Range: bytes {start}-{stop - 1}/{SIZE}\r\n\r\n"
            ).encode() + DATA[start:stop]
            self.assertEqual(expected, rest[: len(expected)])
            rest = rest[len(expected) :]
        self.assertEqual(f"\r\n--{boundary}--\r\n".encode(), rest)


class AnyGlanceMixin(CaseMixin):
    """What clients get from every Glance."""

    def test_one_range(self) -> None:
        for text, start, stop in (
            ("bytes=0-0", 0, 1),
            ("bytes=12-30", 12, 31),
            (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
            (f"bytes=100-{SIZE + 5}", 100, SIZE),
            ("bytes=100-" + "9" * 5000, 100, SIZE),
            ("bytes=-5", SIZE - 5, SIZE),
            (f"bytes=-{SIZE + 5}", 0, SIZE),
            ("bytes=0-", 0, SIZE),
            ("bytes=70000-140000", 70000, 140001),
            ("bytes=5-6,7-8", 5, 9),
        ):
            self.check_part(self.get(text), start, stop)

    def test_several_ranges(self) -> None:
        for text, parts in (
            ("bytes=0-4,100-109", [(0, 5), (100, 110)]),
            ("bytes=100000-100009,0-4", [(100000, 100010), (0, 5)]),
            (
                "bytes=0-4,70000-70009,-3",
                [(0, 5), (70000, 70010), (SIZE - 3, SIZE)],
            ),
            ("bytes=9-9,3-4,8-8", [(8, 10), (3, 5)]),
        ):
            self.check_parts(self.get(text), parts)

    def test_ignored(self) -> None:
        for text in (
            "items=0-1",
            "bytes=5-3",
            "bytes=x",
            "bytes=0-1,5-3",
            "bytes=0-,0-",
            "bytes=" + "0-0," * 5000,
        ):
            self.check_whole(self.get(text))
        self.check_whole(self.get())

    def test_unsatisfied(self) -> None:
        for text in (
            f"bytes={SIZE}-",
            "bytes=-0",
            "bytes=" + "9" * 5000 + "-",
        ):
            self.check_unsatisfied(self.get(text))

    def test_head(self) -> None:
        status, headers, _ = self.get()
        found = self.get(method="HEAD")
        self.assertEqual((status, b""), (found[0], found[2]))
        ids = ("x-openstack-request-id", "date")
        self.assertEqual(
            {k: v for k, v in headers.items() if k not in ids},
            {k: v for k, v in found[1].items() if k not in ids},
        )
        # Range is defined for GET only (RFC 9110, 14.2).
        self.assertEqual(200, self.get("bytes=0-1", method="HEAD")[0])

    def test_the_old_header(self) -> None:
        found = self.get(Content_Range=f"bytes 12-30/{SIZE}")
        self.check_part(found, 12, 31)
        self.assertRegex(found[1]["deprecation"], "^@[0-9]+$")
        self.assertIn('rel="deprecation"', found[1]["link"])
        self.check_part(self.get(Content_Range="bytes 12-30/*"), 12, 31)
        found = self.get("bytes=0-1", Content_Range="bytes 12-30/*")
        self.check_part(found, 0, 2)
        self.assertNotIn("deprecation", found[1])
        for text in (
            "bytes 12-30/1000",
            "bytes 30-12/*",
            "bytes 12-30",
            f"bytes 12-{SIZE}/{SIZE}",
            "bytes=12-30",
        ):
            self.check_unsatisfied(self.get(Content_Range=text))


class ConditionsMixin(CaseMixin):
    """Conditions (RFC 9110, 13), where there is a strong tag."""

    def test_tags(self) -> None:
        for found in (
            self.get(),
            self.get("bytes=0-1"),
            self.get("bytes=-1"),
            self.get("bytes=0-1,9-9"),
            self.get(method="HEAD"),
            self.get(If_None_Match=TAG),
        ):
            self.assertEqual(TAG, found[1]["etag"])
            value = found[1]["cache-control"]
            self.assertEqual("private, no-cache", value)

    def test_conditions_come_before_ranges(self) -> None:
        # What decides without Range decides with it, unless that is 200.
        for fields, plain, honoured in (
            ({"If_None_Match": TAG}, 304, True),
            ({"If_None_Match": f'"x", W/{TAG}'}, 304, True),
            ({"If_None_Match": TAG, "If_Range": '"x"'}, 304, False),
            ({"If_None_Match": '"x"'}, 200, True),
            ({"If_Match": TAG}, 200, True),
            ({"If_Match": '"x"'}, 412, True),
            ({"If_Match": '"x"', "If_None_Match": TAG}, 412, True),
            ({"If_Range": TAG}, 200, True),
            ({"If_Range": '"x"'}, 200, False),
            ({"If_Range": f"W/{TAG}"}, 200, False),
            ({"If_Range": "Sat, 29 Oct 1994 19:43:31 GMT"}, 200, False),
        ):
            for text, code in (
                (None, 200),
                ("bytes=0-1", 206),
                ("bytes=0-1,9-9", 206),
                ("bytes=-1", 206),
                (f"bytes={SIZE}-", 416),
                ("bytes=-0", 416),
            ):
                expected = plain
                if plain == 200 and honoured:
                    expected = code
                found = self.get(text, **fields)
                self.assertEqual(expected, found[0], f"{text} {fields}")
                if expected == 304:
                    self.assertEqual((b"", TAG), (found[2], found[1]["etag"]))
                if expected == 200:
                    self.check_whole(found)
            self.assertEqual(plain, self.get(method="HEAD", **fields)[0])
