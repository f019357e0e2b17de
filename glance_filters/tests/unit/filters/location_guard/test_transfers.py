# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import datetime
import itertools
import json
import os
import tempfile
import time
import unittest
from typing import Any
from unittest import mock

from glance_filters import locks
from glance_filters.filters import location_guard
from glance_filters.filters.location_guard import transfers
from glance_filters.glance_api import calls
from glance_filters.glance_api import images as images_api
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID
from glance_filters.tests.unit.filters.location_guard.cases import (
    PATH,
    TABLE,
    GuardTestCase,
    make_lock_file,
)

TASK = "the-task"


def ago(hours: float, suffix: str = "") -> str:
    """Return a time as Glance writes that of a task; of an image with Z."""
    now = datetime.datetime.now(datetime.timezone.utc)
    then = now - datetime.timedelta(hours=hours)
    return then.strftime("%Y-%m-%dT%H:%M:%S.%f") + suffix


def task(status: str, hours: float, task_id: str = TASK) -> dict[str, Any]:
    return {"id": task_id, "status": status, "updated_at": ago(hours)}


class ImportingTest(unittest.TestCase):
    """Whether an import has a sign of life, of the image or of its task."""

    def check(
        self, expected: bool, body: bytes = b"", **members: Any
    ) -> list[str]:
        """Check an image; return the paths that Glance is asked for.

        :param body: what Glance says of its tasks
        """
        glance = fakes.Glance({f"{PATH}/tasks": fakes.Answer(body=body)})
        request = fakes.request_of(calls.ADD_TAG, f"{PATH}/tags/a", app=glance)
        image = images_api.Image(**members)
        with self.subTest(body, **members):
            found = transfers.is_importing(request, image)
            self.assertIs(expected, found)
        self.assertEqual(0, glance.open_bodies)
        return [path for _, path, _ in glance.asked]

    def test_age_of_the_image(self) -> None:
        """After an hour Glance lets another import have the image."""
        for (hours, expected), suffix in itertools.product(
            ((-0.1, True), (0.9, True), (1.01, False)), ("", "Z", "+00:00")
        ):
            saved: dict[str, Any] = {"updated_at": ago(hours, suffix)}
            asked = self.check(expected, status="importing", **saved)
            self.assertEqual([], asked)
            asked = self.check(
                expected, status="active", os_glance_import_task=TASK, **saved
            )
            self.assertEqual([f"{PATH}/tasks"], asked)
        self.assertEqual([], self.check(False, status="active"))

    def test_times_are_of_no_zone(self) -> None:
        for zone in ("XXX-9", "XXX9"):
            try:
                with mock.patch.dict(os.environ, TZ=zone):
                    time.tzset()
                    self.test_age_of_the_image()
            finally:
                time.tzset()

    def test_task(self) -> None:
        """A long import saves its task, and not the image."""
        noted = {"os_glance_import_task": TASK}
        # Glance has left its note, or another import is to begin.
        failed = {
            **noted,
            "os_glance_failed_import": "a",
            "os_glance_importing_to_stores": "",
        }
        # The last: if Glance does not tell of the task.
        for status, image, otherwise in (
            ("importing", noted, True),
            ("queued", noted, True),
            ("active", noted, True),
            ("importing", {**noted, "updated_at": ago(5)}, False),
            ("queued", {**noted, "updated_at": ago(5)}, False),
            ("active", {**noted, "updated_at": ago(5)}, False),
            ("importing", failed, True),
            ("queued", failed, False),
            ("active", failed, False),
        ):
            for tasks, expected in (
                ([task("processing", 0)], True),
                ([task("processing", 0.9)], True),
                ([task("processing", 1.01)], False),
                ([task("pending", 1.9)], True),
                ([task("pending", 2.01)], False),
                ([task("success", 0)], False),
                ([task("failure", 0)], False),
                (
                    [
                        task("failure", 3, "another"),
                        task("processing", 0),
                        task("failure", 3, "z-task"),
                    ],
                    True,
                ),
                ([task("processing", 0, "another")], otherwise),
                ([], otherwise),
                (None, otherwise),
                (["x"], otherwise),
                ([{"id": TASK}], otherwise),
                (
                    [{"id": TASK, "status": "pending", "updated_at": 5}],
                    otherwise,
                ),
            ):
                body = json.dumps({"tasks": tasks}).encode()
                self.check(expected, body, status=status, **image)
            for body in (b"[]", b"x", b"", b"[" * 100_000):
                self.check(otherwise, body, status=status, **image)


