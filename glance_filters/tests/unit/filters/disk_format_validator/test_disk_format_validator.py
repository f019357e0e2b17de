# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import logging
import unittest
from typing import Any
from unittest import mock

import webob.exc
from oslo_config import cfg

from glance_filters.filters import configuration, disk_format_validator
from glance_filters.filters.disk_format_validator import inspection
from glance_filters.tests.fixtures import http_client
from glance_filters.tests.fixtures.disk_images import BACKED_QCOW2, QCOW2
from glance_filters.tests.unit import fakes

IMAGE = "/v2/images/a"
FILE = f"{IMAGE}/file"
NOISE = bytes(range(1, 200)) * 500
V2_1 = "application/openstack-images-v2.1-json-patch"
NEEDS_INSPECTORS = unittest.skipUnless(
    inspection.is_available(), "the extra inspect is not installed"
)


def record(**members: Any) -> fakes.Answer:
    image = {
        "status": "queued",
        "disk_format": "qcow2",
        "container_format": "bare",
        **members,
    }
    return fakes.Answer(body=json.dumps(image).encode())


class ValidatorCase(unittest.TestCase):
    def setUp(self) -> None:
        self.glance = fakes.Glance({IMAGE: record()})
        handler = logging.NullHandler()
        logging.getLogger("glance_filters").addHandler(handler)
        self.addCleanup(
            logging.getLogger("glance_filters").removeHandler, handler
        )

    def tearDown(self) -> None:
        self.assertEqual(0, self.glance.open_bodies)

    def filter(self, glance: Any = None, /, **section: str) -> Any:
        factory = disk_format_validator.DiskFormatValidator.factory
        return factory({}, **section)(glance or self.glance)

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        app: Any = None,
        **keys: Any,
    ) -> tuple[int, bytes]:
        environ = fakes.environ_of(method, path, body, **keys)
        code, _, body = fakes.call(app or self.filter(), environ)
        return code, body

    def upload(
        self, data: bytes, path: str = FILE, **section: str
    ) -> tuple[int, bytes]:
        app = self.filter(**section)
        return self.call("PUT", path, data, app)

    def glance_got(self) -> list[bytes]:
        """Return the data of the uploads that reached Glance."""
        return [data for each, _, data in self.glance.asked if each == "PUT"]


class ListTest(ValidatorCase):
    def test_glance_is_not_called(self) -> None:
        task = {"input": {"image_properties": {"disk_format": "x"}}}
        change = {"op": "add", "path": "/disk_format", "value": "x"}
        for method, path, document in (
            ("POST", "/v2/images", {"disk_format": "x"}),
            ("POST", "/v2/tasks", task),
            ("PATCH", IMAGE, [change]),
        ):
            body = json.dumps(document).encode()
            code, text = self.call(method, path, body, CONTENT_TYPE=V2_1)
            self.assertEqual(400, code)
            self.assertIn(b"Disk format x is not allowed", text)
            self.assertIn(b"raw, qcow2, vdi, iso, ploop", text)
        self.assertEqual([], self.glance.asked)

    def test_what_sets_no_format(self) -> None:
        remove = {"op": "remove", "path": "/disk_format"}
        for method, path, document in (
            ("POST", "/v2/images", []),
            ("POST", "/v2/images", {"disk_format": None}),
            ("POST", "/v2/tasks", {"disk_format": "x"}),
            ("PATCH", IMAGE, [remove]),
        ):
            body = json.dumps(document).encode()
            self.glance.asked.clear()
            code, _ = self.call(method, path, body, CONTENT_TYPE=V2_1)
            self.assertEqual(200, code, document)
            self.assertEqual([(method, path, body)], self.glance.asked)

    def test_too_long(self) -> None:
        app = self.filter(max_body_size="10")
        code, _ = self.call("POST", "/v2/images", b"{" + b" " * 10, app)
        self.assertEqual(413, code)
        self.assertEqual([], self.glance.asked)

    @NEEDS_INSPECTORS
    def test_disabled(self) -> None:
        app = self.filter(enabled="false", inspect="enforce")
        body = b'{"disk_format": "x"}'
        self.assertEqual(200, self.call("POST", "/v2/images", body, app)[0])
        self.assertEqual(200, self.call("PUT", FILE, NOISE, app)[0])
        self.assertEqual(["POST", "PUT"], self.glance.methods)


