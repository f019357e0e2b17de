# SPDX-License-Identifier: Apache-2.0

"""disk_format_validator's list and schemas, in the pipeline of real Glance."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import fixtures
import testtools
from oslo_config import cfg

from glance_filters import tests
from glance_filters.filters import disk_format_validator
from glance_filters.tests.fixtures import (
    auth,
    http_client,
    legacy_glance,
    real_glance,
)

FILTERS = ("disk_format_validator",)
LIST = "raw,qcow2,ploop"
OPTIONS = {"disk_format_validator": {"disk_formats": LIST}}
V2_0 = "application/openstack-images-v2.0-json-patch"


class ListTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.glance = self.useFixture(real_glance.RealGlance())
        self.client = self.glance.client(self.glance.app(FILTERS, OPTIONS))

    def check_refused(self, answer: http_client.Response, value: str) -> None:
        self.assertEqual(400, answer.status, str(answer))
        for words in (value, "raw, qcow2, ploop"):
            self.assertIn(words, answer.body.decode())

    def create(self, disk_format: Any) -> http_client.Response:
        image = {"disk_format": disk_format, "container_format": "bare"}
        return self.client.send_json("POST", "/v2/images", image)

    def test_create(self) -> None:
        for disk_format in ("raw", "qcow2", "ploop", None):
            answer = self.create(disk_format)
            self.assertEqual(201, answer.status, str(answer))
            self.assertEqual(disk_format, answer.json["disk_format"])
        for wrong in ("vmdk", "RAW", "", "x" * 300, 5, ["raw"], {"a": 1}):
            self.check_refused(self.create(wrong), "Allowed disk")
        self.check_refused(self.create("vmdk"), "Disk format vmdk")
        answer = self.client.send_json("POST", "/v2/images", {"name": "x"})
        self.assertEqual(201, answer.status)

    def test_patch(self) -> None:
        for op in ("add", "replace"):
            image_id = self.create(None).json["id"]
            old_style = [{op: "/disk_format", "value": "vmdk"}]
            change = {"op": op, "path": "/disk_format", "value": "vmdk"}
            for answer in (
                self.client.patch(image_id, change),
                self.client.patch(
                    image_id, {**change, "value": "raw"}, change
                ),
                self.client.send_json(
                    "PATCH", f"/v2/images/{image_id}", old_style, V2_0
                ),
            ):
                self.check_refused(answer, "Disk format vmdk")
                shown = self.client.show(image_id).json["disk_format"]
                self.assertIsNone(shown)
            for value in ("ploop", None):
                answer = self.client.patch(
                    image_id, {**change, "value": value}
                )
                self.assertEqual(200, answer.status, str(answer))
                self.assertEqual(value, answer.json["disk_format"])

    def task(self, disk_format: str) -> http_client.Response:
        app = self.glance.app(FILTERS, OPTIONS)
        task = {
            "type": "import",
            "input": {
                "import_from": "http://127.0.0.1:1/image",
                "import_from_format": "raw",
                "image_properties": {
                    "disk_format": disk_format,
                    "container_format": "bare",
                },
            },
        }
        client = self.glance.client(app, auth.ADMIN)
        return client.send_json("POST", "/v2/tasks", task)

    def test_import_task(self) -> None:
        self.check_refused(self.task("vmdk"), "Disk format vmdk")
        answer = self.task("ploop")
        self.assertEqual(201, answer.status, str(answer))
        self.glance.folder.wait_for_tasks()

    def test_list_changes_live(self) -> None:
        conf = cfg.CONF
        app = self.glance.app(FILTERS)
        self.client = self.glance.client(app)
        self.assertEqual(201, self.create("vmdk").status)
        self.addCleanup(conf.clear_override, "disk_formats", FILTERS[0])
        conf.set_override("disk_formats", LIST.split(","), FILTERS[0])
        conf.mutate_config_files()
        self.check_refused(self.create("vmdk"), "Disk format vmdk")
        self.addCleanup(conf.clear_override, "enabled", FILTERS[0])
        conf.set_override("enabled", False, FILTERS[0])
        conf.mutate_config_files()
        self.assertEqual(201, self.create("vmdk").status)
        conf.clear_override("enabled", FILTERS[0])
        conf.clear_override("disk_formats", FILTERS[0])
        conf.mutate_config_files()

    @tests.in_process("an option of Glance is read")
    def test_formats_that_glance_would_refuse(self) -> None:
        logger = self.useFixture(
            fixtures.FakeLogger(disk_format_validator.__name__)
        )
        self.glance.app(FILTERS, OPTIONS)
        self.assertNotIn("[image_format]", logger.output)
        formats = {"disk_formats": f"{LIST},new,newer"}
        self.glance.app(FILTERS, {FILTERS[0]: formats})
        self.assertIn("allowed here: new, newer.", logger.output)
        self.assertIn("[image_format] disk_formats", logger.output)


class SchemaTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.glance = self.useFixture(real_glance.RealGlance())
        self.alone = self.glance.client()
        app = self.glance.app(FILTERS, OPTIONS)
        self.filtered = self.glance.client(app)

    def test_enumerations(self) -> None:
        for name in ("image", "images"):
            path = f"/v2/schemas/{name}"
            core = self.alone.request("GET", path).json
            answer = self.filtered.request("GET", path)
            length = answer.header("Content-Length")
            self.assertEqual(str(len(answer.body)), length)
            document = core
            if name == "images":
                document = core["properties"]["images"]["items"]
            schema = document["properties"]["disk_format"]
            self.assertIn("vmdk", schema["enum"])
            schema["enum"] = [None, *LIST.split(",")]
            self.assertEqual(core, answer.json)

    def test_other_schemas_are_not_changed(self) -> None:
        for name in ("member", "tasks", "metadefs/namespace"):
            path = f"/v2/schemas/{name}"
            self.assertEqual(
                self.alone.request("GET", path).body,
                self.filtered.request("GET", path).body,
            )


class LegacyTest(testtools.TestCase):
    """What an old Glance would do is not asked."""

    def test_refused(self) -> None:
        for release in ("newton", "ocata"):
            core = legacy_glance.LegacyGlance(release)
            factory = disk_format_validator.DiskFormatValidator.factory
            app = factory({}, disk_formats="raw")(core)
            client = http_client.WsgiClient(app)
            image = {"disk_format": "qcow2", "container_format": "bare"}
            answer = client.send_json("POST", "/v2/images", image)
            self.assertEqual(400, answer.status)
            self.assertEqual([], core.calls)


class GlanceClientTest(testtools.TestCase):
    """glanceclient checks against the schema before it sends anything."""

    def test_command(self) -> None:
        server = self.useFixture(real_glance.GlanceServer(FILTERS, OPTIONS))
        code = "from glanceclient import shell; shell.main()"
        for disk_format, ends_well in (("ploop", True), ("vmdk", False)):
            done = subprocess.run(
                [
                    *(sys.executable, "-c", code),
                    *("--os-image-url", server.url),
                    *("--os-auth-token", auth.MEMBER),
                    *("image-create", "--name", "x"),
                    *("--container-format", "bare"),
                    *("--disk-format", disk_format),
                ],
                capture_output=True,
                text=True,
                env={**os.environ, "HOME": str(server.folder.root)},
            )
            said = done.stdout + done.stderr
            self.assertEqual(ends_well, done.returncode == 0, said)
        # The client itself refused: the server was not asked to create one.
        self.assertIn("Unable to set 'disk_format' to 'vmdk'", said)
        images = server.client().request("GET", "/v2/images").json["images"]
        formats = [each["disk_format"] for each in images]
        self.assertEqual(["ploop"], formats)
