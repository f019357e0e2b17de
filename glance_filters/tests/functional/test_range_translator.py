# SPDX-License-Identifier: Apache-2.0

"""range_translator in the pipeline of real Glance, and on other releases."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from oslo_config import cfg

from glance_filters import tests
from glance_filters.filters import range_translator
from glance_filters.tests.fixtures import (
    auth,
    counting,
    http_client,
    http_data,
    legacy_glance,
    real_glance,
)
from glance_filters.tests.functional import range_cases
from glance_filters.tests.functional.range_cases import (
    DATA,
    SIZE,
    TAG,
    Headers,
)

FILTERS = ("range_translator", "counting")


class FileStoreTest(range_cases.AnyGlanceMixin, range_cases.ConditionsMixin):
    """Real Glance, an image in a file store."""

    def setUp(self) -> None:
        super().setUp()
        glance = self.useFixture(real_glance.RealGlance())
        self.alone = glance.client()
        self.client = glance.client(glance.app(FILTERS, counting.OPTIONS))
        self.image_id = self.alone.create_image(DATA)
        self.folder = glance.folder
        self.glance = glance

    @tests.in_process("the image is taken from the environ of Glance")
    def test_calls(self) -> None:
        # What Glance is asked: the ranges of the data, and the image.
        for fields, expected, bytes_read in (
            ({}, [None], SIZE),
            ({"text": "bytes=7-9"}, ["bytes=7-9"], 3),
            ({"text": "bytes=-3"}, ["bytes=-3"], 3),
            ({"text": "bytes=0-1,9-9"}, ["bytes=0-9"], 10),
            ({"text": "bytes=9-9,7-7,5-5,3-3,1-1"}, ["bytes=1-9"], 9),
            ({"text": f"bytes={SIZE}-"}, [f"bytes={SIZE}-", "image"], 0),
            (
                {"text": "bytes=-0"},
                ["bytes=1000000000000000000-", "image"],
                0,
            ),
            ({"If_None_Match": TAG}, [None], 0),
            ({"If_None_Match": TAG, "text": "bytes=0-1"}, ["bytes=0-1"], 0),
            (
                {"If_Range": '"x"', "text": "bytes=0-1"},
                ["bytes=0-1", None],
                SIZE,
            ),
        ):
            counting.COUNTS.reset()
            self.get(fields.pop("text", None), **fields)
            asked = [
                each[2] if each[1].endswith("/file") else "image"
                for each in counting.COUNTS.asked
            ]
            self.assertEqual(expected, asked)
            self.assertEqual(bytes_read, counting.COUNTS.bytes_read)
            self.check_closed()

    def test_head_by_the_query(self) -> None:
        # On the wire it is a GET, which has a body.
        path = f"/v2/images/{self.image_id}/file?_method=HEAD"
        for method in ("GET", "HEAD"):
            answer = self.client.request(method, path)
            length = answer.header("Content-Length")
            if method == "GET":
                self.assertEqual(str(len(answer.body)), length)
            alone = self.alone.request("GET", path)
            self.assertEqual(alone.status, answer.status)

    def test_in_front_of_gzip_and_behind(self) -> None:
        # A part that is coded by itself is of no use, and a strong tag
        # stands for one coding only.
        gzip = {
            "paste.filter_factory": "glance.api.middleware.gzip:"
            "GzipMiddleware.factory",
        }
        # That filter does not close what it codes.
        glance = self.useFixture(real_glance.RealGlance(is_validated=False))
        for filters in (("gzip", *FILTERS), (*FILTERS, "gzip")):
            self.client = glance.client(
                glance.app(filters, {**counting.OPTIONS, "gzip": gzip})
            )
            accepts = {"Accept_Encoding": "gzip"}
            self.check_part(self.get("bytes=12-30", **accepts), 12, 31)
            self.check_parts(
                self.get("bytes=0-4,9-9", **accepts), [(0, 5), (9, 10)]
            )
            for method in ("GET", "HEAD"):
                found = self.get(method=method, **accepts)
                self.assertNotIn("content-encoding", found[1])
                self.assertEqual(TAG, found[1]["etag"])
                self.assertEqual(str(SIZE), found[1]["content-length"])
            self.check_whole(self.get(**accepts))
            self.check_closed()
            # Other calls are coded as before.
            answer = self.client.request(
                "GET", "/v2/schemas/image", {"Accept-Encoding": "gzip"}
            )
            self.assertEqual("gzip", answer.header("Content-Encoding"))
            counting.COUNTS.reset()

    def test_digest(self) -> None:
        value = base64.b64encode(hashlib.sha512(DATA).digest()).decode()
        expected = f"sha-512=:{value}:"
        found = self.get("bytes=-1", Want_Repr_Digest="sha-512=10")
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

    def test_what_glance_refuses(self) -> None:
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


WITHOUT = {"range_translator": {"random_access_stores": ""}}


class HttpStoreTest(range_cases.AnyGlanceMixin):
    """Real Glance, an image in a store that has no random access."""

    def setUp(self) -> None:
        super().setUp()
        glance = self.useFixture(real_glance.RealGlance())
        web = self.useFixture(http_data.HttpDataServer({"/data": DATA}))
        self.url = web.url("/data")
        self.client = glance.client(
            glance.app(FILTERS, {**counting.OPTIONS, **WITHOUT})
        )
        self.glance = glance
        self.alone = glance.client()
        self.image_id = self.make_image()

    def make_image(self, **members: Any) -> str:
        image_id = self.alone.create_image()
        answer = self.alone.add_location(image_id, self.url, **members)
        self.assertEqual(200, answer.status, str(answer.body))
        return image_id

    @tests.in_process("a proxy first asks for the versions")
    def test_calls(self) -> None:
        for text, expected, bytes_read in (
            ("bytes=5-9", 1, SIZE),
            ("bytes=-5", 1, SIZE),
            # Parts are cut out in one pass, also those that descend.
            ("bytes=0-4,100-109,70000-70009", 1, SIZE),
            (f"bytes={SIZE}-", 0, 0),
        ):
            counting.COUNTS.reset()
            self.get(text)
            asked = counting.COUNTS.asked
            files = [each[2] for each in asked if each[1].endswith("/file")]
            # A part is asked for once, and the whole as often as needed.
            self.assertEqual([None] * expected, files[1:])
            self.assertIsNotNone(files[0])
            self.assertLessEqual(len(asked) - len(files), 1)
            self.assertEqual(bytes_read, counting.COUNTS.bytes_read)

    def test_weak_tag(self) -> None:
        # Glance knows no checksum of this data.
        tag = self.get()[1]["etag"]
        self.assertRegex(tag, r'\AW/"[0-9a-f]{32}"\Z')
        for text, method in (
            (None, "GET"),
            (None, "HEAD"),
            ("bytes=0-1", "GET"),
            ("bytes=0-1,5-5", "GET"),
            (f"bytes={SIZE}-", "GET"),
        ):
            found = self.get(text, method, If_None_Match=tag)
            self.assertEqual((304, tag), (found[0], found[1]["etag"]))
        self.assertEqual(tag, self.get("bytes=0-1")[1]["etag"])
        self.check_whole(self.get("bytes=0-1", If_Range=tag))
        self.assertEqual(412, self.get(If_Match=tag)[0])
        self.assertEqual(200, self.get(If_Match="*")[0])

    @tests.in_process("an option of Glance is set")
    def test_hash_with_line_breaks(self) -> None:
        # Glance reads it by bytearray.fromhex(), which skips white space.
        cfg.CONF.set_override("hashing_algorithm", "sha256")
        self.addCleanup(cfg.CONF.clear_override, "hashing_algorithm")
        right = hashlib.sha256(DATA).hexdigest()
        for value, tag in (
            (right, f'"{right}"'),
            (f"{right[:32]}\r\n{right[32:]}", r'W/"[0-9a-f]{32}"'),
            (f"{right}\n", r'W/"[0-9a-f]{32}"'),
        ):
            known = {"os_hash_algo": "sha256", "os_hash_value": value}
            self.image_id = self.make_image(validation_data=known)
            for text in (None, "bytes=0-1"):
                found = self.get(text, Want_Repr_Digest="sha-256=1")[1]
                self.assertRegex(found["etag"], rf"\A{tag}\Z")
                self.assertEqual(value == right, "repr-digest" in found)

    def test_limit_of_what_is_discarded(self) -> None:
        section = {"max_discarded": "1000", **WITHOUT["range_translator"]}
        options = {**counting.OPTIONS, "range_translator": section}
        app = self.glance.app(FILTERS, options)
        self.client = self.glance.client(app)
        self.check_part(self.get("bytes=1000-1009"), 1000, 1010)
        counting.COUNTS.reset()
        self.check_whole(self.get("bytes=1001-1009"))
        # The whole that was opened is sent.
        paths = [each[1] for each in counting.COUNTS.asked]
        self.assertEqual(2, len([p for p in paths if p.endswith("/file")]))


class LegacyMixin(range_cases.AnyGlanceMixin, range_cases.ConditionsMixin):
    """An old Glance, as it was recorded."""

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


class LegacyHttpStoreTest(range_cases.AnyGlanceMixin):
    """An old Glance whose store has no random access."""

    def setUp(self) -> None:
        super().setUp()
        self.core = legacy_glance.LegacyGlance("ocata")
        app = counting.counting(self.core)
        factory = range_translator.RangeTranslator.factory({})
        self.client = http_client.WsgiClient(factory(app), "alice:t1:member")
        self.image_id = self.core.add_image(locations=("http",), data=DATA).id


del LegacyMixin
