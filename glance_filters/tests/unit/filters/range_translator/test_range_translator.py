# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import unittest
from typing import Any
from unittest import mock

from glance_filters.filters import range_translator
from glance_filters.tests.fixtures import http_client, optional
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.filters.range_translator import fake_glance
from glance_filters.tests.unit.filters.range_translator.fake_glance import (
    CONTENT_RANGE,
    DATA,
    PATH,
    RANGE,
    SIZE,
    FakeGlance,
    Reply,
)
from glance_filters.wsgi import bodies, response


class HandleTest(unittest.TestCase):
    def setUp(self) -> None:
        self.glance = FakeGlance()
        self.app = fake_glance.make_filter(self.glance)

    def test_range_is_for_get(self) -> None:
        for method, query, expected in (
            ("GET", "", 206),
            ("HEAD", "", 200),
            # Glance takes it for a GET, but it is none on the wire.
            ("POST", "_method=GET", 200),
            ("GET", "_method=GET", 206),
        ):
            found = fake_glance.get(
                self.app, "bytes=0-1", method, QUERY_STRING=query
            )
            with self.subTest(method, query=query):
                self.assertEqual(expected, found.status)

    def test_stores_are_read_in_parts_once_a_part_is_asked_for(self) -> None:
        for keys, is_asked in (
            ({}, False),
            ({"HTTP_RANGE": "bytes=0-1"}, True),
            ({"HTTP_CONTENT_RANGE": "bytes 0-1/*"}, True),
        ):
            patch = mock.patch("glance_filters.stores.install")
            with self.subTest(keys), patch as install:
                fake_glance.get(self.app, **keys)
                self.assertEqual(is_asked, install.called)

    def test_only_head_on_the_wire_has_no_body(self) -> None:
        for method, query in (
            ("GET", "_method=HEAD"),
            ("GET", "_method=head"),
            ("HEAD", "_method=GET"),
            ("HEAD", ""),
        ):
            found = fake_glance.get(self.app, None, method, QUERY_STRING=query)
            with self.subTest(method, query=query):
                self.assertEqual(200, found.status)
                self.assertEqual(str(SIZE), found.fields["content-length"])
                expected = b"" if method == "HEAD" else DATA
                self.assertEqual(expected, found.body)

    def test_nothing_is_coded_before_or_behind(self) -> None:
        for method in ("GET", "HEAD"):
            environ = fakes.environ_of(
                method, PATH, HTTP_ACCEPT_ENCODING="gzip"
            )
            http_client.call_wsgi(self.app, environ)
            self.assertNotIn("HTTP_ACCEPT_ENCODING", environ)
        for environ in self.glance.environs:
            self.assertNotIn("HTTP_ACCEPT_ENCODING", environ)
        environ = fakes.environ_of(
            "GET", "/v2/images", HTTP_ACCEPT_ENCODING="gzip"
        )
        http_client.call_wsgi(self.app, environ)
        self.assertEqual("gzip", environ["HTTP_ACCEPT_ENCODING"])

    def test_range_that_is_no_range(self) -> None:
        for text in (
            "bytes=x",
            "items=0-1",
            "bytes=0-1\n",
            "bytes=" + "," * 999,
        ):
            found = fake_glance.get(self.app, text)
            self.assertEqual((200, DATA), (found.status, found.body))

    def test_old_header(self) -> None:
        app = fake_glance.make_filter(
            self.glance, request_content_range="refuse"
        )
        keys = {"HTTP_CONTENT_RANGE": "bytes 0-1/*"}
        self.assertEqual(206, fake_glance.get(self.app, **keys).status)
        self.assertEqual(400, fake_glance.get(app, **keys).status)
        # It is ignored beside Range, and means nothing in HEAD.
        self.assertEqual(206, fake_glance.get(app, "bytes=0-1", **keys).status)
        self.assertEqual(
            200, fake_glance.get(app, None, "HEAD", **keys).status
        )

    def test_switched_off(self) -> None:
        app = fake_glance.make_filter(self.glance, enabled="false")
        found = fake_glance.get(app, "bytes=0-1", HTTP_ACCEPT_ENCODING="gzip")
        self.assertNotIn("etag", found.fields)
        self.assertIn("HTTP_ACCEPT_ENCODING", self.glance.environs[-1])

    def test_versions(self) -> None:
        document = {"versions": [{"id": "v2.4", "status": "CURRENT"}]}
        glance = fakes.Glance()
        glance.answers["/versions"] = fakes.Answer(
            body=json.dumps(document).encode()
        )
        for options, expected in (
            ({"add_api_version": "true"}, ["v2.5", "v2.4"]),
            ({"add_api_version": "false"}, None),
            ({"enabled": "false"}, None),
        ):
            app: Any = fake_glance.make_filter(
                glance, core_protocol="auto", **options
            )
            found = http_client.call_wsgi(
                app, fakes.environ_of("GET", "/versions")
            ).json
            ids = [each["id"] for each in found["versions"]]
            self.assertEqual(expected or ["v2.4"], ids)
            # A download is a call of ours under any version.
            for path in ("/images", f"/images/{fakes.IMAGE_ID}/file"):
                glance.environs.clear()
                environ = fakes.environ_of("GET", f"/v2.5{path}")
                http_client.call_wsgi(app, environ)
                asked = {each["PATH_INFO"] for each in glance.environs}
                prefix = "/v2" if expected else "/v2.5"
                self.assertIn(prefix + path, asked)


