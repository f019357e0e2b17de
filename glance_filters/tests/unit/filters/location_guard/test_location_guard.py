# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import html
import itertools
import json
import logging
import os
import tempfile
import unittest
from concurrent import futures
from typing import Any
from unittest import mock

from oslo_config import cfg

from glance_filters.filters import base, configuration, location_guard
from glance_filters.glance_api import images as images_api
from glance_filters.glance_api import subrequest
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID
from glance_filters.tests.unit.filters.location_guard.cases import (
    PATCH,
    PATH,
    TABLE,
    GuardTestCase,
)


class TableTest(GuardTestCase):
    def test_every_status(self) -> None:
        for (op, request, allowed), status in itertools.product(
            TABLE, images_api.STATUSES
        ):
            with self.subTest(op=op, method=request[0], status=status):
                self.glance.answers["GET"] = fakes.image(status)
                code, _, body = self.send(request)
                if status in allowed:
                    self.assertEqual(200, code)
                    self.assertEqual(
                        [("GET", PATH, b""), request], self.glance.asked
                    )
                    continue
                self.assertEqual(409, code)
                # HEAD asks whether Glance has the call at all.
                expected = (
                    ["GET"] if request[0] == "PATCH" else ["GET", "HEAD"]
                )
                self.assertEqual(expected, self.glance.methods)
                for word in (op, status, ", ".join(allowed)):
                    self.assertIn(word, body.decode())

    def test_every_form(self) -> None:
        """As the client accepts it: operation, status, what is allowed."""
        self.glance.answers["GET"] = fakes.image("importing")
        text = (
            f"The operation replace on the locations of image {IMAGE_ID} "
            "conflicts with its status importing. Statuses in which it is "
            "allowed: active, queued."
        )
        _, request, _ = TABLE[1]
        for accept, title in (
            ("text/plain", "409 Conflict"),
            ("text/html", "<h1>409 Conflict</h1>"),
            ("application/json", '"code": "409 Conflict"'),
        ):
            with self.subTest(accept):
                code, _, body = self.send(request, HTTP_ACCEPT=accept)
                self.assertEqual(409, code)
                self.assertIn(title, body.decode())
                if accept == "application/json":
                    body = json.loads(body)["message"].encode()
                self.assertIn(text, html.unescape(body.decode()))

    def test_body_is_handed_on(self) -> None:
        """Byte for byte, however it is written and wherever it ends."""
        self.glance.answers["GET"] = fakes.image("active")
        plain = TABLE[0][1][2]
        for body in (
            plain,
            b" \r\n" + plain + b"\n\n",
            plain.replace(b"l", b"\\u006c"),
            b'[{"op": "add", "op": "remove", "path": "/locations/0"}]',
            '[{"op": "remove", "path": "/\u2003locations/0"}]'.encode(),
        ):
            with self.subTest(body):
                request = ("PATCH", PATH, body)
                self.assertEqual(200, self.send(request)[0])
                self.assertEqual(
                    [("GET", PATH, b""), request], self.glance.asked
                )

    def test_refusals_are_logged(self) -> None:
        logging.disable(logging.NOTSET)
        self.glance.answers["GET"] = fakes.image("saving")
        _, remove, _ = TABLE[0]
        rename = b'[{"op": "replace", "path": "/base", "value": "x"}]'
        for request, words in (
            (
                remove,
                (
                    "location_guard refused update_image",
                    "remove",
                    IMAGE_ID,
                    "saving",
                ),
            ),
            (("PATCH", PATH, rename), ("base", IMAGE_ID)),
        ):
            with self.assertLogs(base.LOG.logger, "INFO") as logs:
                self.send(request)
            (line,) = logs.output
            for word in words:
                self.assertIn(word, line)

    def test_a_status_that_nobody_knows(self) -> None:
        self.glance.answers["GET"] = fakes.image("melted")
        for _, request, _ in TABLE:
            self.assertEqual(409, self.send(request)[0])

    def test_options(self) -> None:
        self.glance.answers["GET"] = fakes.image("killed")
        for option, rows in (
            ("remove_statuses", (0, 4)),
            ("replace_statuses", (1,)),
            ("add_statuses", (2,)),
            ("location_api_statuses", (3,)),
        ):
            guard = self.guard(**{option: "killed"})
            for index, (_, (method, path, body), _) in enumerate(TABLE):
                environ = fakes.environ_of(
                    method, path, body, CONTENT_TYPE=PATCH
                )
                expected = 200 if index in rows else 409
                with self.subTest(option, row=index):
                    self.assertEqual(expected, fakes.call(guard, environ)[0])

    def test_never(self) -> None:
        self.glance.answers["GET"] = fakes.image("active")
        guard = self.guard(remove_statuses="")
        method, path, body = TABLE[0][1]
        environ = fakes.environ_of(method, path, body, CONTENT_TYPE=PATCH)
        code, _, text = fakes.call(guard, environ)
        self.assertEqual(409, code)
        self.assertIn(b"allowed: none", text)

    def test_one_forbidden_part_refuses_the_whole(self) -> None:
        self.glance.answers["GET"] = fakes.image("queued")
        add = {"op": "add", "path": "/locations/-", "value": {}}
        remove = {"op": "remove", "path": "/locations/0"}
        name = {"op": "replace", "path": "/name", "value": "x"}
        for patch, expected in (
            ([add, name], 200),
            ([name, add, remove], 409),
            ([remove, add], 409),
        ):
            body = json.dumps(patch).encode()
            with self.subTest(patch):
                self.assertEqual(expected, self.send(("PATCH", PATH, body))[0])


