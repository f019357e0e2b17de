# SPDX-License-Identifier: Apache-2.0

"""The import plugin on real Glance, with a web server on the loopback."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

import testtools

from glance_filters import tests
from glance_filters.filters import disk_format_validator
from glance_filters.filters.disk_format_validator import inspection
from glance_filters.imports import inspection as plugin
from glance_filters.tests.fixtures import (
    auth,
    disk_files,
    disk_images,
    glance_config,
    http_data,
    judged_images,
    real_glance,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PLUGIN = "glance_filters_inspect"
# By "egg:", an old setuptools looks at versions of what is not in use.
FACTORY = (
    f"{disk_format_validator.__name__}:"
    f"{disk_format_validator.DiskFormatValidator.__name__}.factory"
)
QCOW2 = disk_files.qcow2()
BACKED = disk_files.qcow2(backing_file=512)
NOISE = judged_images.NOISE
HAS_GLANCE_DOWNLOAD = any(
    each.name == "glance_download"
    for each in metadata.distribution("glance").entry_points
)
# Whether the message of a task that failed is final.
KEEPS_MESSAGES = int(metadata.version("glance").split(".")[0]) >= 33
_END = re.compile("Failed to execute task|of api_image_import completed")
CATALOG = "HTTP_X_TEST_CATALOG"
REGION = "elsewhere"
REMOTE = "b1b2c3d4-0000-4000-8000-000000000000"


def listed(values: Iterable[str]) -> str:
    return f"[{','.join(values)}]"


def catalog_factory(
    global_conf: dict[str, str], **local_conf: str
) -> Callable[[WSGIApplication], WSGIApplication]:
    """Make a filter that believes the client's catalog of services."""

    def filter_of(app: WSGIApplication) -> WSGIApplication:
        def call(
            environ: WSGIEnvironment, start_response: StartResponse
        ) -> Iterable[bytes]:
            if CATALOG in environ:
                environ["HTTP_X_SERVICE_CATALOG"] = environ[CATALOG]
            return app(environ, start_response)

        return call

    return filter_of