class SchemaTest(ValidatorCase):
    def test_list_is_offered(self) -> None:
        """With what describes Glance's own body left out."""
        formats = {"enum": [None, "raw", "old"], "type": ["null", "string"]}
        image = {"properties": {"disk_format": formats, "name": {}}}
        images = {"properties": {"images": {"items": image}}}
        app = self.filter(disk_formats="qcow2,raw")
        for path, schema in (("image", image), ("images", images)):
            self.glance.answers["GET"] = fakes.Answer(
                body=json.dumps(schema).encode(),
                headers=(("Content-Type", "a/b"), ("Content-Length", "7")),
            )
            environ = fakes.environ_of("GET", f"/v2/schemas/{path}")
            found = http_client.call_wsgi(app, environ)
            expected = json.dumps(schema).replace(
                '"raw", "old"', '"qcow2", "raw"'
            )
            self.assertEqual(json.loads(expected), found.json)
            self.assertEqual(
                [("Content-Type", "a/b"), ("Content-Length", mock.ANY)],
                found.headers,
            )
            length = found.header("Content-Length")
            self.assertEqual(str(len(found.body)), length)

    def test_longest_schema(self) -> None:
        schema = b'{"properties": {"disk_format": {"enum": ["old"]}}}'
        for size, is_changed in ((2**22, True), (2**22 + 1, False)):
            text = schema.ljust(size)
            self.glance.answers["GET"] = fakes.Answer(body=text)
            _, body = self.call("GET", "/v2/schemas/image")
            self.assertEqual(is_changed, body != text)

    def test_unreadable_passes(self) -> None:
        for answer in (
            fakes.Answer(body=b"{"),
            fakes.Answer(body=b"[]"),
            fakes.Answer("404 Not Found", b"none"),
        ):
            self.glance.answers["GET"] = answer
            code, body = self.call("GET", "/v2/schemas/image")
            self.assertEqual(answer.status[:3], str(code))
            self.assertEqual(answer.body, body)


class WithoutInspectorsTest(ValidatorCase):
    def test_modes(self) -> None:
        with mock.patch.object(inspection, "detection", None):
            with self.assertLogs(level="INFO") as logs:
                app = self.filter()
            [line, _] = logs.output
            self.assertIn("glance-filters[inspect]", line)
            self.assertEqual(200, self.call("PUT", FILE, BACKED_QCOW2, app)[0])
            for mode in ("warn", "enforce"):
                with self.assertRaisesRegex(
                    configuration.ConfigurationError,
                    rf"disk_format_validator.* inspect = {mode} .*\[inspect\]",
                ):
                    self.filter(inspect=mode)
            self.filter(inspect="off")
        # Nobody asked Glance what the data should be.
        self.assertEqual(["PUT"], self.glance.methods)


@NEEDS_INSPECTORS
class ModeTest(ValidatorCase):
    def test_auto_warns_where_there_are_inspectors(self) -> None:
        self.assertEqual(200, self.upload(NOISE)[0])
        self.assertEqual(415, self.upload(BACKED_QCOW2)[0])

    def test_off(self) -> None:
        self.assertEqual(200, self.upload(BACKED_QCOW2, inspect="off")[0])
        self.assertEqual(["PUT"], self.glance.methods)

    def test_warn(self) -> None:
        with self.assertLogs(level="WARNING") as logs:
            self.assertEqual(200, self.upload(NOISE, inspect="warn")[0])
        [line] = logs.output
        self.assertIn("image 'a', disk_format 'qcow2', detected raw", line)
        self.assertEqual([NOISE], self.glance_got())
        code, text = self.upload(BACKED_QCOW2, inspect="warn")
        self.assertEqual(415, code)
        self.assertIn(b"backing file", text)
        self.assertEqual([NOISE], self.glance_got())

    def test_enforce(self) -> None:
        for path in (FILE, f"{IMAGE}/stage"):
            code, text = self.upload(NOISE, path, inspect="enforce")
            self.assertEqual(415, code)
            self.assertIn(
                b"data is raw, but the disk_format of the image is qcow2", text
            )
        self.assertEqual([], self.glance_got())
        self.assertEqual(200, self.upload(QCOW2, inspect="enforce")[0])
        self.assertEqual([QCOW2], self.glance_got())


