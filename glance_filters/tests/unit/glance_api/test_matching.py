# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import types
import unittest
from typing import Any
from unittest import mock

import routes

from glance_filters import errors
from glance_filters.glance_api import calls, matching
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID

CALLS = (
    calls.UPDATE_IMAGE,
    calls.ADD_LOCATION,
    calls.DELETE_FROM_STORE,
)
MEDIA_TYPE = "application/vnd.openstack.images-"
FORM = "application/x-www-form-urlencoded"
IMAGE = f"/images/{IMAGE_ID}"
NEGOTIATED = {"api.version": 2}


class MatchTest(unittest.TestCase):
    def match(
        self, method: str, path: str, **keys: Any
    ) -> matching.Match | None:
        environ = fakes.environ_of(method, path, **keys)
        return matching.CallMatcher(CALLS).match(environ)

    def test_calls(self) -> None:
        for call, method, path in (
            (calls.UPDATE_IMAGE, "PATCH", IMAGE),
            (calls.ADD_LOCATION, "POST", f"{IMAGE}/locations"),
            (
                calls.DELETE_FROM_STORE,
                "DELETE",
                f"/stores/fast/{IMAGE_ID}",
            ),
        ):
            with self.subTest(call.action):
                found = self.match(method, f"/v2{path}")
                assert found is not None
                self.assertEqual(call, found.call)
                self.assertEqual(IMAGE_ID, found.variables["image_id"])
                self.assertEqual("/v2", found.prefix)
                self.assertEqual(f"/v2{path}", found.path_info)
                self.assertEqual(f"/v2{IMAGE}", found.image_path())
                self.assertIsNone(self.match("GET", f"/v2{path}"))
                self.assertIsNone(self.match(method.lower(), f"/v2{path}"))
                self.assertIsNone(self.match(method, f"/v2{path}/x"))
                self.assertIsNone(self.match(method, f"/v2{path}/"))

    def test_variables(self) -> None:
        found = self.match("DELETE", "/v2/stores/fast/ID")
        assert found is not None
        self.assertEqual(
            {"store_id": "fast", "image_id": "ID"}, found.variables
        )

    def test_the_router_is_asked_once_for_a_path(self) -> None:
        matcher = matching.CallMatcher(CALLS)
        others = [("PATCH", f"/v2/images/{i}", None) for i in range(64)]
        with mock.patch.object(
            routes.Mapper,
            "routematch",
            autospec=True,
            side_effect=routes.Mapper.routematch,
        ) as asked:
            for method, path, expected in (
                ("PATCH", "/v2/images/a", 1),
                ("PATCH", "/v2/images/a", 1),
                # Another method or path is another question.
                ("DELETE", "/v2/images/a", 1),
                ("PATCH", "/v2/images/b", 2),
                # Below another prefix it is the same path.
                ("PATCH", "/v2.9/images/a", 2),
                # Those that were asked for last are remembered.
                *others[:63],
                ("PATCH", "/v2/images/a", 65),
                *others,
                ("PATCH", "/v2/images/a", 67),
            ):
                found = matcher.match(fakes.environ_of(method, path))
                self.assertEqual(method == "PATCH", found is not None)
                if found is not None:
                    self.assertTrue(path.endswith(found.path))
                    image_id = found.variables["image_id"]
                    self.assertTrue(path.endswith(f"/{image_id}"))
                    # Shared, so that nobody may change them.
                    self.assertIsInstance(
                        found.variables, types.MappingProxyType
                    )
                if expected is not None:
                    self.assertEqual(expected, asked.call_count, path)

    def test_only_the_calls_that_were_given(self) -> None:
        matcher = matching.CallMatcher([calls.ADD_LOCATION])
        # Those that are there cost each request that passes by the least.
        usual = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
        expected = {**dict.fromkeys(usual, ()), "POST": ("/locations",)}
        self.assertEqual(expected, matcher.marks)
        patch = fakes.environ_of("PATCH", f"/v2{IMAGE}")
        post = fakes.environ_of("POST", f"/v2{IMAGE}/locations")
        self.assertIsNone(matcher.match(patch))
        self.assertIsNotNone(matcher.match(post))

    def test_other_paths(self) -> None:
        for method, path in (
            ("PATCH", "/images"),
            ("PATCH", "/images/"),
            ("PATCH", f"{IMAGE}//"),
            ("PATCH", f"/Images/{IMAGE_ID}"),
            ("PATCH", f"/x/images/{IMAGE_ID}"),
            ("PATCH", f"{IMAGE}/images/{IMAGE_ID}"),
            ("PATCH", f"{IMAGE}/locations"),
            ("POST", IMAGE),
            ("POST", f"{IMAGE}/location"),
            ("POST", f"{IMAGE}/locations/0"),
            ("DELETE", IMAGE),
            ("DELETE", f"/stores/{IMAGE_ID}"),
            ("DELETE", f"/stores//{IMAGE_ID}"),
        ):
            with self.subTest(method, path=path):
                self.assertIsNone(self.match(method, f"/v2{path}"))

    def test_image_ids(self) -> None:
        """An id is whatever one segment holds, octet by octet."""
        for image_id in (
            IMAGE_ID.upper(),
            "a.b;c,d#e?f",
            "a b",
            "%2F",
            "v2",
            "images",
            "..",
            "\na",
            "\r",
            "\xc3\xa9",
        ):
            with self.subTest(image_id):
                found = self.match("PATCH", f"/v2/images/{image_id}")
                assert found is not None
                self.assertEqual(image_id, found.variables["image_id"])
                path = f"/v2/images/{image_id}"
                self.assertEqual(path, found.image_path())

    def test_paths(self) -> None:
        """(path, other keys, expected prefix; None for no match)"""
        for path, keys, prefix in (
            # A urlmap collapses slashes.
            (f"//v2//{IMAGE}", {}, "/v2"),
            (f"/v2/images//{IMAGE_ID}", {}, "/v2"),
            # Versions in the URL.
            (f"/v2.0{IMAGE}", {}, "/v2.0"),
            (f"/v2.17{IMAGE}", {}, "/v2.17"),
            (f"/v2.{IMAGE}", {}, None),
            (f"/v2a{IMAGE}", {}, None),
            (f"/v20{IMAGE}", {}, None),
            (f"/v2.1.1{IMAGE}", {}, None),
            (f"/v2\n{IMAGE}", {}, None),
            (f"/v2.\u0661{IMAGE}", {}, None),
            (f"/v2/v2{IMAGE}", {}, None),
            # Which minor versions a Glance has, it tells by itself.
            (f"/v2.99{IMAGE}", {}, "/v2.99"),
            (f"/v1{IMAGE}", {}, None),
            (f"/V2{IMAGE}", {}, None),
            (IMAGE, {}, None),
            (f"v2{IMAGE}", {}, "v2"),
            # Negotiated: the version has become /v2.
            (f"/v2{IMAGE}", NEGOTIATED, "/v2"),
            (f"/v2.1{IMAGE}", NEGOTIATED, None),
            (f"/v1{IMAGE}", NEGOTIATED, None),
            (IMAGE, NEGOTIATED, None),
            # A version in Accept takes the URL's place.
            (IMAGE, {"HTTP_ACCEPT": f"{MEDIA_TYPE}v2"}, ""),
            (IMAGE, {"HTTP_ACCEPT": f"{MEDIA_TYPE}v2.3"}, ""),
            (f"/v2{IMAGE}", {"HTTP_ACCEPT": f"{MEDIA_TYPE}v2"}, None),
            (IMAGE, {"HTTP_ACCEPT": f"{MEDIA_TYPE}v2; q=1"}, ""),
            (IMAGE, {"HTTP_ACCEPT": f", ,{MEDIA_TYPE}v2"}, ""),
            (IMAGE, {"HTTP_ACCEPT": f"{MEDIA_TYPE}v2, a/b"}, None),
            (IMAGE, {"HTTP_ACCEPT": f"{MEDIA_TYPE}v2;a=b"}, None),
            (IMAGE, {"HTTP_ACCEPT": MEDIA_TYPE}, None),
            # webob takes it for no list of media types.
            (IMAGE, {"HTTP_ACCEPT": f" {MEDIA_TYPE}v2"}, None),
            (f"/v2{IMAGE}", {"HTTP_ACCEPT": f" {MEDIA_TYPE}v2"}, "/v2"),
            (f"/v2{IMAGE}", {"HTTP_ACCEPT": MEDIA_TYPE.upper() + "v2"}, "/v2"),
            (f"/v2{IMAGE}", {"HTTP_ACCEPT": "@"}, "/v2"),
            (IMAGE, {"HTTP_ACCEPT": f"{MEDIA_TYPE}v1"}, None),
            (IMAGE, {"HTTP_ACCEPT": f"{MEDIA_TYPE}v2;q=0.5"}, None),
            (f"/v2{IMAGE}", {"HTTP_ACCEPT": f"a/b, {MEDIA_TYPE}v2"}, "/v2"),
            (
                f"/v2{IMAGE}",
                {"HTTP_ACCEPT": f"{MEDIA_TYPE}v2", **NEGOTIATED},
                "/v2",
            ),
            # Mounts.
            (f"/v2{IMAGE}", {"SCRIPT_NAME": "/image"}, "/v2"),
            (IMAGE, {"SCRIPT_NAME": "/image"}, None),
            (IMAGE, {"SCRIPT_NAME": "/v2"}, ""),
            (IMAGE, {"SCRIPT_NAME": "/image/v2", **NEGOTIATED}, ""),
            (f"/v2{IMAGE}", {"SCRIPT_NAME": "/v2"}, "/v2"),
            # A target in absolute form.
            (f"http://h:9292/v2{IMAGE}", {}, "http://h:9292/v2"),
            (f"https://h//v2{IMAGE}", {}, "https://h/v2"),
            (f"ftp://h/v2{IMAGE}", {}, None),
            (f"HTTP://h/v2{IMAGE}", {}, None),
            (f"http:/h/v2{IMAGE}", {}, None),
        ):
            with self.subTest(path, **keys):
                found = self.match("PATCH", path, **keys)
                self.assertEqual(prefix, found and found.prefix)

    def test_line_feeds(self) -> None:
        """The patterns of Routes end before one last line feed."""
        found = self.match("PATCH", f"/v2{IMAGE}\n")
        assert found is not None
        self.assertEqual(IMAGE_ID, found.variables["image_id"])
        self.assertEqual(f"/v2{IMAGE}", found.image_path())
        found = self.match("PATCH", f"/v2{IMAGE}\n\n")
        assert found is not None
        self.assertEqual(f"{IMAGE_ID}\n", found.variables["image_id"])
        again = self.match("PATCH", found.image_path())
        assert again is not None
        self.assertEqual(found.variables, again.variables)

    def test_method_overrides(self) -> None:
        for method, query, expected in (
            ("POST", "_method=PATCH", True),
            ("GET", "_method=PATCH", True),
            ("GET", "a=b&_method=patch", True),
            ("GET", "_method=P%41TCH", True),
            ("GET", "_method=GET&_method=PATCH", True),
            ("GET", "_method=PATCH&_method=GET", False),
            ("GET", "x_method=PATCH", False),
            ("GET", "%5Fmethod=PATCH", False),
            ("PATCH", "_method=GET", False),
            ("PATCH", "_method=", True),
            # Routes leaves a query alone that it cannot read.
            ("GET", "_method=%FF", False),
            ("PATCH", "_method=%FF", True),
            ("PATCH", "\x80_method=GET", True),
            ("PATCH", "_method=GET&a=%FF", True),
            ("GET", "_method=PATCH&a=%FF", False),
            ("GET", "_method=PATCH%20", False),
            # Routes looks for the text as it was sent, then decodes it.
            ("GET", "a=_method&%5Fmethod=PATCH", True),
        ):
            with self.subTest(method, query=query):
                found = self.match(method, f"/v2{IMAGE}", QUERY_STRING=query)
                self.assertEqual(expected, found is not None)

    def test_path_that_is_no_text(self) -> None:
        with self.assertRaisesRegex(errors.BadRequest, "path"):
            self.match("PATCH", "/v2/images/\xff")

    def test_no_query_string(self) -> None:
        environ = fakes.environ_of("PATCH", f"/v2{IMAGE}")
        del environ["QUERY_STRING"]
        matcher = matching.CallMatcher(CALLS)
        self.assertIsNotNone(matcher.match(environ))

    def test_the_environ_is_left_as_it_is(self) -> None:
        environ = fakes.environ_of(
            "GET", f"//v2{IMAGE}", QUERY_STRING="_method=PATCH"
        )
        before = dict(environ)
        matcher = matching.CallMatcher(CALLS)
        self.assertIsNotNone(matcher.match(environ))
        self.assertEqual(before, environ)


