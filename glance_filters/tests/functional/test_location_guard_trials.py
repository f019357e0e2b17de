# SPDX-License-Identifier: Apache-2.0

"""Pairs of requests at random moments, to workers of their own.

Whichever comes first, no data is lost and no refusal is undone. RACE_TRIALS is
the number of pairs for each test.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from typing import Any, ClassVar

import fixtures
import testtools

from glance_filters import tests
from glance_filters.tests.fixtures import (
    auth,
    class_fixture,
    glance_databases,
    http_client,
    http_data,
    image_requests,
    lock_servers,
    real_glance,
)
from glance_filters.tests.fixtures.image_requests import (
    DATA,
    WEB_DATA,
    Send,
    add_tag,
    deactivate,
    delete,
    delete_from_store,
    import_staged,
    rename,
    stage,
    upload,
)

TRIALS = int(os.environ.get("RACE_TRIALS", "2000"))
WORKERS = 4
# How many images are used at a time: SQLite refuses one of two that write at
# once.
AT_ONCE = 1 if glance_databases.is_sqlite() else 4
# Small changes: the request, its status, and what the image has then.
CHANGES: Sequence[tuple[Send, int, str, Any]] = (
    (rename, 200, "name", "new"),
    (add_tag, 204, "tags", ["new"]),
)
# Requests come at moments up to so far apart, in seconds.
SPREAD = 0.02


class Trials(testtools.TestCase):
    """The trials; subclasses say by what images are locked."""

    glance: ClassVar[real_glance.GlanceServer]
    web: ClassVar[http_data.HttpDataServer]

    @classmethod
    def make_url(cls) -> str:
        """Return the URL of the locks."""
        raise NotImplementedError

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        files = {"/a": WEB_DATA, "/b": WEB_DATA}
        cls.web = class_fixture.use(cls, http_data.HttpDataServer(files))
        options = {"coordination_url": cls.make_url()}
        cls.glance = class_fixture.use(
            cls,
            real_glance.GlanceServer(
                ("location_guard",),
                {"location_guard": options},
                workers=WORKERS,
            ),
        )

    def setUp(self) -> None:
        super().setUp()
        self.client = self.glance.client(auth.ADMIN)
        self.random = random.Random(7)

    def try_often(self, trial: Callable[[int], None]) -> None:
        """Run a trial as often as it is asked for, until one fails.

        :param trial: takes the number of the trial, and uses an image of its
            own
        """
        with futures.ThreadPoolExecutor(AT_ONCE) as pool:
            begun = [pool.submit(trial, number) for number in range(TRIALS)]
            done, left = futures.wait(begun, None, futures.FIRST_EXCEPTION)
            for each in left:
                each.cancel()
            for each in done:
                each.result()

    def change(self, op: str, path: str, web_path: str = "/a") -> Send:
        url = self.web.url(web_path)
        return image_requests.change_locations(op, path, url)

    def pair(self, image_id: str, one: Send, two: Send) -> tuple[int, int]:
        """Send two requests at random moments; return their statuses."""
        delays = [self.random.uniform(0, SPREAD) for _ in range(2)]

        def send(request: Send, delay: float) -> int:
            time.sleep(delay)
            client = self.glance.client(auth.ADMIN)
            return request(client, image_id).status

        with futures.ThreadPoolExecutor(2) as pool:
            first, second = pool.map(send, (one, two), delays)
        return first, second

    def two_locations(self) -> str:
        image_id = self.client.create_image(DATA)
        self.client.add_location(image_id, self.web.url("/b"))
        return image_id

    def read(self, image_id: str) -> bytes:
        answer = self.client.download(image_id)
        return answer.body if answer.status == 200 else b""

    def check_change(
        self, image_id: str, codes: tuple[int, int], number: int
    ) -> None:
        """Check that the data is there, and a change that is told as done."""
        _, done, member, value = CHANGES[number % 2]
        image = self.client.show(image_id).json
        self.assertEqual("active", image["status"], str(codes))
        self.assertEqual(DATA, self.read(image_id))
        is_there = image[member] == value
        self.assertEqual(codes[0] == done, is_there, str(codes))

    def test_replace_or_upload(self) -> None:
        seen = set()
        replace = self.change("replace", "/locations")

        def trial(number: int) -> None:
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

        self.try_often(trial)
        if TRIALS >= 100:
            # Each of them comes first at times.
            self.assertGreater(len(seen), 1)

    def test_patch_or_deactivate(self) -> None:
        def trial(number: int) -> None:
            image_id = self.client.create_image(DATA)
            patch = (
                rename if number % 2 else self.change("add", "/locations/-")
            )
            codes = self.pair(image_id, patch, deactivate)
            # What is deactivated gets no location; but it may be renamed.
            self.assertIn(codes, {(200, 204), (409, 204)})
            status = self.client.show(image_id).json["status"]
            self.assertEqual("deactivated", status, str(codes))

        self.try_often(trial)

    def test_tag_or_deactivate(self) -> None:
        def trial(number: int) -> None:
            image_id = self.client.create_image(DATA)
            codes = self.pair(image_id, add_tag, deactivate)
            self.assertEqual((204, 204), codes)
            image = self.client.show(image_id).json
            found = (image["status"], image["tags"])
            self.assertEqual(("deactivated", ["new"]), found)

        self.try_often(trial)

    def test_change_or_upload(self) -> None:
        """At its beginning, while it lasts, and at its end."""
        seen = set()

        def trial(number: int) -> None:
            image_id = self.client.create_image()
            change, done, *_ = CHANGES[number % 2]
            codes = self.pair(image_id, change, upload)
            self.assertIn(codes, {(done, 204), (409, 204)})
            self.check_change(image_id, codes, number)
            seen.add(codes[0])

        self.try_often(trial)
        if TRIALS >= 100:
            self.assertIn(409, seen)

    def test_change_or_import(self) -> None:
        """Before the import, while its task runs, and at the task's end."""
        seen = set()

        def trial(number: int) -> None:
            image_id = self.client.create_image()
            self.assertEqual(204, stage(self.client, image_id).status)
            change, done, *_ = CHANGES[number % 2]
            codes = self.pair(image_id, change, import_staged)
            if codes[1] == 500:
                # MariaDB has ended a deadlock of the imports of two images,
                # and Glance does not try to note its task again.
                self.assertIn("DBDeadlock", self.glance.log)
            else:
                self.assertIn(codes, {(done, 202), (409, 202), (done, 409)})
            if codes[1] != 202:
                # The import is not begun beside the change.
                self.assertEqual(
                    202, import_staged(self.client, image_id).status
                )
            self.glance.folder.wait_for_tasks(image_id)
            self.check_change(image_id, codes, number)
            seen.add(codes[0])

        self.try_often(trial)
        if TRIALS >= 100:
            self.assertEqual({200, 204, 409}, seen)

    def test_retry_of_a_deletion(self) -> None:
        """Of three requests, two are equal: none changes what is deleted."""

        def trial(number: int) -> None:
            image_id = self.client.create_image(DATA)

            def both(
                client: http_client.Client, image_id: str
            ) -> http_client.Response:
                deletions = self.pair(image_id, delete, delete)
                self.assertIn(204, deletions)
                self.assertLessEqual(set(deletions), {204, 404, 409})
                return client.show(image_id)

            codes = self.pair(image_id, rename, both)
            self.assertIn(codes, {(200, 404), (404, 404), (409, 404)})
            row = self.glance.folder.image_row(image_id)
            self.assertEqual("deleted", row["status"])

        self.try_often(trial)

    def test_remove_or_delete_from_store(self) -> None:
        remove = self.change("remove", "/locations/1")

        def trial(number: int) -> None:
            image_id = self.two_locations()
            codes = self.pair(image_id, remove, delete_from_store)
            # Glance lets nobody take the last location.
            self.assertIn(codes, {(200, 403), (403, 204)})
            self.assertIn(self.read(image_id), (DATA, WEB_DATA), str(codes))

        self.try_often(trial)

    def test_two_patches(self) -> None:
        one = self.change("remove", "/locations/1")
        two = self.change("remove", "/locations/0")

        def trial(number: int) -> None:
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

        self.try_often(trial)


@tests.nightly
class FileTrialsTest(Trials):
    @classmethod
    def make_url(cls) -> str:
        folder = class_fixture.use(cls, fixtures.TempDir()).path
        return f"file://{folder}/locks"


@tests.nightly
class RedisTrialsTest(Trials):
    @classmethod
    def make_url(cls) -> str:
        return class_fixture.use(cls, lock_servers.RedisServer()).url(10)


@tests.nightly
class EtcdTrialsTest(Trials):
    @classmethod
    def make_url(cls) -> str:
        return class_fixture.use(cls, lock_servers.EtcdServer()).url(10)


# They are for the subclasses alone.
del Trials
