# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

from __future__ import annotations

import io
import unittest
from collections.abc import Iterable, Iterator
from typing import Any

from glance_filters import subrequest
from glance_filters.tests.unit import fakes


class AskTest(unittest.TestCase):
    def ask(self, app: Any, environ: dict[str, Any]) -> subrequest.Answer:
        return subrequest.ask(app, environ, source="guard", path_info="/p")

    def test_the_child(self) -> None:
        core = fakes.Core()
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
        answer = self.ask(core, environ)
        self.assertEqual(subrequest.Answer(200, answer.headers, b"{}"), answer)
        self.assertEqual(0, core.open_bodies)
        self.assertEqual([("GET", "/p", b"")], core.asked)
        (child,) = core.environs
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

    def test_an_application_that_starts_late_and_writes(self) -> None:
        def app(environ: Any, start_response: Any) -> Iterable[bytes]:
            write = start_response("201 Created", [("X-A", "b")])
            write(b"one ")
            yield b"two"

        answer = self.ask(app, fakes.environ_of("GET", "/"))
        expected = subrequest.Answer(201, (("X-A", "b"),), b"one two")
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

        for app in (raising, silent, broken, endless, nonsense):
            with self.subTest(app.__name__):
                with self.assertRaises(subrequest.NoAnswer):
                    self.ask(app, fakes.environ_of("GET", "/"))

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

        with self.assertRaises(subrequest.NoAnswer):
            self.ask(app, fakes.environ_of("GET", "/"))
        self.assertEqual(1, len(closed))

    def test_a_parent_without_a_body(self) -> None:
        environ = fakes.environ_of("GET", "/")
        environ["wsgi.input"] = io.BytesIO(b"left alone")
        core = fakes.Core()
        self.ask(core, environ)
        self.assertEqual(b"left alone", environ["wsgi.input"].read())
