# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import Any
from wsgiref import util

import testtools
from webob import exc

from glance_filters.proxy import request, settings

VERSIONED = "application/vnd.openstack.images-"
CONFIG = settings.Settings("http://upstream:9292")


def environ(method: str = "GET", **keys: Any) -> dict[str, Any]:
    made = {
        "REQUEST_METHOD": method,
        "HTTP_HOST": "proxy:9393",
        "PATH_INFO": "/v2/images",
        "REMOTE_ADDR": "192.0.2.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.input": io.BytesIO(b"data"),
        "wsgi.input_terminated": True,
        **keys,
    }
    util.setup_testing_defaults(made)
    return made


def _all(read: Callable[[int], bytes]) -> bytes:
    return b"".join(iter(functools.partial(read, 100), b""))


class RefusedTest(testtools.TestCase):
    """What two servers could understand in two ways (RFC 9112, 11.2)."""

    def test_refused(self) -> None:
        for keys in (
            {"CONTENT_LENGTH": "4", "HTTP_TRANSFER_ENCODING": "chunked"},
            {"CONTENT_LENGTH": "0", "HTTP_TRANSFER_ENCODING": "chunked"},
            {"CONTENT_LENGTH": "4", "HTTP_TRANSFER_ENCODING": "identity"},
            {"CONTENT_LENGTH": "4,4"},
            {"CONTENT_LENGTH": "4, 5"},
            {"CONTENT_LENGTH": "+4"},
            {"CONTENT_LENGTH": "-4"},
            {"CONTENT_LENGTH": " 4"},
            {"CONTENT_LENGTH": "4\n"},
            {"CONTENT_LENGTH": "0x4"},
            {"CONTENT_LENGTH": "4_0"},
            {"CONTENT_LENGTH": "4.0"},
            {"CONTENT_LENGTH": "\u0664"},
            {"CONTENT_LENGTH": "1" * 5000},
            {"CONTENT_LENGTH": "4", "HTTP_CONTENT_LENGTH": "5"},
            {"HTTP_CONTENT_LENGTH": "4,5"},
            {"HTTP_TRANSFER_ENCODING": ""},
            {"HTTP_TRANSFER_ENCODING": "identity"},
            {"HTTP_TRANSFER_ENCODING": "chunked, chunked"},
            {"HTTP_TRANSFER_ENCODING": "gzip, chunked"},
            {"HTTP_TRANSFER_ENCODING": "chunked;a=b"},
            {"HTTP_TRANSFER_ENCODING": "xchunked"},
            {"HTTP_TRANSFER_ENCODING": "\x0bchunked"},
            {
                "HTTP_TRANSFER_ENCODING": "chunked",
                "SERVER_PROTOCOL": "HTTP/1.0",
            },
            {"HTTP_X_A": "a\r\nX-B: b"},
            {"HTTP_X_A": "a\nb"},
            {"HTTP_X_A": "a\0"},
            {"HTTP_X_A": "\u0100"},
            {"HTTP_X A": "a"},
            {"HTTP_X:A": "a"},
            {"HTTP_X_A\n": "a"},
            {"HTTP_": "a"},
            {"HTTP_CONNECTION": "a\nb"},
            # The filters have read it, and the service would not.
            {"HTTP_CONNECTION": "close, Accept"},
            {"HTTP_CONNECTION": "X-Auth-Token"},
            {"HTTP_CONNECTION": "x-openstack-image-size"},
            # Newton takes each of these for its version 2.
            {"HTTP_ACCEPT": f"{VERSIONED}v2;level=1"},
            {"HTTP_ACCEPT": f"{VERSIONED}v2;foo"},
            {"HTTP_ACCEPT": f"{VERSIONED}v2 ;a=b"},
            {"HTTP_ACCEPT": f"{VERSIONED}v2;"},
            {"HTTP_ACCEPT": f"{VERSIONED}v2;q="},
            {"HTTP_ACCEPT": f"{VERSIONED}v2 "},
            {"HTTP_ACCEPT": f",{VERSIONED}v2"},
            {"HTTP_ACCEPT": VERSIONED.upper() + "V2"},
            {"CONTENT_TYPE": "a\r\nX-B: b"},
            {"HTTP_HOST": "a,b"},
            {"HTTP_HOST": "a b"},
            {"HTTP_HOST": "a/b"},
            {"HTTP_HOST": "a@b"},
            {"HTTP_HOST": "a\nb"},
            {"HTTP_HOST": "a:b"},
            {"QUERY_STRING": "a b"},
            {"QUERY_STRING": "a\r\nX-B: b"},
            {"QUERY_STRING": "a\0"},
            {"QUERY_STRING": "a\x7f"},
            {"QUERY_STRING": "a\u0100"},
            {"PATH_INFO": "/a/../v2/images"},
            {"PATH_INFO": "/v2/./images"},
            {"PATH_INFO": "/.."},
            {"PATH_INFO": "/v2/."},
            {"PATH_INFO": "upstream:9292"},
            {"PATH_INFO": "*"},
            {"PATH_INFO": "http://upstream/"},
            {"REQUEST_METHOD": "GET /a HTTP/1.1\r\n"},
            {"REQUEST_METHOD": ""},
        ):
            self.assertRaises(
                exc.HTTPBadRequest, request.make, environ(**keys), CONFIG
            )

    def test_a_loop(self) -> None:
        via = "1.1 glance-filters, 1.1 other"
        for hops in (1, 4):
            request.make(environ(HTTP_VIA=", ".join([via] * hops)), CONFIG)
        for hops in (5, 6):
            self.assertRaises(
                exc.HTTPBadGateway,
                request.make,
                environ(HTTP_VIA=", ".join([via] * hops)),
                CONFIG,
            )

    def test_a_server_that_keeps_the_chunks(self) -> None:
        keys = {
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input_terminated": False,
        }
        self.assertRaises(
            exc.HTTPLengthRequired,
            request.make,
            environ("PUT", **keys),
            CONFIG,
        )