class TransferTest(GuardTestCase):
    """What the end of an upload, or of an import, would undo."""

    CHANGES = (
        ("PATCH", PATH, TABLE[0][1][2]),
        ("PATCH", PATH, b'[{"op": "replace", "path": "/a", "value": "x"}]'),
        ("PUT", f"{PATH}/tags/a", b""),
        ("DELETE", f"{PATH}/tags/a", b""),
        ("POST", f"{PATH}/locations", b'{"url": "x"}'),
        ("DELETE", f"/v2/stores/fast/{IMAGE_ID}", b""),
    )
    IMPORT = ("POST", f"{PATH}/import", b"{}")
    DEACTIVATE = ("POST", f"{PATH}/actions/deactivate", b"")
    OTHERS = (
        ("POST", f"{PATH}/actions/reactivate", b""),
        ("DELETE", PATH, b""),
    )
    UPLOADS = tuple(
        ("PUT", f"{PATH}/{what}", b"data") for what in ("file", "stage")
    )

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        url = f"file://{folder.name}/locks"
        make_lock_file(url)
        self.made = super().guard(
            coordination_url=url,
            **dict.fromkeys(
                ("remove_statuses", "location_api_statuses"),
                ", ".join(images_api.STATUSES),
            ),
        )

    def guard(self, **section: str) -> location_guard.LocationGuard:
        return self.made

    def show(self, **members: Any) -> None:
        body = json.dumps(members).encode()
        self.glance.answers["GET"] = fakes.Answer(body=body)

    def test_import(self) -> None:
        now = datetime.datetime.now(datetime.timezone.utc)
        long_ago = now - datetime.timedelta(hours=2)
        elsewhere = datetime.timezone(datetime.timedelta(hours=5))
        task = {"os_glance_import_task": "x"}
        for members, expected in (
            ({"status": "importing"}, 409),
            ({"status": "active", **task}, 409),
            ({"status": "queued", **task}, 409),
            ({"status": "importing", "updated_at": now.isoformat()}, 409),
            ({"status": "importing", "updated_at": "never"}, 409),
            (
                {
                    "status": "importing",
                    "updated_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                },
                409,
            ),
            # It has failed.
            (
                {
                    "status": "queued",
                    "os_glance_failed_import": "a",
                    "os_glance_importing_to_stores": "",
                    **task,
                },
                200,
            ),
            # Another store has failed.
            (
                {
                    "status": "queued",
                    "os_glance_failed_import": "a",
                    "os_glance_importing_to_stores": "b",
                    **task,
                },
                409,
            ),
            # Its worker has died, as Glance supposes too then.
            ({"status": "importing", "updated_at": long_ago.isoformat()}, 200),
            (
                {
                    "status": "importing",
                    "updated_at": long_ago.astimezone(elsewhere).isoformat(),
                },
                200,
            ),
            (
                {
                    "status": "active",
                    "updated_at": long_ago.strftime("%Y-%m-%dT%H:%M:%S"),
                    **task,
                },
                200,
            ),
            ({"status": "active"}, 200),
        ):
            self.show(**members)
            for request in (*self.CHANGES, *self.UPLOADS):
                with self.subTest(members, request=request):
                    code, _, body = self.send(request)
                    self.assertEqual(expected, code)
                    if code == 409:
                        self.assertIn(b"is being imported, ", body)
            for request in (self.IMPORT, *self.OTHERS):
                self.assertEqual(200, self.send(request)[0], request)

    def test_hash(self) -> None:
        """Glance reads the data of a location, and then makes it active."""
        noted = {"os_glance_import_task": TASK}
        stores = "os_glance_importing_to_stores"
        for members, expected in (
            ({"status": "active", **noted}, 409),
            ({"status": "active", **noted, stores: ""}, 409),
            # A copy to another store, which ends if the image is deactivated.
            ({"status": "active", **noted, stores: "b"}, 200),
            ({"status": "active"}, 200),
            ({"status": "active", **noted, "updated_at": ago(2)}, 200),
            ({"status": "importing", **noted}, 200),
            ({"status": "deactivated", **noted}, 200),
        ):
            self.show(**members)
            with self.subTest(members):
                code, _, body = self.send(self.DEACTIVATE)
                self.assertEqual(expected, code)
                if code == 409:
                    self.assertIn(b"is being hashed, ", body)

    def test_upload(self) -> None:
        for status in ("queued", "saving", "uploading"):
            self.show(status=status)
            upload = self.made._locking.try_acquire(f"{IMAGE_ID} upload")
            assert upload is not None
            for request in (self.IMPORT, *self.CHANGES):
                with self.subTest(status, request=request):
                    code, _, body = self.send(request)
                    self.assertEqual(409, code)
                    self.assertIn(b"is being uploaded, ", body)
            # Of two uploads Glance itself refuses one.
            for request in (self.DEACTIVATE, *self.OTHERS, *self.UPLOADS):
                self.assertEqual(200, self.send(request)[0], request)
            # Glance has saved its end.
            self.show(status="active")
            for request in (self.IMPORT, *self.CHANGES):
                self.assertEqual(200, self.send(request)[0], request)
            self.show(status=status)
            # Nobody can tell.
            with mock.patch.object(
                self.made._locking,
                "try_acquire",
                side_effect=locks.LockUnavailable("no server"),
            ):
                for request in (self.IMPORT, *self.CHANGES):
                    self.assertEqual(200, self.send(request)[0], request)
            # It has ended, or its worker has.
            upload.release()
            for request in (self.IMPORT, *self.CHANGES, *self.OTHERS):
                self.assertEqual(200, self.send(request)[0], request)