class OtherRequestsTest(GuardTestCase):
    """What is no change of locations reaches Glance in any status."""

    def test_pass(self) -> None:
        self.glance.answers["GET"] = fakes.image("saving")
        rename = b'[{"op": "replace", "path": "/name", "value": "x"}]'
        remove = TABLE[0][1][2]
        for name, request, keys in (
            ("a property", ("PATCH", PATH, rename), {}),
            ("malformed", ("PATCH", PATH, b"[{"), {}),
            ("no patch", ("PATCH", PATH, remove), {"CONTENT_TYPE": "a/b"}),
            ("no body", ("PATCH", PATH, b""), {}),
            ("another method", ("PUT", PATH, remove), {}),
            ("another path", ("PATCH", f"{PATH}/file", remove), {}),
            ("no JSON", ("POST", f"{PATH}/locations", b"url"), {}),
            ("no body", ("POST", f"{PATH}/locations", b""), {}),
            ("a body", ("DELETE", f"/v2/stores/a/{IMAGE_ID}", b"x"), {}),
        ):
            with self.subTest(name, request=request):
                self.assertEqual(200, self.send(request, **keys)[0])
                # Glance is asked for the image, before it is locked.
                image = ("GET", PATH, b"")
                is_ours = not name.startswith("another")
                expected = [image, request] if is_ours else [request]
                self.assertEqual(expected, self.glance.asked)

    def test_calls_that_glance_does_not_have(self) -> None:
        self.glance.answers["GET"] = fakes.image("saving")
        self.glance.answers["HEAD"] = fakes.Answer("404 Not Found", b"")
        for _, request, _ in TABLE[3:]:
            self.assertEqual(200, self.send(request)[0])
            self.assertEqual(request, self.glance.asked[-1])
        self.glance.answers["HEAD"] = fakes.Answer(error=OSError("gone"))
        for _, request, _ in TABLE[3:]:
            self.assertEqual(409, self.send(request)[0])

    def test_disabled(self) -> None:
        self.glance.answers["GET"] = fakes.image("saving")
        guard = self.guard(enabled="false")
        for _, (method, path, body), _ in TABLE:
            environ = fakes.environ_of(method, path, body, CONTENT_TYPE=PATCH)
            self.assertEqual(200, fakes.call(guard, environ)[0])
        self.assertNotIn("GET", self.glance.methods)

    def test_forms(self) -> None:
        """Routes takes a form's _method for the method; webob reads it."""
        form = "application/x-www-form-urlencoded"
        url = f"{PATH}/locations"
        plain = b'{"url": "http://h/x"}'
        for name, body, keys, expected in (
            ("none in it", plain, {}, 409),
            ("another", b'{"url": "http://h/&_method=GET&"}', {}, 200),
            ("the same", b'{"url": "http://h/&_method=POST&"}', {}, 409),
            (
                "ends by itself",
                plain,
                {
                    "CONTENT_LENGTH": "",
                    "HTTP_TRANSFER_ENCODING": "chunked",
                    "wsgi.input_terminated": True,
                },
                409,
            ),
            # What webob does not read, Routes leaves nothing of.
            (
                "not readable",
                plain,
                {
                    "CONTENT_LENGTH": "",
                    "HTTP_TRANSFER_ENCODING": "chunked",
                },
                200,
            ),
        ):
            self.glance.answers["GET"] = fakes.image("saving")
            environ = fakes.environ_of("POST", url, body, CONTENT_TYPE=form)
            environ.update(keys)
            with self.subTest(name):
                code, _, _ = fakes.call(self.guard(), environ)
                self.assertEqual(expected, code)

    def test_no_forms(self) -> None:
        """Where there is no form, the method is that of the request."""
        body = b'{"url": "http://h/&_method=GET&"}'
        for content_type in ("application/json", "", "a/b"):
            for length, coding in ((str(len(body)), ""), ("", "chunked")):
                with self.subTest(content_type, coding=coding):
                    self.glance.answers["GET"] = fakes.image("saving")
                    code, _, _ = self.send(
                        ("POST", f"{PATH}/locations", body),
                        CONTENT_TYPE=content_type,
                        CONTENT_LENGTH=length,
                        HTTP_TRANSFER_ENCODING=coding,
                    )
                    self.assertEqual(409, code)

    def test_what_is_no_patch_is_limited_too(self) -> None:
        for size, expected in ((1048576, 200), (1048577, 413)):
            request = ("PATCH", PATH, bytes(size))
            code, _, _ = self.send(request, CONTENT_TYPE="application/json")
            self.assertEqual(expected, code)
            if code == 200:
                self.assertEqual(request, self.glance.asked[-1])

    def test_overridden_methods(self) -> None:
        self.glance.answers["GET"] = fakes.image("saving")
        method, path, body = TABLE[0][1]
        query = {"QUERY_STRING": f"_method={method}"}
        code, _, _ = self.send(("POST", path, body), **query)
        self.assertEqual(409, code)
        # The child has no query: it is not overridden.
        self.assertEqual([("GET", PATH, b"")], self.glance.asked)
        query = {"QUERY_STRING": "_method=PUT"}
        code, _, _ = self.send((method, path, body), **query)
        self.assertEqual(200, code)