@NEEDS_INSPECTORS
class DeclaredTest(ValidatorCase):
    """What Glance tells about the image, and what it does not."""

    def check(self, answer: fakes.Answer, noise: int, backed: int) -> None:
        self.glance.answers[IMAGE] = answer
        for data, code in ((NOISE, noise), (BACKED_QCOW2, backed)):
            self.assertEqual(code, self.upload(data, inspect="enforce")[0])

    def test_formats(self) -> None:
        for members, noise, backed in (
            ({"disk_format": "raw"}, 200, 415),
            ({"disk_format": "unheard-of"}, 200, 415),
            # Amazon's containers hold the data as it is.
            ({"disk_format": "qcow2", "container_format": "ami"}, 415, 415),
            ({"disk_format": "aki", "container_format": "aki"}, 200, 415),
            ({"disk_format": "ari", "container_format": "ari"}, 200, 415),
            ({"disk_format": "ami", "container_format": "ami"}, 200, 415),
            # What others hold need not be of the disk's format, but safe.
            ({"container_format": "ova"}, 200, 415),
            ({"container_format": None}, 200, 415),
            ({"disk_format": None}, 200, 415),
            ({"disk_format": ["qcow2"]}, 200, 415),
        ):
            with self.subTest(members):
                self.check(record(**members), noise, backed)

    def test_not_told(self) -> None:
        for answer in (
            fakes.Answer("500 Internal Server Error"),
            fakes.Answer(error=RuntimeError("broken")),
            fakes.Answer(body=b"[]"),
        ):
            self.check(answer, 503, 503)
        self.assertEqual([], self.glance_got())

    def test_hidden(self) -> None:
        """A policy may hide an image from who may send its data."""
        for status in ("403 Forbidden", "404 Not Found"):
            self.glance.answers[IMAGE] = fakes.Answer(status)
            self.assertEqual(200, self.upload(NOISE, inspect="enforce")[0])
            # Glance reads, and meets the refusal as it does.
            with self.assertRaises(webob.exc.HTTPUnsupportedMediaType):
                self.upload(BACKED_QCOW2, inspect="enforce")

    def test_not_told_when_glance_begins_to_read(self) -> None:
        def glance(environ: Any, start_response: Any) -> Any:
            if environ["REQUEST_METHOD"] == "PUT":
                self.glance.answers[IMAGE] = fakes.Answer("502 Bad Gateway")
            return self.glance(environ, start_response)

        app = self.filter(glance, inspect="warn")
        with self.assertLogs(level="INFO") as logs:
            with self.assertRaises(webob.exc.HTTPServiceUnavailable):
                self.call("PUT", FILE, QCOW2, app)
        self.assertIn("status code 502", logs.output[0])
        self.assertIn("disk_format_validator refused", logs.output[1])
        self.assertEqual([], self.glance_got())

    def test_formats_that_change_before_glance_reads(self) -> None:
        for changed, expected in (
            ({}, 200),
            ({"name": "new"}, 200),
            ({"disk_format": "raw"}, 409),
            ({"container_format": "ova"}, 409),
            (None, 409),
        ):
            answer = fakes.Answer("404 Not Found")
            if changed is not None:
                answer = record(**changed)

            def glance(
                environ: Any, start_response: Any, answer: Any = answer
            ) -> Any:
                if environ["REQUEST_METHOD"] == "PUT":
                    self.glance.answers[IMAGE] = answer
                try:
                    return self.glance(environ, start_response)
                except webob.exc.HTTPError as error:
                    # As Glance does it.
                    return error(environ, start_response)

            self.glance.answers[IMAGE] = record()
            self.glance.asked.clear()
            app = self.filter(glance, inspect="warn")
            code, text = self.call("PUT", FILE, QCOW2, app)
            with self.subTest(changed):
                self.assertEqual(expected, code)
                sent = [QCOW2] if expected == 200 else []
                self.assertEqual(sent, self.glance_got())
                self.assertEqual(expected == 409, b"changed while" in text)

    def test_rest_of_what_is_refused_while_glance_reads(self) -> None:
        """The client is to see why, and sends it all before it looks."""
        self.glance.answers[IMAGE] = fakes.Answer("404 Not Found")

        def glance(environ: Any, start_response: Any) -> Any:
            if environ["REQUEST_METHOD"] != "PUT":
                return self.glance(environ, start_response)
            try:
                while environ["wsgi.input"].read(65536):
                    pass
            except webob.exc.HTTPError as error:
                return error(environ, start_response)

        data = BACKED_QCOW2 + bytes(5_000_000)
        for section, left in (({}, 0), ({"drain_timeout": "0"}, 4_000_000)):
            app = self.filter(glance, inspect="warn", **section)
            environ = fakes.environ_of("PUT", FILE, data)
            stream = environ["wsgi.input"]
            self.assertEqual(415, fakes.call(app, environ)[0])
            self.assertGreaterEqual(len(data) - stream.tell(), left)
            self.assertEqual(not left, len(data) == stream.tell())

    def test_status_in_which_glance_takes_no_data(self) -> None:
        """Nothing is read for it that Glance does not read."""
        self.glance.answers[IMAGE] = record(status="active")
        environ = fakes.environ_of("PUT", FILE, NOISE)
        read = environ["wsgi.input"].tell
        self.glance.answers["PUT"] = fakes.Answer("409 Conflict")

        def glance(environ: Any, start_response: Any) -> Any:
            if environ["REQUEST_METHOD"] == "PUT":
                self.assertEqual(0, read())
            return self.glance(environ, start_response)

        app = self.filter(glance, inspect="warn")
        self.assertEqual(409, fakes.call(app, environ)[0])


