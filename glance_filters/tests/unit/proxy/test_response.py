# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import testtools
from webob import exc

from glance_filters.proxy import response, settings
from glance_filters.tests.unit.proxy import test_request

VIA = ("Via", "1.1 glance-filters")


def headers(
    *received: tuple[str, str],
    upstream: str = "http://u:9292/image",
    **keys: str,
) -> list[tuple[str, str]]:
    environ = test_request.environ(SCRIPT_NAME="/mounted", **keys)
    environ["wsgi.url_scheme"] = "https"
    config = settings.Settings(upstream)
    return response.headers(received, 11, environ, config)


class StatusLineTest(testtools.TestCase):
    def test_lines(self) -> None:
        for code, reason, expected in (
            (200, "OK", "200 OK"),
            (300, "Any Phrase", "300 Any Phrase"),
            (404, "", "404 Not Found"),
            (404, None, "404 Not Found"),
            (404, "Not\nFound", "404 Not Found"),
            (599, "", "599 Unknown"),
        ):
            self.assertEqual(expected, response.status_line(code, reason))

    def test_none(self) -> None:
        # RFC 9110, 15.2: not final; the stream is not where it seems to be.
        for code in (0, 101, 103, 199, 600, 999):
            self.assertRaises(
                exc.HTTPBadGateway, response.status_line, code, "x"
            )


class HeadersTest(testtools.TestCase):
    def test_order_and_repetition(self) -> None:
        given = [("Set-Cookie", "a"), ("X-A", ""), ("Set-Cookie", "b")]
        # Neither names fields of the connection.
        given += [("Vary", "X-A"), ("Age", "X-A")]
        self.assertEqual([*given, VIA], headers(*given))

    def test_hop_by_hop(self) -> None:
        self.assertEqual(
            [("Content-Length", "5"), VIA],
            headers(
                ("Connection", "X-Named, close"),
                ("Keep-Alive", "timeout=5"),
                ("x-named", "a"),
                ("Content-Length", "5"),
                ("Trailer", "X-A"),
                ("Upgrade", "h2c"),
                ("Proxy-Authenticate", "Basic"),
                ("Proxy-Authentication-Info", "a=b"),
            ),
        )

    def test_version_that_it_came_by(self) -> None:
        environ = test_request.environ()
        config = settings.Settings("http://u")
        for version, expected in ((10, "1.0"), (11, "1.1"), (20, "2.0")):
            via = ("Via", f"{expected} glance-filters")
            found = response.headers([], version, environ, config)
            self.assertEqual([via], found)

    def test_chunked(self) -> None:
        self.assertEqual(
            [VIA],
            headers(("Content-Length", "5"), ("Transfer-Encoding", "chunked")),
        )

    def test_length_that_is_none(self) -> None:
        same = (("Content-Length", "5"), ("content-length", " 5"))
        self.assertEqual([("Content-Length", "5"), VIA], headers(*same))
        for fields in (
            [("Content-Length", "5"), ("Content-Length", "6")],
            [("Content-Length", "5, 5")],
            [("Content-Length", "+5")],
            [("Transfer-Encoding", "gzip, chunked")],
            [("Transfer-Encoding", "chunked")] * 2,
        ):
            self.assertRaises(exc.HTTPBadGateway, headers, *fields)

    def test_folded(self) -> None:
        self.assertEqual([("X-A", "a b"), VIA], headers(("X-A", "a\r\n b")))

    def test_malformed(self) -> None:
        for field in (("X-A", "a\rb"), ("X A", "a"), ("X-A", "\0")):
            self.assertRaises(exc.HTTPBadGateway, headers, field)

    def test_locations(self) -> None:
        for url, expected in (
            ("http://u:9292/image/v2/", "https://proxy:9393/mounted/v2/"),
            # By the Host that it was sent.
            ("http://proxy:9393/image/v2/", "https://proxy:9393/mounted/v2/"),
            ("/image/v2/", "/mounted/v2/"),
            ("/other", "/other"),
            ("v3", "v3"),
            ("//u:9292/image/v2/", "//u:9292/image/v2/"),
            ("http://mirror/image/v2/", "http://mirror/image/v2/"),
        ):
            for name in ("Location", "content-location"):
                self.assertEqual([(name, expected), VIA], headers((name, url)))
        self.assertEqual(
            [("Location", "/mounted/v2"), VIA],
            headers(("Location", "/v2"), upstream="http://u"),
        )
        # PEP 3333 lets a server leave out a SCRIPT_NAME that is empty.
        environ = test_request.environ()
        self.assertNotIn("SCRIPT_NAME", environ)
        config = settings.Settings("http://u/image")
        found = response.headers(
            [("Location", "/image/v2")], 11, environ, config
        )
        self.assertEqual([("Location", "/v2"), VIA], found)
        # The client does not say by what name it knows the proxy.
        field = ("Location", "http://u:9292/image/v2/")
        self.assertEqual([field, VIA], headers(field, HTTP_HOST=""))