class StatusUnknownTest(GuardTestCase):
    def test_glance_answers_what_it_hides(self) -> None:
        for status in (
            "300 Multiple Choices",
            "401 Unauthorized",
            "403 Forbidden",
            "404 Not Found",
        ):
            self.glance.answers["GET"] = fakes.Answer(status)
            for _, request, _ in TABLE:
                with self.subTest(status, request=request):
                    self.assertEqual(200, self.send(request)[0])
                    self.assertEqual(request, self.glance.asked[-1])

    def test_fails_closed(self) -> None:
        big = b'{"status": "active", "x": "%s"}' % (
            b"x" * subrequest.MAX_BODY_BYTES
        )
        for name, answer in (
            ("500", fakes.Answer("500 Failed", b'{"status": "active"}')),
            ("503", fakes.Answer("503 Service Unavailable")),
            ("400", fakes.Answer("400 Bad Request")),
            ("a time-out", fakes.Answer(error=TimeoutError())),
            ("a failure", fakes.Answer(error=KeyError("x"))),
            ("no JSON", fakes.Answer(body=b"<html>")),
            ("no UTF-8", fakes.Answer(body=b"\xff")),
            ("no object", fakes.Answer(body=b'["status"]')),
            ("no status", fakes.Answer(body=b"{}")),
            ("no text", fakes.Answer(body=b'{"status": 1}')),
            ("too deep", fakes.Answer(body=b"[" * 100000)),
            ("too large", fakes.Answer(body=big)),
        ):
            self.glance.answers["GET"] = answer
            for _, request, _ in TABLE:
                with self.subTest(name, request=request):
                    code, _, body = self.send(request)
                    self.assertEqual(503, code)
                    self.assertIn(IMAGE_ID.encode(), body)
                    self.assertEqual(["GET"], self.glance.methods)