@NEEDS_INSPECTORS
class SizeTest(ValidatorCase):
    """Some stores read as much as ``x-openstack-image-size`` says."""

    def send(self, size: str, chunked: bool = False) -> int:
        self.glance.answers[IMAGE] = record(disk_format="raw")
        environ = fakes.environ_of(
            "PUT", FILE, NOISE, HTTP_X_OPENSTACK_IMAGE_SIZE=size
        )
        if chunked:
            del environ["CONTENT_LENGTH"]
            environ["HTTP_TRANSFER_ENCODING"] = "chunked"
        return fakes.call(self.filter(inspect="enforce"), environ)[0]

    def test_sizes(self) -> None:
        for size, code in (
            (str(len(NOISE)), 200),
            (str(len(NOISE) - 1), 400),
            (str(len(NOISE) + 1), 400),
            # Each of these is a number to Glance.
            (f"+{len(NOISE)}", 200),
            (f"+{len(NOISE) - 1}", 400),
            (f" {len(NOISE) - 1} ", 400),
            (f"0_{len(NOISE) - 1}", 400),
            ("9" * 30, 400),
            # Glance's to refuse, or to ignore.
            ("0", 200),
            ("-1", 200),
            ("x", 200),
        ):
            self.assertEqual(code, self.send(size), size)

    def test_chunked(self) -> None:
        self.assertEqual(400, self.send(str(len(NOISE) - 1), chunked=True))
        self.assertEqual(200, self.send(str(len(NOISE)), chunked=True))


class LocationsTest(ValidatorCase):
    """Nobody inspects what is behind a location."""

    ADD = b'[{"op": "add", "path": "/locations/-", "value": {"url": "x"}}]'
    REMOVE = b'[{"op": "remove", "path": "/locations/0"}]'
    ON = {"refuse_locations": "true", "inspect": "enforce"}

    def send(self, method: str, path: str, body: bytes, **section: str) -> int:
        environ = fakes.environ_of(
            method,
            path,
            body,
            CONTENT_TYPE="application/openstack-images-v2.1-json-patch",
        )
        return fakes.call(self.filter(**section), environ)[0]

    @NEEDS_INSPECTORS
    def test_refused(self) -> None:
        for method, path, body, code in (
            ("PATCH", IMAGE, self.ADD, 403),
            ("PATCH", IMAGE, self.REMOVE, 200),
            ("POST", f"{IMAGE}/locations", b'{"url": "x"}', 403),
            ("POST", f"{IMAGE}/locations", b"", 200),
        ):
            with self.subTest(method, body=body):
                self.assertEqual(
                    code, self.send(method, path, body, **self.ON)
                )

    @NEEDS_INSPECTORS
    def test_only_if_asked_for(self) -> None:
        for section in (
            {"inspect": "enforce"},
            {"refuse_locations": "true", "inspect": "warn"},
        ):
            for method, path, body in (
                ("PATCH", IMAGE, self.ADD),
                ("POST", f"{IMAGE}/locations", b'{"url": "x"}'),
            ):
                code = self.send(method, path, body, **section)
                self.assertEqual(200, code, str(section))