class CostTest(unittest.TestCase):
    """What takes microseconds is not done for each request."""

    def test_other_paths(self) -> None:
        matcher = matching.CallMatcher(CALLS)
        with mock.patch.object(routes.Mapper, "routematch") as match:
            for path in ("/v2/images", "/v2/schemas/image", "/healthcheck"):
                environ = fakes.environ_of("PATCH", path)
                self.assertIsNone(matcher.match(environ))
        match.assert_not_called()

    def test_expressions_are_made_before(self) -> None:
        """By threads that all need them they would be made one by one."""
        matcher = matching.CallMatcher(CALLS)
        with mock.patch.object(routes.Mapper, "create_regs") as create:
            environ = fakes.environ_of("PATCH", f"/v2{IMAGE}")
            self.assertIsNotNone(matcher.match(environ))
        create.assert_not_called()

    def test_other_media_types(self) -> None:
        with mock.patch("webob.acceptparse.create_accept_header") as create:
            for accept in ("*/*", "application/json", "text/html;q=0.9, */*"):
                environ = fakes.environ_of("GET", "/", HTTP_ACCEPT=accept)
                self.assertIsNone(matching.accepted_version(environ))
        create.assert_not_called()


class FormTest(unittest.TestCase):
    def test_is_form_post(self) -> None:
        for method, content_type, query, expected in (
            ("POST", FORM, "", True),
            ("POST", "multipart/form-data; boundary=x", "", True),
            ("POST", f"{FORM};charset=utf-8", "", True),
            ("POST", f"{FORM} ;charset=utf-8", "", False),
            ("POST", FORM, "_method=x", False),
            ("POST", FORM, "a=_method", False),
            ("POST", "", "", False),
            ("post", FORM, "", False),
            ("POST", "Application/X-WWW-Form-Urlencoded", "", False),
            ("POST", "application/json", "", False),
            ("PUT", FORM, "", False),
            ("GET", FORM, "", False),
        ):
            environ = fakes.environ_of(
                method, "/", CONTENT_TYPE=content_type, QUERY_STRING=query
            )
            with self.subTest(method, type=content_type, query=query):
                found = matching.is_form_post(environ)
                self.assertEqual(expected, found)

    def test_form_method(self) -> None:
        environ = fakes.environ_of("POST", "/", CONTENT_TYPE=FORM)
        for body, expected in (
            (b"_method=delete", "DELETE"),
            (b"a=b&_method=PUT", "PUT"),
            (b'{"url": "http://h/?a=b&_method=GET&"}', "GET"),
            (b'{"url": "x"}', "POST"),
            (b"_method=", "POST"),
            (b"_method=%FF", "\ufffd"),
            (b"", "POST"),
        ):
            with self.subTest(body):
                found = matching.form_method(environ, body)
                self.assertEqual(expected, found)

    def test_form_method_in_parts(self) -> None:
        environ = fakes.environ_of(
            "POST",
            "/",
            b"left alone",
            CONTENT_TYPE="multipart/form-data; boundary=b",
        )
        for more, expected in (("", "DELETE"), ('; filename="f"', None)):
            body = (
                "--b\r\n"
                f'Content-Disposition: form-data; name="_method"{more}\r\n'
                "\r\n"
                "delete\r\n"
                "--b--\r\n"
            ).encode()
            with self.subTest(more):
                if expected is None:
                    with self.assertRaises(errors.BodyUnreadable):
                        matching.form_method(environ, body)
                    continue
                found = matching.form_method(environ, body)
                self.assertEqual(expected, found)