@tests.in_process("the plugin is in Glance, and the catalog too")
class ImportCase(testtools.TestCase):
    """Imports into a Glance.

    :ivar filters: filters of ours in its pipeline
    :ivar stores: the options of Glance that say where it stores images
    """

    filters: tuple[str, ...] = ()
    stores: Mapping[str, Mapping[str, str]] = {}
    glance: real_glance.GlanceServer

    @classmethod
    def is_meant(cls) -> bool:
        """Tell whether the tests are about an oslo.utils as it is here."""
        return inspection.is_available()

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if not cls.is_meant():
            raise cls.skipException("oslo.utils is another one")
        methods = ["glance-direct", "web-download"]
        if HAS_GLANCE_DOWNLOAD:
            methods.append("glance-download")
        plugins = ["image_decompression", PLUGIN]
        if disk_images.QEMU_IMG is not None:
            plugins.append("image_conversion")
        factory = f"{__name__}:{catalog_factory.__name__}"
        cls.glance = real_glance.GlanceServer(
            ("catalog", *cls.filters),
            {
                "catalog": {"paste.filter_factory": factory},
                # The plugin does not see what a section says.
                "disk_format_validator": {
                    "paste.filter_factory": FACTORY,
                    "disk_formats": "raw,qcow2,vhd,ami,vmdk",
                },
            },
            before="context",
            conf={
                **cls.stores,
                "DEFAULT": {
                    "enabled_import_methods": listed(methods),
                    **cls.stores.get("DEFAULT", {}),
                },
                "image_import_opts": {"image_import_plugins": listed(plugins)},
                "image_conversion": {"output_format": "raw"},
                "disk_format_validator": {
                    "inspect": "enforce",
                    "disk_formats": "raw,qcow2,vhd,ami",
                    "staged_data": "leave",
                },
            },
        )
        cls.glance.setUp()
        cls.addClassCleanup(cls.glance.cleanUp)

    def setUp(self) -> None:
        super().setUp()
        self.client = self.glance.client()
        self.folder = self.glance.folder

    def start(
        self, image_id: str, headers: Mapping[str, str] = {}, **method: Any
    ) -> None:
        """Import, and wait until Glance is done with it."""
        body = json.dumps({"method": method}).encode()
        path = f"/v2/images/{image_id}/import"
        ends = self.count_ends()
        answer = self.client.request(
            "POST", path, {"Content-Type": "application/json", **headers}, body
        )
        self.assertEqual(202, answer.status, str(answer))
        if method["name"] != "glance-download":
            self.folder.wait_for_tasks()
            return
        # The task may have failed while Glance still works on the image, and
        # SQLite might then lock it out.
        deadline = time.monotonic() + 60
        while self.count_ends() == ends:
            if time.monotonic() > deadline:
                raise TimeoutError("no end of an import")
            time.sleep(0.02)

    def count_ends(self) -> int:
        """Return how many imports from another Glance have ended."""
        return len(_END.findall(self.glance.log))

    def import_staged(self, data: bytes, **fields: Any) -> str:
        image_id = self.client.create_image(**fields)
        answer = self.client.upload(image_id, data, "stage")
        self.assertEqual(204, answer.status, str(answer))
        self.start(image_id, name="glance-direct")
        return image_id

    def import_from_web(self, data: bytes, **fields: Any) -> str:
        web = self.useFixture(http_data.HttpDataServer({"/data": data}))
        image_id = self.client.create_image(**fields)
        self.start(image_id, name="web-download", uri=web.url("/data"))
        return image_id

    def import_from_glance(self, data: bytes, **fields: Any) -> str:
        """Import from another Glance, of which only the answers are real."""
        path = f"/v2/images/{REMOTE}"
        image = {
            **{"status": "active", "size": len(data)},
            **{"disk_format": "raw", "container_format": "bare"},
            **fields,
        }
        files = {path: json.dumps(image).encode(), f"{path}/file": data}
        web = self.useFixture(http_data.HttpDataServer(files))
        endpoint = {"region": REGION, "publicURL": web.url("")}
        catalog = [{"type": "image", "endpoints": [endpoint]}]
        # Which formats it has is known later.
        image_id = self.client.create_image()
        self.start(
            image_id,
            {"X-Test-Catalog": json.dumps(catalog)},
            name="glance-download",
            glance_image_id=REMOTE,
            glance_region=REGION,
        )
        return image_id

    @property
    def ways(self) -> list[Any]:
        known = [self.import_staged, self.import_from_web]
        if HAS_GLANCE_DOWNLOAD:
            known.append(self.import_from_glance)
        return known

    def task(self, image_id: str) -> dict[str, Any]:
        """Return the task of an image's import, as the user sees it."""
        answer = self.client.request("GET", f"/v2/images/{image_id}/tasks")
        [task] = answer.json["tasks"]
        return dict(task)

    def check_refused(self, image_id: str, *words: str) -> None:
        task = self.task(image_id)
        self.assertEqual("failure", task["status"])
        is_download = (
            task["input"]["import_req"]["method"]["name"] == "glance-download"
        )
        if not is_download or KEEPS_MESSAGES:
            for word in words:
                self.assertIn(word, task["message"])
        image = self.client.show(image_id).json
        self.assertEqual("queued", image["status"])
        self.assertEqual(
            glance_config.DEFAULT_STORE, image["os_glance_failed_import"]
        )
        self.assertEqual("", image["os_glance_importing_to_stores"])
        # Glance alone does not unlock an image after such an import either.
        self.assertEqual(is_download, "os_glance_import_task" in image)
        self.assertIsNone(image["checksum"])
        self.assertEqual([], self.leftovers(image_id))

    def check_logged(self, image_id: str, *words: str) -> None:
        [line] = [
            each
            for each in self.glance.log.splitlines()
            if image_id in each and f"{PLUGIN} refused" in each
        ]
        for word in (" INFO ", *words):
            self.assertIn(word, line)

    def leftovers(self, image_id: str) -> list[str]:
        """Return what is there of an image, in the stores and in staging."""
        return [
            f"{store}/{name}"
            for store in (
                *glance_config.FILE_STORES,
                glance_config.STAGING_STORE,
            )
            for name in self.folder.store_files(store)
            if image_id in name
        ]

    def check_imported(self, image_id: str, data: bytes) -> None:
        self.assertEqual("success", self.task(image_id)["status"])
        answer = self.client.show(image_id)
        self.assertEqual("active", answer.json["status"], str(answer))
        self.assertEqual("raw", answer.json["disk_format"])
        stored = f"{glance_config.DEFAULT_STORE}/{image_id}"
        self.assertEqual([stored], self.leftovers(image_id))
        self.assertEqual(data, self.client.download(image_id).body)


