# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
import unittest
from collections.abc import Iterable, Iterator
from typing import Any

from glance_filters.glance_api import subrequest
from glance_filters.tests.unit import fakes


class SendTest(unittest.TestCase):
    def ask(self, app: Any, environ: dict[str, Any]) -> subrequest.SubResponse:
        return subrequest.send(app, environ, source="guard", path_info="/p")

    def test_the_child(self) -> None:
        glance = fakes.Glance()
        context = {"context": object()}
        environ = fakes.environ_of(
            "PATCH",
            "/v2/images/ID",
            b"body",
            QUERY_STRING="_method=PATCH",
            SCRIPT_NAME="/image",
            CONTENT_TYPE="a/b",
            HTTP_ACCEPT="text/html",
            HTTP_RANGE="bytes=0-1",
            HTTP_IF_MATCH='"x"',
            HTTP_TRANSFER_ENCODING="chunked",
            HTTP_X_HTTP_METHOD_OVERRIDE="DELETE",
            HTTP_X_AUTH_TOKEN="token",
            HTTP_X_ROLES="member",
            HTTP_X_SERVICE_ROLES=None,
            REMOTE_USER="alice",
        )
        environ["keystone.token_info"] = {"token": {}}
        environ["webob.adhoc_attrs"] = context
        environ["webob._parsed_query_vars"] = object()
        answer = self.ask(glance, environ)
        self.assertEqual(
            subrequest.SubResponse(200, answer.headers, b"{}"), answer
        )
        self.assertEqual(0, glance.open_bodies)
        self.assertEqual([("GET", "/p", b"")], glance.asked)
        (child,) = glance.environs
        for key in (
            "SCRIPT_NAME",
            "HTTP_X_AUTH_TOKEN",
            "HTTP_X_ROLES",
            "HTTP_X_SERVICE_ROLES",
            "REMOTE_USER",
            "keystone.token_info",
            "SERVER_NAME",
            "wsgi.url_scheme",
        ):
            self.assertEqual(environ[key], child[key], key)
        for key in (
            "CONTENT_TYPE",
            "CONTENT_LENGTH",
            "HTTP_RANGE",
            "HTTP_IF_MATCH",
            "HTTP_TRANSFER_ENCODING",
            "HTTP_X_HTTP_METHOD_OVERRIDE",
            "webob._parsed_query_vars",
        ):
            self.assertNotIn(key, child)
        self.assertEqual("", child["QUERY_STRING"])
        self.assertEqual("application/json", child["HTTP_ACCEPT"])
        self.assertEqual("guard", child[subrequest.SOURCE_KEY])
        # What the child sets there must not reach the parent.
        self.assertEqual(context, child["webob.adhoc_attrs"])
        self.assertIsNot(context, child["webob.adhoc_attrs"])
        # The parent's body is still to be read.
        self.assertEqual(b"body", environ["wsgi.input"].read())

    def test_a_body(self) -> None:
        glance = fakes.Glance()
        environ = fakes.environ_of("PATCH", "/", b"parent", CONTENT_TYPE="p")
        subrequest.send(
            glance,
            environ,
            source="guard",
            path_info="/p",
            method="POST",
            accept="c/d",
            content_type="a/b",
            body=b"child",
        )
        self.assertEqual([("POST", "/p", b"child")], glance.asked)
        (child,) = glance.environs
        for key, expected in (
            ("CONTENT_TYPE", "a/b"),
            ("CONTENT_LENGTH", "5"),
            ("HTTP_ACCEPT", "c/d"),
        ):
            self.assertEqual(expected, child[key])
        self.assertEqual(b"parent", environ["wsgi.input"].read())

    def test_what_is_handed_down(self) -> None:
        """Identity, transport and server: all of it, and nothing else."""
        kept = (
            "GATEWAY_INTERFACE",
            "HTTPS",
            "HTTP_AUTHORIZATION",
            "HTTP_COOKIE",
            "HTTP_FORWARDED",
            "HTTP_HOST",
            "HTTP_OPENSTACK_SYSTEM_SCOPE",
            "HTTP_X_AUTH_TOKEN",
            "HTTP_X_FORWARDED_PROTO",
            "HTTP_X_IDENTITY_STATUS",
            "HTTP_X_OPENSTACK_REQUEST_ID",
            "HTTP_X_PROJECT_ID",
            "HTTP_X_ROLES",
            "HTTP_X_USER_ID",
            "REMOTE_ADDR",
            "REMOTE_USER",
            "SCRIPT_NAME",
            "SERVER_NAME",
            "SERVER_PORT",
            "SERVER_PROTOCOL",
            "SSL_CLIENT_S_DN",
            "api.version",
            "keystone.token_auth",
            "openstack.request_id",
            "paste.config",
            "wsgi.errors",
            "wsgi.multiprocess",
            "wsgi.multithread",
            "wsgi.run_once",
            "wsgi.url_scheme",
            "wsgi.version",
        )
        dropped = (
            "CONTENT_LENGTH",
            "CONTENT_TYPE",
            "HTTP_ACCEPT_ENCODING",
            "HTTP_CONNECTION",
            "HTTP_CONTENT_RANGE",
            "HTTP_EXPECT",
            "HTTP_IF_MATCH",
            "HTTP_IF_MODIFIED_SINCE",
            "HTTP_IF_NONE_MATCH",
            "HTTP_IF_RANGE",
            "HTTP_IF_UNMODIFIED_SINCE",
            "HTTP_RANGE",
            "HTTP_TRANSFER_ENCODING",
            "HTTP_X_HTTP_METHOD",
            "HTTP_X_HTTP_METHOD_OVERRIDE",
            "HTTP_X_METHOD_OVERRIDE",
            "REQUEST_URI",
            "RAW_URI",
            "paste.parsed_querystring",
            "routes.route",
            "webob._parsed_post_vars",
            "webob._parsed_query_vars",
            "webob.is_body_seekable",
            "wsgi.file_wrapper",
            "wsgi.input_terminated",
            "wsgiorg.routing_args",
        )
        environ: dict[str, Any] = {key: object() for key in (*kept, *dropped)}
        environ["REQUEST_METHOD"] = "PATCH"
        environ["PATH_INFO"] = "/v2/images/ID"
        environ["QUERY_STRING"] = "_method=DELETE"
        environ["HTTP_ACCEPT"] = "text/html"
        environ["wsgi.input"] = object()
        seen: list[dict[str, Any]] = []

        def app(child: Any, start_response: Any) -> Iterable[bytes]:
            seen.append(child)
            start_response("200 OK", [])
            return []

        before = dict(environ)
        subrequest.send(
            app, environ, source="s", path_info="/p", method="HEAD"
        )
        self.assertEqual(before, environ)
        (child,) = seen
        stream = child.pop("wsgi.input")
        self.assertEqual(b"", stream.read())
        self.assertEqual(
            {
                **{key: environ[key] for key in kept},
                "REQUEST_METHOD": "HEAD",
                "PATH_INFO": "/p",
                "QUERY_STRING": "",
                "HTTP_ACCEPT": "application/json",
                "glance_filters.source": "s",
            },
            child,
        )

    def test_what_the_child_sets_stays_with_it(self) -> None:
        environ = fakes.environ_of("GET", "/")
        context = environ["webob.adhoc_attrs"] = {"context": object()}
        before = dict(context)

        def app(child: Any, start_response: Any) -> Iterable[bytes]:
            child["webob.adhoc_attrs"]["context"] = object()
            child["REMOTE_USER"] = "another"
            start_response("200 OK", [])
            return []

        self.ask(app, environ)
        self.assertEqual(before, context)
        self.assertNotIn("REMOTE_USER", environ)

    def test_an_answer_that_is_started_again(self) -> None:
        def app(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [])
            error = (ValueError, ValueError("x"), None)
            start_response("500 It failed", [("X-A", "b")], error)
            return []

        answer = self.ask(app, fakes.environ_of("GET", "/"))
        self.assertEqual(500, answer.status)
        self.assertEqual((("X-A", "b"),), answer.headers)

    def test_size(self) -> None:
        limit = subrequest.MAX_BODY_BYTES
        for size in (0, limit, limit + 1):
            glance = fakes.Glance({"GET": fakes.Answer(body=bytes(size))})
            with self.subTest(size):
                if size > limit:
                    with self.assertRaises(subrequest.NoResponse):
                        self.ask(glance, fakes.environ_of("GET", "/"))
                else:
                    answer = self.ask(glance, fakes.environ_of("GET", "/"))
                    self.assertEqual(size, len(answer.body))
                self.assertEqual(0, glance.open_bodies)

    def test_an_application_that_starts_late_and_writes(self) -> None:
        def app(environ: Any, start_response: Any) -> Iterable[bytes]:
            write = start_response("201 Created", [("X-A", "b")])
            write(b"one ")
            yield b"two"

        answer = self.ask(app, fakes.environ_of("GET", "/"))
        expected = subrequest.SubResponse(201, (("X-A", "b"),), b"one two")
        self.assertEqual(expected, answer)

    def test_no_answer(self) -> None:
        def raising(environ: Any, start_response: Any) -> Iterable[bytes]:
            raise ValueError("x")

        def silent(environ: Any, start_response: Any) -> Iterable[bytes]:
            return [b""]

        def broken(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [])
            yield b"x"
            raise OSError("x")

        def endless(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [])
            while True:
                yield bytes(65536)

        def nonsense(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("OK", [])
            return []

        for app, reason in (
            (raising, "ValueError: x"),
            (silent, "RuntimeError: the application ended without a status"),
            (broken, "OSError: x"),
            (endless, "more than 16777216 bytes"),
            (nonsense, "ValueError: "),
        ):
            with self.subTest(app.__name__):
                with self.assertRaises(subrequest.NoResponse) as caught:
                    self.ask(app, fakes.environ_of("GET", "/"))
                self.assertIn(reason, str(caught.exception))

    def test_closed_when_it_breaks(self) -> None:
        closed = []

        class Body:
            def __iter__(self) -> Iterator[bytes]:
                raise OSError("x")

            def close(self) -> None:
                closed.append(self)

        def app(environ: Any, start_response: Any) -> Iterable[bytes]:
            start_response("200 OK", [])
            return Body()

        with self.assertRaises(subrequest.NoResponse):
            self.ask(app, fakes.environ_of("GET", "/"))
        self.assertEqual(1, len(closed))

    def test_a_parent_without_a_body(self) -> None:
        environ = fakes.environ_of("GET", "/")
        environ["wsgi.input"] = io.BytesIO(b"left alone")
        glance = fakes.Glance()
        self.ask(glance, environ)
        self.assertEqual(b"left alone", environ["wsgi.input"].read())
