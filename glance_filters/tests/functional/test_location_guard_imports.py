# SPDX-License-Identifier: Apache-2.0

"""Changes of an image while an import task of Glance changes it."""

from __future__ import annotations

import contextlib
import datetime
import threading
import unittest
from collections.abc import Iterator
from typing import Any

import testtools
from glance.api.v2 import images

from glance_filters.tests.fixtures import (
    auth,
    class_fixture,
    http_client,
    http_data,
    image_requests,
    real_glance,
)

DATA = b"of the import"
LONG_SECONDS = 30


class ImportTest(testtools.TestCase):
    glance: real_glance.GlanceServer

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.glance = class_fixture.use(
            cls,
            real_glance.GlanceServer(
                ("disk_format_validator", "location_guard"),
                conf={
                    "DEFAULT": {"enabled_import_methods": "[web-download]"},
                    # One import at a time; older releases have more.
                    "wsgi": {"task_pool_threads": "1"},
                },
            ),
        )

    def setUp(self) -> None:
        super().setUp()
        self.web = self.useFixture(http_data.HttpDataServer({"/data": DATA}))

    def start_import(
        self, client: http_client.Client, image_id: str, path: str = "/data"
    ) -> None:
        answer = client.start_import(
            image_id, name="web-download", uri=self.web.url(path)
        )
        self.assertEqual(202, answer.status, str(answer))

    @contextlib.contextmanager
    def importing(self, client: http_client.Client) -> Iterator[str]:
        """Import an image whose data comes at the end; yield its id."""
        image_id = client.create_image()
        with self.web.hold("/data") as hold:
            self.start_import(client, image_id)
            self.assertTrue(hold.asked.wait(LONG_SECONDS))
            yield image_id
        self.glance.folder.wait_for_tasks()

    def test_changes_that_its_end_would_undo(self) -> None:
        client = self.glance.client()
        with self.importing(client) as image_id:
            status = client.show(image_id).json["status"]
            self.assertEqual("importing", status)
            patch = {"op": "replace", "path": "/disk_format", "value": "vhd"}
            for send in (
                image_requests.rename,
                image_requests.add_tag,
                # What is being imported was judged as it was declared.
                lambda client, image_id: client.patch(image_id, patch),
            ):
                answer = send(client, image_id)
                self.assertEqual(409, answer.status)
                self.assertIn(b"is being imported", answer.body)
                self.assertEqual("10", answer.header("Retry-After"))
        image = client.show(image_id).json
        self.assertEqual("active", image["status"])
        self.assertEqual("raw", image["disk_format"])
        self.assertEqual(DATA, client.download(image_id).body)
        self.assertEqual(200, image_requests.rename(client, image_id).status)

    def test_image_whose_import_has_failed(self) -> None:
        client = self.glance.client()
        image_id = client.create_image()
        self.start_import(client, image_id, "/nothing")
        self.glance.folder.wait_for_tasks()
        self.assertEqual("queued", client.show(image_id).json["status"])
        self.assertEqual(200, image_requests.rename(client, image_id).status)

    def test_upload_while_an_import_waits_for_another(self) -> None:
        client = self.glance.client()
        image_id = client.create_image()
        with self.importing(client):
            self.start_import(client, image_id)
            for what in ("file", "stage"):
                answer = client.upload(image_id, b"of an upload", what)
                self.assertEqual(409, answer.status)
                self.assertIn(b"is being imported", answer.body)
        self.assertEqual(DATA, client.download(image_id).body)

    def test_import_of_more_than_an_hour(self) -> None:
        """Glance saves its task meanwhile, and not the image."""
        client = self.glance.client()
        with self.importing(client) as image_id:
            self.saved_long_ago(
                "UPDATE images SET updated_at = :then WHERE id = :id", image_id
            )
            answer = image_requests.rename(client, image_id)
            self.assertEqual(409, answer.status)
            self.assertIn(b"is being imported", answer.body)
            # As Glance itself, it takes the import for dead now.
            self.saved_long_ago(
                "UPDATE tasks SET updated_at = :then WHERE image_id = :id",
                image_id,
            )
            answer = image_requests.rename(client, image_id)
            self.assertEqual(200, answer.status)

    def saved_long_ago(self, statement: str, image_id: str) -> None:
        now = datetime.datetime.now(datetime.timezone.utc)
        then = now - datetime.timedelta(hours=2)
        text = then.strftime("%Y-%m-%d %H:%M:%S")
        folder = self.glance.folder
        changed = folder.execute(statement, then=text, id=image_id)
        self.assertEqual(1, changed)


@unittest.skipUnless(
    hasattr(images.ImagesController, "add_location"),
    "this Glance has no location API",
)
class HashTest(testtools.TestCase):
    """An image is deactivated while Glance reads it for its checksum."""

    def setUp(self) -> None:
        super().setUp()
        self.glance = self.useFixture(real_glance.RealGlance())
        self.is_read, self.may_end = threading.Event(), threading.Event()
        self.web = self.useFixture(
            http_data.HttpDataServer({"/data": DATA}, {"/data": self.slowly})
        )
        self.addCleanup(self.may_end.set)

    def slowly(self, handler: Any, body: bytes) -> None:
        if handler.command == "GET":
            self.is_read.set()
            self.may_end.wait(LONG_SECONDS)
        http_data.send_whole(handler, body)

    def run_race(self, client: http_client.Client) -> tuple[str, int, str]:
        image_id = client.create_image()
        answer = client.send_json(
            "POST",
            f"/v2/images/{image_id}/locations",
            {"url": self.web.url("/data")},
        )
        self.assertEqual(202, answer.status, str(answer))
        self.assertTrue(self.is_read.wait(LONG_SECONDS))
        self.assertEqual("active", client.show(image_id).json["status"])
        answer = image_requests.deactivate(client, image_id)
        self.may_end.set()
        self.glance.folder.wait_for_tasks(image_id)
        return image_id, answer.status, client.show(image_id).json["status"]

    def test_alone_it_is_active_again(self) -> None:
        client = self.glance.client(token=auth.ADMIN)
        self.assertEqual((204, "active"), self.run_race(client)[1:])

    def test_guarded(self) -> None:
        app = self.glance.app(("location_guard",))
        client = self.glance.client(app, auth.ADMIN)
        image_id, code, _ = self.run_race(client)
        self.assertEqual(409, code)
        answer = image_requests.deactivate(client, image_id)
        self.assertEqual(204, answer.status)
        status = client.show(image_id).json["status"]
        self.assertEqual("deactivated", status)