class ObjectNameTest(GuardTestCase):
    def patch_of(self, name: str) -> tuple[str, str, bytes]:
        change = {"op": "replace", "path": f"/{name}", "value": "x"}
        return "PATCH", PATH, json.dumps([change]).encode()

    def test_refused_in_any_status(self) -> None:
        for name, status in itertools.product(
            ("image_id", "extra_properties", "base", "__class__", "__x"),
            images_api.STATUSES,
        ):
            self.glance.answers["GET"] = fakes.image(status)
            code, _, body = self.send(self.patch_of(name))
            self.assertEqual(403, code, name)
            self.assertIn(f"{name} is not an image property".encode(), body)
            self.assertEqual(["GET"], self.glance.methods)

    def test_a_name_that_is_no_text(self) -> None:
        self.glance.answers["GET"] = fakes.image("active")
        for name in ("__\ud800", "__a\nb", "__" + "x" * 1000):
            code, _, body = self.send(self.patch_of(name))
            self.assertEqual(403, code)
            self.assertIn(ascii(name)[1:-1][:255].encode(), body)

    def test_what_glance_hides(self) -> None:
        routed, unrouted = "405 Method Not Allowed", "404 Not Found"
        for status, head, expected in (
            # A policy may forbid to see what it lets one change. Glance says
            # 404 then, as it does for a path that it does not have.
            ("403 Forbidden", routed, 403),
            ("404 Not Found", routed, 403),
            ("404 Not Found", unrouted, 200),
            ("401 Unauthorized", routed, 200),
            ("300 Multiple Choices", routed, 200),
        ):
            self.glance.answers["GET"] = fakes.Answer(status)
            self.glance.answers["HEAD"] = fakes.Answer(head)
            code, _, _ = self.send(self.patch_of("image_id"))
            self.assertEqual(expected, code, status)
            self.assertEqual(expected == 200, "PATCH" in self.glance.methods)


class BodyTest(GuardTestCase):
    def test_limit(self) -> None:
        self.glance.answers["GET"] = fakes.image("active")
        method, path, body = TABLE[0][1]
        for limit, expected in ((len(body), 200), (len(body) - 1, 413)):
            for length in (str(len(body)), None):
                keys = {"CONTENT_LENGTH": length, "CONTENT_TYPE": PATCH}
                if length is None:
                    keys["HTTP_TRANSFER_ENCODING"] = "chunked"
                environ = fakes.environ_of(method, path, body)
                environ.update(keys)
                if length is None:
                    del environ["CONTENT_LENGTH"]
                self.glance.asked.clear()
                guard = self.guard(max_body_size=str(limit))
                with self.subTest(limit=limit, length=length):
                    code, _, text = fakes.call(guard, environ)
                    self.assertEqual(expected, code)
                    if expected == 413:
                        self.assertIn(f"{limit} bytes".encode(), text)
                        self.assertEqual([], self.glance.asked)

    def test_default_limit(self) -> None:
        self.glance.answers["GET"] = fakes.image("active")
        method, path, body = TABLE[0][1]
        for size, expected in ((1048576, 200), (1048577, 413)):
            request = (method, path, body.ljust(size))
            self.assertEqual(expected, self.send(request)[0])

    def test_too_deep(self) -> None:
        request = ("PATCH", PATH, b"[" * 100000)
        self.assertEqual(400, self.send(request)[0])
        self.assertEqual([], self.glance.asked)

    def test_client_gone(self) -> None:
        request = ("PATCH", PATH, TABLE[0][1][2])
        code, _, _ = self.send(request, CONTENT_LENGTH="1000")
        self.assertEqual(400, code)
        self.assertEqual([], self.glance.asked)