class BodyTest(testtools.TestCase):
    def test_framings(self) -> None:
        for method, keys, expected in (
            ("PUT", {"CONTENT_LENGTH": "4"}, (b"data", 4)),
            ("GET", {"CONTENT_LENGTH": "4"}, (b"data", 4)),
            ("PUT", {"CONTENT_LENGTH": "0"}, (None, 0)),
            ("GET", {"CONTENT_LENGTH": ""}, (None, 0)),
            ("PUT", {"HTTP_TRANSFER_ENCODING": "Chunked"}, (b"data", None)),
            ("GET", {"HTTP_TRANSFER_ENCODING": "chunked"}, (b"data", None)),
            ("PUT", {"HTTP_CONTENT_LENGTH": "4"}, (b"data", 4)),
            # A filter in front has unpacked the chunks.
            ("PUT", {}, (b"data", None)),
            ("POST", {}, (b"data", None)),
            ("PATCH", {}, (b"data", None)),
            ("PUT", {"wsgi.input": io.BytesIO()}, (None, 0)),
            ("PUT", {"wsgi.input_terminated": False}, (None, 0)),
            ("GET", {}, (None, 0)),
        ):
            made = request.make(environ(method, **keys), CONFIG)
            data = None if made.read is None else _all(made.read)
            self.assertEqual(expected, (data, made.length), f"{method} {keys}")

    def test_repetition(self) -> None:
        for method, keys, expected in (
            ("GET", {}, True),
            ("HEAD", {}, True),
            ("OPTIONS", {}, True),
            ("GET", {"CONTENT_LENGTH": "4"}, False),
            ("DELETE", {}, False),
            ("POST", {"CONTENT_LENGTH": "0"}, False),
        ):
            made = request.make(environ(method, **keys), CONFIG)
            self.assertEqual(expected, made.may_be_repeated, method)


class TargetTest(testtools.TestCase):
    def test_targets(self) -> None:
        for path, query, expected in (
            ("", "", "/"),
            ("/", "", "/"),
            ("/v2/images", "name=a%20b&c=/?", "/v2/images?name=a%20b&c=/?"),
            # What a filter has seen, not what the client wrote.
            ("/...//.a/b.", "", "/...//.a/b."),
            ("/a b?c#d%\r\n", "", "/a%20b%3Fc%23d%25%0D%0A"),
            ("/\xc3\xa9", "a=\xe9", "/%C3%A9?a=%E9"),
            ("//other/", "", "//other/"),
            ("/", "_method=PUT#a", "/?_method=PUT%23a"),
            ("/", "a=100%&b=%41%4", "/?a=100%25&b=%41%254"),
            ("/", "a=\xc3\xa0", "/?a=%C3%A0"),
            # On Python 2 a service takes the second for a member.
            ("/", "a=b;_method=PUT", "/?a=b%3B_method=PUT"),
        ):
            keys = {"PATH_INFO": path, "QUERY_STRING": query}
            made = request.make(environ(**keys), CONFIG)
            self.assertEqual(expected, made.target)

    def test_below_a_base(self) -> None:
        config = settings.Settings("http://upstream/image/")
        for path, expected in (("/v2", "/image/v2"), ("", "/image")):
            made = request.make(
                environ(PATH_INFO=path, SCRIPT_NAME="/mounted"), config
            )
            self.assertEqual(expected, made.target)