@NEEDS_INSPECTORS
class FormatsWhileImportingTest(ValidatorCase):
    """Glance lets a client change them, whatever they were judged by."""

    def patch_image(self, name: str, status: str, inspect: str) -> int:
        self.glance.answers[IMAGE] = record(status=status)
        change = {"op": "replace", "path": f"/{name}", "value": "raw"}
        code, text = self.call(
            *("PATCH", IMAGE, json.dumps([change]).encode()),
            self.filter(inspect=inspect),
            CONTENT_TYPE=V2_1,
        )
        if code == 409:
            self.assertIn(b"is being imported", text)
        return code

    def test_refused(self) -> None:
        for name, status, inspect, code in (
            ("disk_format", "importing", "enforce", 409),
            ("container_format", "importing", "enforce", 409),
            ("name", "importing", "enforce", 200),
            ("disk_format", "queued", "enforce", 200),
            # Glance itself refuses it then.
            ("disk_format", "active", "enforce", 200),
            ("disk_format", "importing", "warn", 200),
            ("disk_format", "importing", "off", 200),
        ):
            with self.subTest(name, status=status, inspect=inspect):
                self.assertEqual(code, self.patch_image(name, status, inspect))

    def test_glance_is_asked_only_then(self) -> None:
        for name, inspect, asked in (
            ("disk_format", "enforce", ["GET", "PATCH"]),
            ("name", "enforce", ["PATCH"]),
            ("disk_format", "warn", ["PATCH"]),
        ):
            self.glance.asked.clear()
            self.patch_image(name, "queued", inspect)
            methods = [method for method, *_ in self.glance.asked]
            self.assertEqual(asked, methods)


@NEEDS_INSPECTORS
class StagedDataTest(ValidatorCase):
    def stage(self, name: str, **section: str) -> int:
        self.glance.answers[IMAGE] = record()
        path = FILE.replace("/file", f"/{name}")
        app = self.filter(inspect="enforce", **section)
        return int(self.call("PUT", path, BACKED_QCOW2, app)[0])

    def test_left_to_the_plugin(self) -> None:
        self.assertEqual(415, self.stage("stage"))
        with self.assertLogs(level="WARNING") as logs:
            self.assertEqual(200, self.stage("stage", staged_data="leave"))
        self.assertIn("inspected by nobody", logs.output[0])
        self.assertEqual(415, self.stage("file", staged_data="leave"))

    def test_no_warning_with_the_plugin(self) -> None:
        conf = cfg.ConfigOpts()
        opt = cfg.ListOpt("image_import_plugins")
        conf.register_opt(opt, "image_import_opts")
        conf([])
        plugins = ["glance_filters_inspect"]
        conf.set_override("image_import_plugins", plugins, "image_import_opts")
        with mock.patch.object(cfg, "CONF", conf):
            log = disk_format_validator.LOG
            with mock.patch.object(log, "warning") as warning:
                self.filter(staged_data="leave")
            warning.assert_not_called()


class CheckTest(unittest.TestCase):
    def test_formats_that_glance_itself_refuses(self) -> None:
        validator = disk_format_validator.DiskFormatValidator
        for known, section, refused in (
            (["raw", "iso"], {"disk_formats": "raw"}, None),
            (["raw", "iso"], {"disk_formats": "vdi,raw,ploop"}, "vdi, ploop"),
            (["raw", "iso"], {}, None),
            (None, {"disk_formats": "vdi"}, None),
        ):
            conf = cfg.ConfigOpts()
            conf.register_opt(
                cfg.ListOpt("disk_formats", default=known), "image_format"
            )
            conf([], default_config_files=[])
            config = configuration.Configuration(
                validator.name, validator.opts, section, conf
            )
            found = list(validator.check("here", config))
            expected = [f"Glance itself refuses {refused}"] if refused else []
            self.assertEqual(expected, [each.message for each in found])
            for each in found:
                self.assertEqual("here", each.place)
                self.assertIn("[image_format] disk_formats", each.mend)
                self.assertFalse(each.is_harmless)

    def test_plugin_is_checked_too(self) -> None:
        validator = disk_format_validator.DiskFormatValidator
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[])
        config = configuration.Configuration(
            validator.name, validator.opts, {"staged_data": "leave"}, conf
        )
        [found] = validator.check("here", config)
        self.assertIn("inspected by nobody", found.message)


class GlanceListTest(ValidatorCase):
    def test_formats_that_glance_itself_refuses(self) -> None:
        conf = cfg.ConfigOpts()
        conf.register_opt(cfg.ListOpt("disk_formats"), "image_format")
        conf([])
        conf.set_override("disk_formats", ["raw"], "image_format")
        with mock.patch.object(cfg, "CONF", conf):
            with self.assertLogs(level="WARNING") as logs:
                self.filter(disk_formats="raw,ploop,vdi")
            [line] = logs.output
            self.assertIn("ploop, vdi", line)
            # By default, there is nothing to contradict.
            self.assertEqual(("raw",), self.filter()._settings.disk_formats)
            log = disk_format_validator.LOG
            with mock.patch.object(log, "warning") as warning:
                self.filter(disk_formats="raw")
                self.filter(disk_formats="vdi", enabled="false")
            warning.assert_not_called()