class ProtocolTest(unittest.TestCase):
    def test_how_glance_is_asked(self) -> None:
        whole = Reply("200 OK", DATA, Content_Length=str(SIZE))
        for protocol, asked in (
            ("range", ["bytes=2-6"]),
            ("content-range", ["image", f"bytes 2-6/{SIZE}"]),
            # It tells no MD5.
            ("none", ["", "image"]),
        ):
            glance = FakeGlance()
            glance.understands = fake_glance.CONTENT_RANGE
            if protocol == "range":
                glance.understands = fake_glance.RANGE
            if protocol == "none":
                glance.replies = [whole]
            app = fake_glance.make_filter(glance, core_protocol=protocol)
            found = fake_glance.get(app, "bytes=2-6")
            with self.subTest(protocol):
                self.assertEqual((206, DATA[2:7]), (found.status, found.body))
                self.assertEqual(asked, glance.asked)


class LyingGlanceTest(unittest.TestCase):
    """No client gets wrong bytes under a right header."""

    def check(
        self, understands: str, replies: dict[str, Reply], broken: set[str]
    ) -> None:
        """Ask for two bytes.

        :param replies: what is answered to the first request for data
        :param broken: the responses that break off; all others are right
        """
        protocols = {RANGE: "range", CONTENT_RANGE: "content-range"}
        for name, reply in replies.items():
            glance = FakeGlance(understands=understands, replies=[reply])
            app = fake_glance.make_filter(
                glance, core_protocol=protocols[understands]
            )
            environ = fakes.environ_of("GET", PATH, HTTP_RANGE="bytes=2-3")
            captured = response.capture(app, environ)
            with self.subTest(name):
                self.assertEqual("206 Partial Content", captured.status)
                if name in broken:
                    with self.assertRaises(bodies.WrongLength):
                        list(captured.body)
                else:
                    self.assertEqual(DATA[2:4], b"".join(captured.body))
            captured.close()
            self.assertEqual(glance.opened, glance.closed)

    def test_ranges(self) -> None:
        right = {"Content_Range": f"bytes 2-3/{SIZE}", "Content_Length": "2"}
        longer = {**right, "Content_Length": "3"}
        other = {"Content_Range": f"bytes 0-1/{SIZE}"}
        part = "206 Partial Content"
        self.check(
            RANGE,
            {
                "true": Reply(part, DATA[2:4], **right),
                "ignored": Reply("200 OK", DATA, Content_Length=str(SIZE)),
                "another part": Reply(part, DATA[:2], **other),
                "no word of it": Reply(part, DATA[:2]),
                "another length": Reply(part, DATA[2:5], **longer),
                "fails": Reply("500 Internal Server Error", b"x"),
                "no random access": Reply("400 Bad Request", b"x"),
                "too short": Reply(part, DATA[2:3], **right),
                "too long": Reply(part, DATA[2:4], DATA[4:5], **right),
                "all of it": Reply(part, DATA[:2], DATA[2:], **right),
            },
            broken={"too short", "too long", "all of it"},
        )

    def test_content_ranges(self) -> None:
        self.check(
            CONTENT_RANGE,
            {
                "true": Reply(
                    *("200 OK", DATA[2:3], DATA[3:4]), Content_Length=str(SIZE)
                ),
                "ignored": Reply("200 OK", DATA),
                "too short": Reply("206 Partial Content", DATA[2:3]),
                "refused": Reply("400 Bad Request", b"x"),
            },
            broken={"ignored", "too short"},
        )


class CheckTest(unittest.TestCase):
    @optional.needs("glance_store", "Glance")
    def test_how_each_store_is_read(self) -> None:
        config = mock.Mock()
        config.values.return_value = {"random_access_stores": ()}
        for backends, expected in (
            (None, []),
            (
                {"fast": "file"},
                ["store fast (file) is read from any position"],
            ),
            ({"web": "http"}, ["store web (http) is read as a whole only"]),
        ):
            config.of_service.return_value = backends
            found = [
                each.message
                for each in range_translator.RangeTranslator.check("x", config)
            ]
            self.assertEqual(len(expected), len(found))
            for start, message in zip(expected, found):
                self.assertEqual(start, message[: len(start)])