class HeadersTest(testtools.TestCase):
    def headers(
        self, config: settings.Settings = CONFIG, /, **keys: Any
    ) -> dict[str, str]:
        return request.make(environ(**keys), config).headers

    def test_all_that_is_sent(self) -> None:
        self.assertEqual(
            {
                "Host": "proxy:9393",
                "X": "y",
                "X-Auth-Token": "secret",
                "Range": "bytes=0-4",
                "Content-Type": "a/b",
                "Via": "1.1 glance-filters",
                "X-Forwarded-For": "192.0.2.1",
                "X-Forwarded-Host": "proxy:9393",
                "X-Forwarded-Proto": "http",
                "Forwarded": 'for=192.0.2.1;host="proxy:9393";proto=http',
            },
            self.headers(
                HTTP_X="y",
                HTTP_X_AUTH_TOKEN="secret",
                HTTP_CONTENT_LENGTH="0",
                HTTP_RANGE="bytes=0-4",
                CONTENT_TYPE="a/b",
                HTTP_CONTENT_TYPE="a/b",
            ),
        )

    def test_accept(self) -> None:
        for value in (
            f"{VERSIONED}v2.3",
            f"{VERSIONED}v2; q=0.5",
            f"application/json, {VERSIONED}v2;q=1.000 , */*;q=0",
            "text/html;level=1, APPLICATION/x, ;",
        ):
            sent = self.headers(HTTP_ACCEPT=value)
            self.assertEqual(value, sent["Accept"])

    def test_hop_by_hop(self) -> None:
        # RFC 9110, 7.6.1
        hop_by_hop = {
            f"HTTP_{name}": "x"
            for name in (
                *("KEEP_ALIVE", "PROXY_CONNECTION", "PROXY_AUTHORIZATION"),
                *("TE", "TRAILER", "UPGRADE", "EXPECT"),
                *("X_NAMED", "X_FORWARDED_FOR", "VIA"),
            )
        }
        plain = self.headers()
        self.assertEqual(
            plain,
            self.headers(
                HTTP_CONNECTION="close, x-named,X-Forwarded-For, Via, host",
                HTTP_TRANSFER_ENCODING="chunked",
                **hop_by_hop,
            ),
        )

    def test_expect(self) -> None:
        for keys, expected in (
            ({"CONTENT_LENGTH": "4"}, "100-continue"),
            ({"HTTP_TRANSFER_ENCODING": "chunked"}, "100-continue"),
            ({"CONTENT_LENGTH": "0"}, None),
            (
                {"CONTENT_LENGTH": "4", "SERVER_PROTOCOL": "HTTP/1.0"},
                None,
            ),
            (
                {"CONTENT_LENGTH": "4", "SERVER_SOFTWARE": "gunicorn/26.2.0"},
                None,
            ),
            ({}, None),
            ({"CONTENT_LENGTH": "4", "HTTP_EXPECT": "other"}, None),
        ):
            headers = self.headers(**{"HTTP_EXPECT": "100-Continue", **keys})
            self.assertEqual(expected, headers.get("Expect"), str(keys))

    def test_who_is_in_front(self) -> None:
        headers = self.headers(
            HTTP_X_FORWARDED_FOR="198.51.100.7",
            HTTP_X_FORWARDED_PROTO="gopher",
            HTTP_X_FORWARDED_HOST="elsewhere",
            HTTP_X_FORWARDED_PREFIX="/nowhere",
            HTTP_FORWARDED="for=198.51.100.7",
            HTTP_VIA="1.0 a",
            SCRIPT_NAME="/mounted here",
            REMOTE_ADDR="::1",
            **{"wsgi.url_scheme": "https"},
        )
        for name, expected in (
            ("X-Forwarded-For", "198.51.100.7, ::1"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "proxy:9393"),
            ("X-Forwarded-Prefix", "/mounted%20here"),
            (
                "Forwarded",
                'for=198.51.100.7, for="[::1]";host="proxy:9393";proto=https',
            ),
            ("Via", "1.0 a, 1.1 glance-filters"),
        ):
            self.assertEqual(expected, headers[name])

    def test_a_prefix_is_not_that_of_the_client(self) -> None:
        """Unless a filter in front has taken it over."""
        headers = self.headers(HTTP_X_FORWARDED_PREFIX="/nowhere")
        self.assertEqual([], [name for name in headers if "Pre" in name])

    def test_what_is_absent(self) -> None:
        # Only a server with a fault has this one.
        made = environ(HTTP_CONTENT_TYPE="a/b")
        # PEP 3333 lets a server leave it out if it is empty.
        for key in ("HTTP_HOST", "PATH_INFO"):
            del made[key]
        # There is a default all the same.
        del made["SERVER_PROTOCOL"]
        sent = request.make(made, CONFIG)
        self.assertEqual("/", sent.target)
        self.assertEqual("upstream:9292", sent.headers["Host"])
        self.assertEqual("1.1 glance-filters", sent.headers["Via"])
        self.assertNotIn("Content-Type", sent.headers)

    def test_hosts(self) -> None:
        own = settings.Settings("http://upstream:9292", preserve_host=False)
        for config, host, expected in (
            (CONFIG, "proxy:9393", "proxy:9393"),
            (CONFIG, "[::1]:9393", "[::1]:9393"),
            (CONFIG, "", "upstream:9292"),
            (own, "proxy:9393", "upstream:9292"),
        ):
            headers = self.headers(config, HTTP_HOST=host)
            self.assertEqual(expected, headers["Host"])
