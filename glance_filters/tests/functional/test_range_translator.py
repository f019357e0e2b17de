# SPDX-License-Identifier: Apache-2.0

"""range_translator in the pipeline of real Glance, and before other cores."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

import testtools

from glance_filters.filters import range_translator
from glance_filters.tests.fixtures import (
    auth,
    counting,
    http_client,
    http_data,
    legacy_glance,
    real_glance,
)

FILTERS = ("range_translator", "counting")
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
    """Sends downloads and checks that every core body is closed."""

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


class AnyCoreMixin(CaseMixin):
    """What clients get from every core."""

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
    """Conditions, where the core tells the MD5."""

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

    def test_conditions(self) -> None:
        for fields, method, expected in (
            ({"If_None_Match": TAG}, "GET", 304),
            ({"If_None_Match": TAG}, "HEAD", 304),
            ({"If_None_Match": f'"x", W/{TAG}'}, "GET", 304),
            ({"If_None_Match": '"x"'}, "GET", 200),
            ({"If_Match": TAG}, "GET", 200),
            ({"If_Match": '"x"'}, "GET", 412),
            ({"If_Match": '"x"'}, "HEAD", 412),
        ):
            found = self.get(method=method, **fields)
            self.assertEqual(expected, found[0], str(fields))
            if expected == 304:
                self.assertEqual(b"", found[2])
        found = self.get("bytes=0-1", If_None_Match=TAG)
        self.assertEqual(304, found[0])
        found = self.get("bytes=0-1,5-9", If_Match='"x"')
        self.assertEqual(412, found[0])

    def test_if_range(self) -> None:
        self.check_part(self.get("bytes=0-1", If_Range=TAG), 0, 2)
        for text in ('"x"', f"W/{TAG}", "Sat, 29 Oct 1994 19:43:31 GMT"):
            self.check_whole(self.get("bytes=0-1", If_Range=text))
            self.check_whole(self.get("bytes=-1", If_Range=text))


class FileStoreTest(AnyCoreMixin, ConditionsMixin):
    """Real Glance, an image in a file store."""

    def setUp(self) -> None:
        super().setUp()
        glance = self.useFixture(real_glance.RealGlance())
        self.alone = glance.client()
        self.client = glance.client(glance.app(FILTERS, counting.OPTIONS))
        self.image_id = self.alone.create_image(DATA)
        self.folder = glance.folder
        self.glance = glance

    def test_one_range_costs_one_request(self) -> None:
        path = f"/v2/images/{self.image_id}/file"
        self.check_part(self.get("bytes=7-9"), 7, 10)
        asked = counting.COUNTS.asked
        self.assertEqual([("GET", path, "bytes=7-9")], asked)
        self.assertEqual(3, counting.COUNTS.bytes_read)
        asked.clear()
        self.check_whole(self.get())
        self.assertEqual([("GET", path, None)], asked)

    def test_digest(self) -> None:
        value = base64.b64encode(hashlib.sha512(DATA).digest()).decode()
        expected = f"sha-512=:{value}:"
        found = self.get("bytes=-1")
        self.assertEqual(expected, found[1]["repr-digest"])

    def test_queued(self) -> None:
        image_id = self.alone.create_image()
        plain = self.get(image_id=image_id)
        self.assertEqual(204, plain[0])
        for text in ("bytes=0-1", "bytes=-1", "bytes=0-0,5-6"):
            self.assertEqual(204, self.get(text, image_id=image_id)[0])
        found = self.get(image_id=image_id, Content_Range="bytes 0-1/*")
        self.assertEqual(204, found[0])

    def test_empty(self) -> None:
        image_id = self.alone.create_image(b"")
        self.assertEqual(200, self.get(image_id=image_id)[0])
        self.assertEqual(200, self.get("bytes=-5", image_id=image_id)[0])
        status, headers, _ = self.get("bytes=0-", image_id=image_id)
        self.assertEqual(416, status)
        self.assertEqual("bytes */0", headers["content-range"])

    def test_what_the_core_refuses(self) -> None:
        fields = [
            {},
            {"range_text": "bytes=0-1"},
            {"range_text": "bytes=-1"},
            {"range_text": "bytes=9999999-"},
            {"Content_Range": "bytes x"},
            {"If_None_Match": "*"},
        ]
        for token, code in ((None, 401), (auth.STRANGER, 404)):
            self.client = self.glance.client(
                self.glance.app(FILTERS, counting.OPTIONS), token
            )
            for each in fields:
                self.assertEqual(code, self.get(**each)[0], str(each))
        self.client = self.glance.client(
            self.glance.app(FILTERS, counting.OPTIONS)
        )
        self.folder.set_status(self.image_id, "deactivated")
        for each in fields:
            self.assertEqual(403, self.get(**each)[0], str(each))

    def test_options(self) -> None:
        for section, fields, expected in (
            ({"enabled": "false"}, {"range_text": "bytes=-0"}, 206),
            (
                {"request_content_range": "refuse"},
                {"Content_Range": "bytes 0-1/*"},
                400,
            ),
            ({"max_ranges": "2"}, {"range_text": "bytes=0-0,5-5,9-9"}, 200),
            ({"max_ranges": "3"}, {"range_text": "bytes=0-0,5-5,9-9"}, 206),
            ({"core_protocol": "none"}, {"range_text": "bytes=0-0"}, 206),
        ):
            options = {**counting.OPTIONS, "range_translator": section}
            app = self.glance.app(FILTERS, options)
            self.client = self.glance.client(app)
            self.assertEqual(expected, self.get(**fields)[0], str(section))


class HttpStoreTest(AnyCoreMixin):
    """Real Glance, an image in a store that has no random access."""

    def setUp(self) -> None:
        super().setUp()
        glance = self.useFixture(real_glance.RealGlance())
        web = self.useFixture(http_data.HttpDataServer({"/data": DATA}))
        self.client = glance.client(glance.app(FILTERS, counting.OPTIONS))
        alone = glance.client()
        self.image_id = alone.create_image()
        location = {"url": web.url("/data"), "metadata": {}}
        answer = alone.patch(
            self.image_id,
            {"op": "add", "path": "/locations/-", "value": location},
        )
        self.assertEqual(200, answer.status)

    def test_parts_that_ascend(self) -> None:
        # Parts that ascend are cut out in one pass.
        parts = [(0, 5), (100, 110), (70000, 70010)]
        found = self.get("bytes=0-4,100-109,70000-70009")
        self.check_parts(found, parts)
        whole = [each for each in counting.COUNTS.asked if each[2] is None]
        files = [each for each in whole if each[1].endswith("/file")]
        self.assertEqual(1, len(files))


class LegacyMixin(AnyCoreMixin, ConditionsMixin):
    """An old core, as it was recorded."""

    release = ""
    minor = 0

    def setUp(self) -> None:
        super().setUp()
        self.core = legacy_glance.LegacyGlance(self.release)
        app = counting.counting(self.core)
        factory = range_translator.RangeTranslator.factory({})
        self.client = http_client.WsgiClient(factory(app), "alice:t1:member")
        self.image_id = self.core.add_image(data=DATA).id
        self.addCleanup(lambda: self.assertEqual([], self.core.open_bodies))

    def test_asked_for_parts(self) -> None:
        self.check_part(self.get("bytes=5-9"), 5, 10)
        self.check_part(self.get("bytes=5-9"), 5, 10)
        files = [
            each.headers.get("content-range")
            for each in self.core.requests
            if each.path.endswith("/file")
        ]
        self.assertEqual([f"bytes 5-9/{SIZE}"] * 2, files)
        versions = [each for each in self.core.calls if each[1] == "/versions"]
        self.assertEqual(1, len(versions))
        self.assertLess(counting.COUNTS.bytes_read, 5000)

    def test_versions(self) -> None:
        for path in ("/", "/versions"):
            alone = self.core_versions(path)
            added = self.client.request("GET", path)
            self.assertEqual(
                int(Headers(added.headers)["content-length"]), len(added.body)
            )
            versions = added.json["versions"]
            highest = f"v2.{self.minor + 1}"
            self.assertEqual((highest, "CURRENT"), self.pair(versions[0]))
            rest = [self.pair(each) for each in alone]
            rest[0] = (rest[0][0], "SUPPORTED")
            self.assertEqual(rest, [self.pair(each) for each in versions[1:]])
        path = f"/v2.{self.minor + 1}/images/{self.image_id}"
        self.assertEqual(200, self.client.request("GET", path).status)
        answer = self.client.request(
            "GET", f"{path}/file", {"Range": "bytes=0-1"}
        )
        self.assertEqual(206, answer.status)
        path = path.replace(f".{self.minor + 1}/", f".{self.minor + 2}/")
        self.assertEqual(300, self.client.request("GET", path).status)

    def core_versions(self, path: str) -> list[dict[str, Any]]:
        client = http_client.WsgiClient(self.core)
        versions: list[dict[str, Any]] = client.request("GET", path).json[
            "versions"
        ]
        return versions

    def pair(self, version: dict[str, Any]) -> tuple[str, str]:
        return version["id"], version["status"]


class NewtonTest(LegacyMixin):
    """Answers 200, promises the whole and sends the part."""

    release = "newton"
    minor = 4


class OcataTest(LegacyMixin):
    """Answers 206 without saying of what."""

    release = "ocata"
    minor = 5


class LegacyHttpStoreTest(AnyCoreMixin):
    """An old core whose store has no random access."""

    def setUp(self) -> None:
        super().setUp()
        self.core = legacy_glance.LegacyGlance("ocata")
        app = counting.counting(self.core)
        factory = range_translator.RangeTranslator.factory({})
        self.client = http_client.WsgiClient(factory(app), "alice:t1:member")
        self.image_id = self.core.add_image(locations=("http",), data=DATA).id


del AnyCoreMixin, ConditionsMixin, LegacyMixin, CaseMixin
