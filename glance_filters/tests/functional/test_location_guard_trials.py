# SPDX-License-Identifier: Apache-2.0

"""Pairs of requests at random moments, to workers of their own.

Whoever comes first, no data are lost and no refusal is undone. There are many
more trials with ``HYPOTHESIS_PROFILE=long``.
"""

from __future__ import annotations

import os
import random
import threading
import time
from typing import ClassVar, TypeVar

import fixtures
import testtools

from glance_filters.tests.fixtures import (
    auth,
    http_data,
    image_requests,
    lock_servers,
    real_glance,
)
from glance_filters.tests.fixtures.image_requests import (
    DATA,
    WEB_DATA,
    Send,
    deactivate,
    delete_from_store,
    rename,
    upload,
)

IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
TRIALS = int(os.environ.get("RACE_TRIALS", "2000" if IS_LONG else "10"))
WORKERS = 4
# Requests come at moments up to so far apart, in seconds.
SPREAD = 0.02


Fixture = TypeVar("Fixture", bound=fixtures.Fixture)


class Trials(testtools.TestCase):
    """The trials; subclasses say by what images are locked."""

    glance: ClassVar[real_glance.GlanceServer]
    web: ClassVar[http_data.HttpDataServer]

    @classmethod
    def make_url(cls) -> str:
        """Return the URL of the locks."""
        raise NotImplementedError

    @classmethod
    def keep(cls, fixture: Fixture) -> Fixture:
        """Set up a fixture for all tests of the class."""
        fixture.setUp()
        cls.addClassCleanup(fixture.cleanUp)
        return fixture

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        files = {"/a": WEB_DATA, "/b": WEB_DATA}
        cls.web = cls.keep(http_data.HttpDataServer(files))
        options = {"coordination_url": cls.make_url()}
        cls.glance = cls.keep(
            real_glance.GlanceServer(
                ("location_guard",),
                {"location_guard": options},
                workers=WORKERS,
            )
        )

    def setUp(self) -> None:
        super().setUp()
        self.client = self.glance.client(auth.ADMIN)
        self.random = random.Random(7)

    def change(self, op: str, path: str, web_path: str = "/a") -> Send:
        url = self.web.url(web_path)
        return image_requests.change_locations(op, path, url)

    def pair(self, image_id: str, one: Send, two: Send) -> tuple[int, int]:
        """Send two requests at random moments; return their statuses."""
        statuses = [0, 0]

        def send(number: int, request: Send, delay: float) -> None:
            time.sleep(delay)
            client = self.glance.client(auth.ADMIN)
            statuses[number] = request(client, image_id).status

        threads = [
            threading.Thread(
                target=send,
                args=(number, request, self.random.uniform(0, SPREAD)),
            )
            for number, request in enumerate((one, two))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return statuses[0], statuses[1]

    def two_locations(self) -> str:
        image_id = self.client.create_image(DATA)
        self.change("add", "/locations/-", "/b")(self.client, image_id)
        return image_id

    def read(self, image_id: str) -> bytes:
        path = f"/v2/images/{image_id}/file"
        answer = self.client.request("GET", path)
        return answer.body if answer.status == 200 else b""

    def test_replace_or_upload(self) -> None:
        seen = set()
        replace = self.change("replace", "/locations")
        for _ in range(TRIALS):
            image_id = self.client.create_image()
            codes = self.pair(image_id, replace, upload)
            image = self.client.show(image_id).json
            # Glance does not replace the locations that an upload has made.
            self.assertIn(codes, {(200, 409), (400, 204), (409, 204)})
            self.assertEqual("active", image["status"], str(codes))
            won = DATA if codes[1] == 204 else WEB_DATA
            self.assertEqual(won, self.read(image_id), str(codes))
            if codes[1] == 204:
                self.assertEqual(len(DATA), image["size"])
                self.assertIsNotNone(image["checksum"])
            seen.add(codes)
        if IS_LONG:
            # Each of them comes first at times.
            self.assertGreater(len(seen), 1)

    def test_patch_or_deactivate(self) -> None:
        for number in range(TRIALS):
            image_id = self.client.create_image(DATA)
            patch = (
                rename if number % 2 else self.change("add", "/locations/-")
            )
            codes = self.pair(image_id, patch, deactivate)
            # What is deactivated gets no location; but it may be renamed.
            self.assertIn(codes, {(200, 204), (409, 204)})
            status = self.client.show(image_id).json["status"]
            self.assertEqual("deactivated", status, str(codes))

    def test_remove_or_delete_from_store(self) -> None:
        remove = self.change("remove", "/locations/1")
        for _ in range(TRIALS):
            image_id = self.two_locations()
            codes = self.pair(image_id, remove, delete_from_store)
            # Glance lets nobody take the last location.
            self.assertIn(codes, {(200, 403), (403, 204)})
            self.assertIn(self.read(image_id), (DATA, WEB_DATA), str(codes))

    def test_two_patches(self) -> None:
        one = self.change("remove", "/locations/1")
        two = self.change("remove", "/locations/0")
        for _ in range(TRIALS):
            image_id = self.two_locations()
            codes = self.pair(image_id, one, two)
            image = self.client.show(image_id).json
            about = f"{codes} {image['status']}"
            self.assertLess(max(codes), 500, about)
            if image["status"] == "active":
                self.assertIn(self.read(image_id), (DATA, WEB_DATA), about)
            else:
                self.assertEqual("queued", image["status"], about)
                locations = self.glance.folder.locations(image_id)
                self.assertEqual([], locations, about)


class FileTrialsTest(Trials):
    @classmethod
    def make_url(cls) -> str:
        return f"file://{cls.keep(fixtures.TempDir()).path}/locks"


class RedisTrialsTest(Trials):
    @classmethod
    def make_url(cls) -> str:
        return cls.keep(lock_servers.RedisServer()).url(10)


class EtcdTrialsTest(Trials):
    @classmethod
    def make_url(cls) -> str:
        return cls.keep(lock_servers.EtcdServer()).url(10)


# They are for the subclasses alone.
del Trials
