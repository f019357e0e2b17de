# SPDX-License-Identifier: Apache-2.0

"""What clients of real Glance get when images Could not lock."""

from __future__ import annotations

import http.client
import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import fixtures
import testtools

from glance_filters.filters import base
from glance_filters.tests.fixtures import (
    auth,
    class_fixture,
    glance_folder,
    http_client,
    http_data,
    image_requests,
    lock_servers,
    real_glance,
)

LEASE_SECONDS = 4
LONG_SECONDS = 120


class FaultCase(testtools.TestCase):
    folder: glance_folder.GlanceFolder
    client: http_client.Client

    def setUp(self) -> None:
        super().setUp()
        files = {"/a": image_requests.WEB_DATA}
        self.web = self.useFixture(http_data.HttpDataServer(files))

    def use_this_process(self, url: str) -> None:
        """Let requests go to Glance in this process, with locks at *url*."""
        glance = self.useFixture(real_glance.RealGlance())
        guard = {"coordination_url": url, "lock_timeout": "2"}
        former = set(base.RUNNING)
        app = glance.app(("location_guard",), {"location_guard": guard})
        made: Any
        for made in set(base.RUNNING) - former:
            # Else it would ask for a server that is gone, as long as the
            # process lasts, beside all other tests.
            self.addCleanup(made._locking.made.close)
        self.folder = glance.folder
        self.client = glance.client(app, auth.ADMIN)

    def replace(self, image_id: str) -> http_client.Response:
        send = image_requests.change_locations(
            "replace", "/locations", self.web.url("/a")
        )
        return send(self.client, image_id)

    def check_without_locks(self, others: int = 204) -> None:
        """Locations do not change; what else does is told by an option."""
        image_id = self.client.create_image()
        answer = self.replace(image_id)
        self.assertEqual(503, answer.status, str(answer))
        self.assertIn(b"Could not lock", answer.body)
        self.assertEqual("10", answer.header("Retry-After"))
        self.assertEqual("queued", self.client.show(image_id).json["status"])
        self.assertEqual([], self.folder.locations(image_id))
        answer = image_requests.upload(self.client, image_id)
        self.assertEqual(others, answer.status, str(answer))

    def is_out(self) -> bool:
        """Return True if a worker does not ask the lock server."""
        return False

    def wait_for_locks(self) -> None:
        """Wait until each worker asks the lock server again."""
        limit = time.monotonic() + LONG_SECONDS
        while True:
            status = self.replace(self.client.create_image()).status
            if status == 200 and not self.is_out():
                break
            self.assertLess(time.monotonic(), limit)

    def check_with_locks(self) -> None:
        image_id = self.client.create_image()
        answer = self.replace(image_id)
        self.assertEqual(200, answer.status, str(answer))
        answer = image_requests.deactivate(self.client, image_id)
        self.assertEqual(204, answer.status, str(answer))


class RedisFaultsTest(FaultCase):
    """Two workers, which refuse what they cannot lock."""

    redis: lock_servers.RedisServer
    glance: real_glance.GlanceServer

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.redis = class_fixture.use(cls, lock_servers.RedisServer())
        guard = {
            "coordination_url": cls.redis.url(LEASE_SECONDS),
            "lock_timeout": "2",
            "on_lock_failure": "refuse",
        }
        cls.glance = class_fixture.use(
            cls,
            real_glance.GlanceServer(
                ("location_guard",), {"location_guard": guard}, workers=2
            ),
        )

    def setUp(self) -> None:
        super().setUp()
        self.folder = self.glance.folder
        self.client = self.glance.client(auth.ADMIN)
        self.wait_for_locks()

    def is_out(self) -> bool:
        log = self.glance.log
        return log.count("locks are unavailable") > log.count(
            "locks are available again"
        )

    def test_stopped_and_started(self) -> None:
        self.use_this_process(self.redis.url())
        self.check_with_locks()
        self.redis.stop()
        self.check_without_locks()
        self.redis.start()
        self.wait_for_locks()
        self.check_with_locks()

    def test_paused_and_continued(self) -> None:
        self.check_with_locks()
        self.redis.pause()
        self.check_without_locks(503)
        self.redis.resume()
        self.wait_for_locks()
        self.check_with_locks()

    def test_stopped_in_mid_request(self) -> None:
        """What has the lock goes on; what comes then is refused."""
        image_id = self.client.create_image()
        answers = []
        thread = threading.Thread(
            target=lambda: answers.append(self.replace(image_id))
        )
        with self.web.hold("/a") as hold:
            thread.start()
            self.assertTrue(hold.asked.wait(LONG_SECONDS))
            self.redis.stop()
            # A worker knows by itself of the locks that it holds.
            self.assertIn(self.replace(image_id).status, (409, 503))
        thread.join(LONG_SECONDS)
        self.assertEqual([200], [each.status for each in answers])
        self.assertEqual("active", self.client.show(image_id).json["status"])
        self.redis.start()
        self.wait_for_locks()
        self.check_with_locks()

    def test_worker_that_is_killed_while_it_holds_a_lock(self) -> None:
        image_id = self.client.create_image()
        started = threading.Thread(target=self.try_to_replace, args=[image_id])
        with self.web.hold("/a") as hold:
            started.start()
            self.assertTrue(hold.asked.wait(LONG_SECONDS))
            killed = time.monotonic()
            for worker in re.findall(
                r"worker with pid: (\d+)", self.glance.log
            ):
                os.kill(int(worker), signal.SIGKILL)
        started.join(LONG_SECONDS)
        codes: list[int] = []
        while codes[-1:] != [200]:
            if time.monotonic() > killed + LONG_SECONDS:
                raise TimeoutError(codes)
            codes.append(self.try_to_replace(image_id))
        # The lease ran out, and not before.
        self.assertGreater(time.monotonic(), killed + LEASE_SECONDS / 2)
        self.assertLessEqual(set(codes), {0, 409, 200})
        self.assertEqual("active", self.client.show(image_id).json["status"])
        [url] = self.folder.locations(image_id)
        self.assertEqual(self.web.url("/a"), url)

    def try_to_replace(self, image_id: str) -> int:
        """Return the status, 0 if there is none."""
        try:
            return self.replace(image_id).status
        except (OSError, http.client.HTTPException):
            return 0


class FolderFaultsTest(FaultCase):
    def test_folder_that_cannot_be_used(self) -> None:
        folder = Path(self.useFixture(fixtures.TempDir()).path) / "locks"
        folder.write_text("in the way")
        self.use_this_process(f"file://{folder}")
        self.check_without_locks()
        folder.unlink()
        self.wait_for_locks()
        self.check_with_locks()
        folder.chmod(0o777)
        self.check_without_locks()