class ImportTest(ImportCase):
    filters = ("disk_format_validator",)

    def test_the_plugin_is_known_to_the_filter(self) -> None:
        """Glance registers the option with the plugins when it imports."""
        self.assertNotIn("inspected by nobody", self.glance.log)

    def test_disguised(self) -> None:
        for way in self.ways:
            image_id = way(QCOW2, disk_format="raw")
            self.check_refused(image_id, "raw", "qcow2")
            self.check_logged(image_id, "raw", "qcow2")

    def test_unsafe(self) -> None:
        for way in self.ways:
            for data in (BACKED, gzip.compress(BACKED)):
                image_id = way(data, disk_format="qcow2")
                self.check_refused(image_id, "qcow2", "it has a backing file")

    def test_true(self) -> None:
        for way in self.ways:
            self.check_imported(way(NOISE), NOISE)

    def test_format_outside_the_list(self) -> None:
        for way in self.ways:
            image_id = way(NOISE, disk_format="vmdk")
            self.check_refused(image_id, "vmdk", "raw, qcow2, vhd, ami")

    def test_what_only_the_end_tells(self) -> None:
        data = NOISE + disk_files.vhd_footer(4)
        image_id = self.import_from_web(data, disk_format="vhd")
        self.check_refused(image_id, "vhd", "it has a parent")

    def test_containers(self) -> None:
        for container, data in (("ami", QCOW2), ("ova", BACKED)):
            image_id = self.import_from_web(
                data, disk_format="ami", container_format=container
            )
            self.check_refused(image_id, "ami", "qcow2")

    @testtools.skipUnless(
        plugin._TELLS_SIZE, "this Glance does not tell when staging ends"
    )
    def test_data_that_is_still_being_staged(self) -> None:
        """What is staged after the plugin has judged would be stored too."""
        image_id = self.client.create_image(disk_format="raw")
        connection = http.client.HTTPConnection("127.0.0.1", self.glance.port)
        self.addCleanup(connection.close)
        connection.putrequest("PUT", f"/v2/images/{image_id}/stage")
        connection.putheader(auth.HEADER, auth.MEMBER)
        connection.putheader("Content-Type", "application/octet-stream")
        connection.putheader("Content-Length", str(2 * len(NOISE)))
        connection.endheaders(NOISE)
        deadline = time.monotonic() + 60
        while not self.leftovers(image_id) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.start(image_id, name="glance-direct")
        self.check_refused(image_id, "is still being staged")
        connection.send(NOISE)
        self.assertNotEqual(204, connection.getresponse().status)
        self.assertEqual([], self.leftovers(image_id))

    def test_once_more_after_a_refusal(self) -> None:
        for way in (self.import_staged, self.import_from_web):
            image_id = way(QCOW2, disk_format="raw")
            self.check_refused(image_id, "raw", "qcow2")
            answer = self.client.upload(image_id, NOISE)
            self.assertEqual(204, answer.status, str(answer))
            self.assertEqual(
                "active", self.client.show(image_id).json["status"]
            )

    @testtools.skipIf(
        disk_images.QEMU_IMG is None, "qemu-img is not installed"
    )
    def test_other_plugins(self) -> None:
        """Data is decompressed, then judged, and then converted."""
        images = self.useFixture(disk_images.DiskImages())
        qcow2 = images.make("qcow2")
        for data in (qcow2, gzip.compress(qcow2)):
            image_id = self.import_from_web(data, disk_format="qcow2")
            self.check_imported(image_id, images.data)
        data = gzip.compress(images.make("vmdk"))
        image_id = self.import_from_web(data, disk_format="qcow2")
        self.check_refused(image_id, "qcow2", "vmdk")


class NoFileStoreTest(ImportCase):
    """Glance deletes what it has fetched by means of a store of files."""

    stores = {
        "DEFAULT": {"enabled_backends": "web:http"},
        "glance_store": {"default_backend": "web"},
    }

    def test_refused(self) -> None:
        for way in self.ways:
            image_id = way(QCOW2)
            self.assertEqual("failure", self.task(image_id)["status"])
            self.assertEqual([], self.leftovers(image_id))


class WithoutInspectorsTest(ImportCase):
    """Where nothing can be judged, nothing passes that is to be judged."""

    @classmethod
    def is_meant(cls) -> bool:
        return not inspection.is_available()

    def test_refused(self) -> None:
        for way in self.ways:
            image_id = way(NOISE)
            self.check_refused(image_id, "The data cannot be inspected")