class AcceptOfChildTest(unittest.TestCase):
    def test_accept(self) -> None:
        for accept, keys, expected in (
            ("text/html", {}, "application/json"),
            (f"{MEDIA_TYPE}v2.1", {}, f"{MEDIA_TYPE}v2.1"),
            (f"{MEDIA_TYPE}v2.1", NEGOTIATED, "application/json"),
        ):
            environ = fakes.environ_of("GET", "/", HTTP_ACCEPT=accept)
            environ.update(keys)
            found = matching.accept_of_child(environ)
            self.assertEqual(expected, found)


class ServiceTest(unittest.TestCase):
    """What is not of version 2: the versions, and minor versions in URLs."""

    MATCHER = matching.CallMatcher(
        (
            calls.UPDATE_IMAGE,
            calls.SHOW_VERSIONS,
            calls.CALL_OF_MINOR_VERSION,
        )
    )

    def test_calls(self) -> None:
        for method, path, keys, expected in (
            ("GET", "", {}, calls.SHOW_VERSIONS),
            ("GET", "/", {}, calls.SHOW_VERSIONS),
            ("GET", "/versions", {}, calls.SHOW_VERSIONS),
            ("POST", "/versions/", {}, calls.SHOW_VERSIONS),
            ("GET", "/versions", NEGOTIATED, None),
            # As a method it is one like any other.
            (calls.ANY_METHOD, "/v2/versions", {}, None),
            ("GET", "/versions/x", {}, None),
            ("GET", "/v2.5/images", {}, calls.CALL_OF_MINOR_VERSION),
            ("GET", "/v2.5/images", NEGOTIATED, None),
            ("GET", "/v2/images", {}, None),
            ("PATCH", f"/v2.5{IMAGE}", {}, calls.UPDATE_IMAGE),
        ):
            with self.subTest(method, path=path):
                environ = {**fakes.environ_of(method, path), **keys}
                found = self.MATCHER.match(environ)
                self.assertEqual(expected, found and found.call)
                if found is not None:
                    self.assertEqual(path, found.path_info)

    def test_no_path(self) -> None:
        """It is the root then (PEP 3333)."""
        environ = fakes.environ_of("GET", "/")
        del environ["PATH_INFO"]
        found = self.MATCHER.match(environ)
        assert found is not None
        self.assertEqual(calls.SHOW_VERSIONS, found.call)

    def test_marks(self) -> None:
        self.assertIn("/versions", self.MATCHER.paths)
        others = matching.CallMatcher((calls.UPDATE_IMAGE,))
        for method in ("GET", "DELETE"):
            self.assertEqual(("/v2.",), self.MATCHER.marks[method])
            self.assertEqual((), others.marks[method])
        self.assertIn("/v2.", self.MATCHER.marks["PATCH"])
        self.assertEqual(frozenset(), others.paths)
        environ = fakes.environ_of("GET", "/versions")
        self.assertIsNone(others.match(environ))
