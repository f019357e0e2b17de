# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
import json
import logging
import sys
import types
import unittest
from typing import Any
from unittest import mock

import webob

from glance_filters import errors
from glance_filters.glance_api import (
    calls,
    images,
    json_patch,
    matching,
    request,
    subrequest,
)
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID

LIMIT = 100
PATH = f"/v2/images/{IMAGE_ID}"
VERSION = matching.MEDIA_TYPE_PREFIX + "v2"
ACTIVE = b'{"status": "active"}'
FORM = "application/x-www-form-urlencoded"
MATCHER = matching.CallMatcher(
    (
        calls.UPDATE_IMAGE,
        calls.ADD_LOCATION,
        calls.DELETE_FROM_STORE,
        calls.UPLOAD_IMAGE,
    )
)
MATCH = matching.Match(calls.UPDATE_IMAGE, {"image_id": "ID"}, "/x", "/v2")


def environ_of(
    method: str = "PATCH", body: bytes = b"12345", **keys: Any
) -> dict[str, Any]:
    """Return an environ without a Content-Length unless one is given."""
    environ = fakes.environ_of(method, "/", **keys)
    environ["wsgi.input"] = io.BytesIO(body)
    return environ


def request_of(environ: dict[str, Any], app: Any = None) -> request.Request:
    return request.Request(app or fakes.Glance(), environ, MATCH, "a_filter")


class Quiet(unittest.TestCase):
    def setUp(self) -> None:
        # Logging prints to nowhere, rather than to the terminal.
        handler = logging.NullHandler()
        request.LOG.logger.addHandler(handler)
        self.addCleanup(request.LOG.logger.removeHandler, handler)
        self.glance = fakes.Glance()
        self.addCleanup(self.check_closed)

    def check_closed(self) -> None:
        self.assertEqual(0, self.glance.open_bodies)

    def request(
        self, method: str = "PATCH", path: str = PATH, **keys: Any
    ) -> request.Request:
        environ = fakes.environ_of(method, path, b"body", **keys)
        match = MATCHER.match(environ)
        assert match is not None
        return request.Request(self.glance, environ, match, "a_filter")


class VariableTest(Quiet):
    def test_is_text(self) -> None:
        """The environ has Latin-1 text of the octets."""
        made = self.request(path="/v2/images/\xc3\xa9")
        self.assertEqual("\u00e9", made.image_id)
        self.assertEqual(calls.UPDATE_IMAGE, made.call)


class FetchImageTest(Quiet):
    def fetch(
        self,
        answer: fakes.Answer,
        method: str = "PATCH",
        path: str = PATH,
        **keys: Any,
    ) -> images.Image:
        self.glance.answers["GET"] = answer
        made = self.request(method, path, **keys)
        before = dict(made.environ)
        try:
            return made.fetch_image()
        finally:
            self.assertEqual(before, made.environ)
            self.assertEqual(b"body", made.environ["wsgi.input"].read())

    def test_child(self) -> None:
        media_type = {"HTTP_ACCEPT": VERSION}
        for method, path, keys, asked, accept in (
            ("PATCH", PATH, {}, PATH, "application/json"),
            ("POST", f"{PATH}/locations", {}, PATH, "application/json"),
            (
                "DELETE",
                f"/v2.6//stores/fast/{IMAGE_ID}",
                {},
                f"/v2.6/images/{IMAGE_ID}",
                "application/json",
            ),
            (
                "PATCH",
                f"/images/{IMAGE_ID}",
                media_type,
                f"/images/{IMAGE_ID}",
                VERSION,
            ),
        ):
            with self.subTest(method, path=path):
                self.glance.asked.clear()
                self.glance.environs.clear()
                found = self.fetch(fakes.image("active"), method, path, **keys)
                self.assertEqual(images.Image(status="active"), found)
                self.assertEqual([("GET", asked, b"")], self.glance.asked)
                (child,) = self.glance.environs
                self.assertEqual(accept, child["HTTP_ACCEPT"])
                self.assertEqual("a_filter", child["glance_filters.source"])

    def test_hidden(self) -> None:
        for line, code in (
            ("300 Multiple Choices", 300),
            ("401 Unauthorized", 401),
            ("403 Forbidden", 403),
            ("404 Not Found", 404),
        ):
            with self.subTest(line):
                # Whatever else Glance says then.
                with self.assertRaises(images.ImageHidden) as caught:
                    self.fetch(fakes.Answer(line, ACTIVE))
                self.assertEqual(code, caught.exception.code)

    def test_unknown(self) -> None:
        for name, answer, reason in (
            # An image that comes with any other code does not count.
            ("created", fakes.Answer("201 Created", ACTIVE), "201"),
            ("partial", fakes.Answer("206 Partial Content", ACTIVE), "206"),
            ("moved", fakes.Answer("302 Found", ACTIVE), "302"),
            ("bad request", fakes.Answer("400 Bad Request", ACTIVE), "400"),
            ("conflict", fakes.Answer("409 Conflict", ACTIVE), "409"),
            ("gone", fakes.Answer("410 Gone", ACTIVE), "410"),
            ("failure", fakes.Answer("500 Failure", ACTIVE), "500"),
            ("unavailable", fakes.Answer("503 Unavailable", ACTIVE), "503"),
            ("raised", fakes.Answer(error=RuntimeError("secret")), "secret"),
            ("no code", fakes.Answer("OK really", ACTIVE), "OK"),
            ("cut off", fakes.Answer(body=ACTIVE[:-1]), "JSON"),
            ("list", fakes.Answer(body=b"[]"), "list"),
        ):
            with self.subTest(name):
                with self.assertLogs(request.LOG.logger) as logs:
                    with self.assertRaises(errors.ImageUnknown) as caught:
                        self.fetch(answer)
                text = str(caught.exception)
                self.assertIn(IMAGE_ID, text)
                self.assertNotIn("secret", text)
                (line,) = logs.output
                self.assertIn(IMAGE_ID, line)
                self.assertIn(reason, line)

    def test_size(self) -> None:
        limit = subrequest.MAX_BODY_BYTES
        body = json.dumps({"status": "active", "a": ""}).encode()
        full = body[:-2] + b"x" * (limit - len(body)) + body[-2:]
        self.assertEqual("active", self.fetch(fakes.Answer(body=full)).status)
        with self.assertRaises(errors.ImageUnknown):
            self.fetch(fakes.Answer(body=full + b" "))