class CheckTest(unittest.TestCase):
    def test_findings(self) -> None:
        within, galera, locations = (
            "images are locked within each worker only",
            "several writing nodes of Galera",
            "show_multiple_locations is off",
        )
        mysql = "mysql+pymysql://u:p@h/glance"
        for url, options, expected in (
            ("file:///x", {}, []),
            ("file://", {}, []),
            (f"file://{__file__}", {}, [("names a file", False)]),
            (f"file://{os.path.dirname(__file__)}", {}, []),
            ("", {}, [(within, False)]),
            ("", {"workers": 4}, [(within, False)]),
            ("", {"workers": 1}, []),
            (mysql, {}, [(galera, True)]),
            ("mariadb://h/glance", {"workers": 4}, [(galera, True)]),
            ("postgresql://h/glance", {}, []),
            ("database", {"connection": mysql}, [(galera, True)]),
            ("database", {"connection": "sqlite:///x"}, []),
            ("file:///x", {"show_multiple_locations": True}, []),
            (
                "file:///x",
                {"show_multiple_locations": False},
                [(locations, True)],
            ),
        ):
            conf = cfg.ConfigOpts()
            conf([], default_config_files=[])
            for name, value in options.items():
                group = "database" if name == "connection" else None
                kind: Any = type(value)
                opt = cfg.Opt(name, kind, default=value)
                conf.register_opt(opt, group)
            guard = location_guard.LocationGuard
            section = {"coordination_url": url}
            config = configuration.Configuration(
                guard.name, guard.opts, section, conf
            )
            found = list(guard.check("here", config))
            with self.subTest(url, **options):
                self.assertEqual(len(expected), len(found))
                for (words, is_harmless), finding in zip(expected, found):
                    self.assertIn(words, finding.message)
                    self.assertIs(is_harmless, finding.is_harmless)
                    self.assertEqual("here", finding.place)


class ComplaintsTest(GuardTestCase):
    def test_locks(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            broken = f"file://{folder}/file"
            with open(f"{folder}/file", "w"):
                pass
            for section, is_wrong in (
                ({"coordination_url": f"file://{folder}/locks"}, False),
                ({"coordination_url": broken}, True),
                ({"coordination_url": broken, "enabled": "false"}, False),
            ):
                found = list(self.guard(**section).complaints())
                with self.subTest(section):
                    self.assertEqual(is_wrong, len(found) == 1, found)
                    self.assertIn(
                        "images cannot be locked: " if is_wrong else "",
                        "".join(found),
                    )

    def test_options(self) -> None:
        guard = self.guard()
        with mock.patch.object(guard._in_force, "refused", "wrong"):
            (found,) = guard.complaints()
        self.assertIn("options are in force: wrong", found)


class ThreadsTest(GuardTestCase):
    def test_requests_at_once(self) -> None:
        """Each request is judged by the status of its own image."""

        def glance(
            environ: dict[str, Any], start_response: Any
        ) -> list[bytes]:
            status = environ["PATH_INFO"].rpartition("/")[2]
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [json.dumps({"status": status}).encode()]

        guard = location_guard.LocationGuard.factory({})(glance)
        body = TABLE[1][1][2]
        wrong: list[tuple[str, int]] = []

        def client(status: str) -> None:
            for _ in range(50):
                environ = fakes.environ_of(
                    "PATCH", f"/v2/images/{status}", body, CONTENT_TYPE=PATCH
                )
                code = fakes.call(guard, environ)[0]
                if (code == 200) != (status in ("active", "queued")):
                    wrong.append((status, code))

        with futures.ThreadPoolExecutor(len(images_api.STATUSES)) as pool:
            list(pool.map(client, images_api.STATUSES))
        self.assertEqual([], wrong)