class RouteExistsTest(Quiet):
    def test_statuses(self) -> None:
        for answer, expected in (
            (fakes.Answer("405 Method Not Allowed"), True),
            (fakes.Answer("200 OK"), True),
            (fakes.Answer("404 Not Found"), False),
            (fakes.Answer(error=OSError("x")), True),
        ):
            self.glance.asked.clear()
            self.glance.answers["HEAD"] = answer
            made = self.request("DELETE", f"/v2/stores/fast/{IMAGE_ID}")
            self.assertIs(expected, made.route_exists(), answer)
            self.assertEqual(
                [("HEAD", f"/v2/stores/fast/{IMAGE_ID}", b"")],
                self.glance.asked,
            )


class BufferBodyTest(unittest.TestCase):
    def read(self, environ: dict[str, Any]) -> bytes | None:
        return request_of(environ).buffer_body(LIMIT)

    def test_what_is_read(self) -> None:
        chunked = {"HTTP_TRANSFER_ENCODING": "chunked"}
        for keys, expected in (
            ({"CONTENT_LENGTH": "5"}, b"12345"),
            ({"CONTENT_LENGTH": "3"}, b"123"),
            ({}, None),
            (chunked, b"12345"),
            ({**chunked, "wsgi.input_terminated": True}, b"12345"),
        ):
            with self.subTest(**keys):
                environ = environ_of()
                environ.update(keys)
                before = dict(environ)
                self.assertEqual(expected, self.read(environ))
                # Handed on: the same bytes, then the end; nothing else.
                rest = environ["wsgi.input"].read()
                handed_on = b"12345" if expected is None else expected
                self.assertEqual(handed_on, rest)
                del environ["wsgi.input"], before["wsgi.input"]
                self.assertEqual(before, environ)

    def test_streams_that_give_little_at_a_time(self) -> None:
        class Dribble(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                return super().read(min(size, 2) if size and size > 0 else 2)

        environ = environ_of(HTTP_TRANSFER_ENCODING="chunked")
        environ["wsgi.input"] = Dribble(b"12345")
        self.assertEqual(b"12345", self.read(environ))
        self.assertEqual(b"12345", environ["wsgi.input"].read())

    def test_what_follows_the_body_is_left(self) -> None:
        stream = io.BytesIO(b"12345PATCH /next")
        environ = environ_of(CONTENT_LENGTH="5")
        environ["wsgi.input"] = stream
        self.assertEqual(b"12345", self.read(environ))
        self.assertEqual(b"PATCH /next", stream.read())

    def test_a_length_over_the_limit_is_not_read_at_all(self) -> None:
        environ = environ_of(CONTENT_LENGTH=str(LIMIT + 1))
        with self.assertRaises(errors.BodyTooLarge):
            self.read(environ)
        self.assertEqual(0, environ["wsgi.input"].tell())

    def test_limit(self) -> None:
        body = bytes(LIMIT)
        for keys in (
            {"CONTENT_LENGTH": str(LIMIT)},
            {"HTTP_TRANSFER_ENCODING": "chunked"},
        ):
            self.assertEqual(body, self.read(environ_of(body=body, **keys)))
        body += b"x"
        for keys in (
            {"CONTENT_LENGTH": str(LIMIT + 1)},
            {"HTTP_TRANSFER_ENCODING": "chunked"},
        ):
            environ = environ_of(body=body * 1000, **keys)
            with self.assertRaises(errors.BodyTooLarge):
                self.read(environ)
            # No more was read than is needed to know.
            self.assertLessEqual(environ["wsgi.input"].tell(), LIMIT + 1)

    def test_too_early(self) -> None:
        with self.assertRaises(errors.BodyUnreadable):
            self.read(environ_of(CONTENT_LENGTH="6"))
        for error in (OSError("x"), ValueError("x"), EOFError("x")):
            for keys in (
                {"CONTENT_LENGTH": "5"},
                {"HTTP_TRANSFER_ENCODING": "chunked"},
            ):
                stream = mock.Mock()
                stream.read.side_effect = [b"1", error]
                environ = environ_of()
                environ.update(keys)
                environ["wsgi.input"] = stream
                with self.assertRaisesRegex(errors.BodyUnreadable, "early"):
                    self.read(environ)

    def test_a_body_that_was_read_before(self) -> None:
        environ = environ_of(CONTENT_LENGTH="5")
        environ["webob.is_body_seekable"] = True
        environ["wsgi.input"].read()
        self.assertEqual(b"12345", self.read(environ))
        self.assertEqual(b"12345", self.read(environ))

    def test_a_form_that_was_read_before(self) -> None:
        # What webob remembers of it goes with the stream it came from.
        environ = environ_of(
            "POST",
            b"a=b",
            CONTENT_LENGTH="3",
            CONTENT_TYPE="application/x-www-form-urlencoded",
        )
        self.assertEqual("b", webob.Request(environ).POST.get("a"))
        self.assertEqual(b"a=b", self.read(environ))
        remembered = {key for key in environ if key.startswith("webob.")}
        self.assertEqual(set(), remembered)
        self.assertEqual("b", webob.Request(environ).POST.get("a"))


class UwsgiTest(unittest.TestCase):
    def read(self, environ: dict[str, Any]) -> bytes | None:
        return request_of(environ).buffer_body(LIMIT)

    def environ(self, *chunks: bytes) -> dict[str, Any]:
        uwsgi = types.ModuleType("uwsgi")
        left = list(chunks)
        uwsgi.chunked_read = (  # type: ignore[attr-defined]
            lambda: left.pop(0) if left else b""
        )
        patch = mock.patch.dict(sys.modules, uwsgi=uwsgi)
        patch.start()
        self.addCleanup(patch.stop)
        return environ_of(body=b"", HTTP_TRANSFER_ENCODING="chunked")

    def test_chunks(self) -> None:
        environ = self.environ(b"123", b"45")
        self.assertEqual(b"12345", self.read(environ))
        # They cannot be read a second time, so Glance finds them here.
        self.assertEqual("5", environ["CONTENT_LENGTH"])
        self.assertNotIn("HTTP_TRANSFER_ENCODING", environ)
        self.assertEqual(b"12345", environ["wsgi.input"].read())

    def test_limit(self) -> None:
        environ = self.environ(bytes(LIMIT), b"x", b"y")
        with self.assertRaises(errors.BodyTooLarge):
            self.read(environ)

    def test_too_early(self) -> None:
        environ = self.environ()
        failing = mock.Mock(side_effect=[b"1", OSError("no chunk")])
        with mock.patch.object(sys.modules["uwsgi"], "chunked_read", failing):
            with self.assertRaisesRegex(errors.BodyUnreadable, "early"):
                self.read(environ)

    def test_a_length(self) -> None:
        environ = self.environ(b"chunks")
        del environ["HTTP_TRANSFER_ENCODING"]
        environ["CONTENT_LENGTH"] = "4"
        environ["wsgi.input"] = io.BytesIO(b"body")
        self.assertEqual(b"body", self.read(environ))


class FormTest(unittest.TestCase):
    """Routes looks into forms, and drops what webob cannot read."""

    def test_form_that_the_router_drops(self) -> None:
        environ = environ_of(
            "POST", CONTENT_TYPE=FORM, HTTP_TRANSFER_ENCODING="chunked"
        )
        made = request_of(environ)
        self.assertIsNone(made.buffer_body(LIMIT))
        self.assertIsNone(made.read_json(LIMIT))

    def test_malformed(self) -> None:
        multipart = "multipart/form-data"
        disposition = b'Content-Disposition: form-data; name="_method"'
        for content_type, body in (
            (multipart, b"x"),
            (f"{FORM}; charset=none-such", b"a=b"),
            (
                f"{multipart}; boundary=b",
                b"--b\r\n" + disposition + b'; filename="f"\r\n\r\nPUT\r\n'
                b"--b--\r\n",
            ),
        ):
            environ = environ_of(
                "POST",
                body,
                CONTENT_TYPE=content_type,
                CONTENT_LENGTH=str(len(body)),
            )
            with self.subTest(content_type, body=body):
                with self.assertRaisesRegex(errors.BodyUnreadable, "form"):
                    request_of(environ).read_json(LIMIT)


class ReadJsonTest(unittest.TestCase):
    def read(self, body: bytes, max_bytes: int = 100, **keys: Any) -> Any:
        environ = fakes.environ_of("POST", "/v2/images", body, **keys)
        found = request_of(environ).read_json(max_bytes)
        # Glance finds what it would have found.
        self.assertEqual(body, environ["wsgi.input"].read())
        return found

    def test_documents(self) -> None:
        for body, expected in (
            (b'{"a": 1}', {"a": 1}),
            (b"[1]", [1]),
            (b"{", None),
            (b"1", None),
            (b"", None),
        ):
            self.assertEqual(expected, self.read(body), str(body))

    def test_forms(self) -> None:
        for body, expected in (
            (b'{"a": "&_method=POST&"}', {"a": "&_method=POST&"}),
            (b'{"a": "&_method=PUT&"}', None),
            (b'{"a": "&_method=GET&"}', None),
            (b'{"a": 1}', {"a": 1}),
        ):
            self.assertEqual(expected, self.read(body, CONTENT_TYPE=FORM))

    def test_too_long(self) -> None:
        with self.assertRaises(errors.BodyTooLarge):
            self.read(b'{"a": 1}', 7)


class ReadPatchTest(unittest.TestCase):
    def test_operations(self) -> None:
        remove = b'[{"op": "remove", "path": "/a"}]'
        for content_type, body, expected in (
            (
                json_patch.MEDIA_TYPE_2_1,
                remove,
                [json_patch.Operation("remove", ("a",))],
            ),
            (json_patch.MEDIA_TYPE_2_0, remove, []),
            ("application/json", remove, []),
            (json_patch.MEDIA_TYPE_2_1, b"", []),
            (json_patch.MEDIA_TYPE_2_1, b"{}", []),
            # What is no patch is not read, however long it is.
            ("application/json", b"1" * (LIMIT + 1), []),
        ):
            with self.subTest(content_type, body=body):
                environ = fakes.environ_of(
                    "PATCH", PATH, body, CONTENT_TYPE=content_type
                )
                found = request_of(environ).read_patch(LIMIT)
                self.assertEqual(expected, found)
                self.assertEqual(body, environ["wsgi.input"].read())


class FramingTest(unittest.TestCase):
    def test_each_reader_refuses_a_body_of_unknown_length(self) -> None:
        readers: dict[str, Any] = {
            "buffer_body": lambda made: made.buffer_body(LIMIT),
            "read_json": lambda made: made.read_json(LIMIT),
            "read_patch": lambda made: made.read_patch(LIMIT),
            "take_upload": lambda made: made.take_upload(),
        }
        for name, read in readers.items():
            for length in ("-5", "5, 5"):
                environ = environ_of(
                    "PATCH", CONTENT_TYPE=json_patch.MEDIA_TYPE_2_1
                )
                environ["CONTENT_LENGTH"] = length
                with self.subTest(name, length=length):
                    with self.assertRaises(errors.BadRequest):
                        read(request_of(environ))
                    self.assertEqual(0, environ["wsgi.input"].tell())


class UploadTest(unittest.TestCase):
    def test_put_back(self) -> None:
        environ = environ_of("PUT", CONTENT_LENGTH="5")
        environ["webob._body_file"] = object()
        made = request_of(environ)
        made.replace_input(made.take_upload())
        self.assertEqual(b"12345", webob.Request(environ).body_file.read())

    def test_chunks_of_uwsgi_are_put_back(self) -> None:
        uwsgi = mock.Mock()
        uwsgi.chunked_read.side_effect = [b"123", b"45", b""]
        environ = environ_of(
            "PUT",
            b"",
            HTTP_TRANSFER_ENCODING="chunked",
            CONTENT_LENGTH="",
        )
        with mock.patch.dict("sys.modules", uwsgi=uwsgi):
            made = request_of(environ)
            made.replace_input(made.take_upload())
        self.assertNotIn("HTTP_TRANSFER_ENCODING", environ)
        self.assertEqual(b"12345", webob.Request(environ).body_file.read())


class DrainTest(unittest.TestCase):
    def test_what_is_left(self) -> None:
        for name, read, seconds, left in (
            ("nothing read", lambda made: None, 60, b""),
            ("begun", lambda made: made.take_upload().read(2), 60, b""),
            ("buffered", lambda made: made.buffer_body(LIMIT), 60, b""),
            ("switched off", lambda made: None, 0, b"12345"),
        ):
            environ = environ_of("PUT", b"12345next", CONTENT_LENGTH="5")
            stream = environ["wsgi.input"]
            made = request_of(environ)
            read(made)
            made.drain(seconds)
            with self.subTest(name):
                self.assertEqual(left + b"next", stream.read())

    def test_no_framing(self) -> None:
        environ = environ_of("PUT")
        environ["CONTENT_LENGTH"] = "-5"
        stream = environ["wsgi.input"]
        request_of(environ).drain(60)
        self.assertEqual(b"12345", stream.read())


class CaptureTest(Quiet):
    def test_fields(self) -> None:
        made = self.request("PATCH", HTTP_RANGE="bytes=0-1", HTTP_X_A="1")
        made.environ["webob.adhoc_attrs"] = attributes = {"context": 1}
        captured = made.capture({"HTTP_X_B": "2"}, without=["HTTP_RANGE"])
        captured.close()
        (environ,) = self.glance.environs
        self.assertNotIn("HTTP_RANGE", environ)
        self.assertEqual("1", environ["HTTP_X_A"])
        self.assertEqual("2", environ["HTTP_X_B"])
        self.assertIsNot(attributes, environ["webob.adhoc_attrs"])
        self.assertEqual(attributes, environ["webob.adhoc_attrs"])
        self.assertEqual("bytes=0-1", made.environ["HTTP_RANGE"])
        self.assertNotIn("HTTP_X_B", made.environ)

    def test_whose_environ_glance_gets(self) -> None:
        """The server's own, unless something in it is to be another."""
        for fields, is_own in ((None, True), ({}, False), ({"X": "2"}, False)):
            made = self.request(HTTP_X_A="1")
            environs: list[dict[str, Any]] = []

            def glance(
                environ: Any, start_response: Any, got: Any = environs
            ) -> list[bytes]:
                got.append(environ)
                start_response("200 OK", [])
                return []

            made.app = glance
            before = made.environ
            made.capture(fields)
            self.assertIs(is_own, before is environs[0])
            expected = {**before, **(fields or {})}
            self.assertEqual(expected, environs[0])
            self.assertNotIn("X", made.environ)

    def test_what_glance_writes_into_its_environ(self) -> None:
        def glance(environ: Any, start_response: Any) -> list[bytes]:
            environ["PATH_INFO"] = "/elsewhere"
            start_response("200 OK", [])
            return []

        made = self.request()
        made.app = glance
        made.capture()
        self.assertEqual(PATH, made.environ["PATH_INFO"])

    def test_whole(self) -> None:
        """Nothing asks for less than the whole, or for a coding of it."""
        made = self.request(
            HTTP_ACCEPT_ENCODING="gzip",
            HTTP_CONTENT_RANGE="bytes 0-1/*",
            HTTP_IF_MATCH='"x"',
            HTTP_IF_MODIFIED_SINCE="x",
            HTTP_IF_NONE_MATCH='"x"',
            HTTP_IF_RANGE='"x"',
            HTTP_IF_UNMODIFIED_SINCE="x",
            HTTP_RANGE="bytes=0-1",
        )
        made.capture_whole().close()
        (environ,) = self.glance.environs
        left = [
            key
            for key in environ
            if key.startswith(("HTTP_IF", "HTTP_ACCEPT_E"))
            or key.endswith("RANGE")
        ]
        self.assertEqual([], left)
