# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import datetime
import json
import tempfile
import unittest
from typing import Any
from unittest import mock

from glance_filters import locks
from glance_filters.filters import location_guard
from glance_filters.filters.location_guard import transfers
from glance_filters.glance_api import images as images_api
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID
from glance_filters.tests.unit.filters.location_guard.cases import (
    PATH,
    TABLE,
    GuardTestCase,
    make_lock_file,
)


class ImportingTest(unittest.TestCase):
    def test_age(self) -> None:
        """After an hour Glance lets another import have the image."""
        for age, expected in ((-1, True), (3599.9, True), (3600, False)):
            for image in (
                images_api.Image(status="importing"),
                images_api.Image(status="active", os_glance_import_task="x"),
            ):
                with mock.patch.object(transfers, "_age", return_value=age):
                    self.assertIs(expected, transfers.is_importing(image))


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
    OTHERS = (
        ("POST", f"{PATH}/actions/deactivate", b""),
        ("POST", f"{PATH}/actions/reactivate", b""),
        ("DELETE", PATH, b""),
        ("PUT", f"{PATH}/file", b"data"),
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
            for request in self.CHANGES:
                with self.subTest(members, request=request):
                    code, _, body = self.send(request)
                    self.assertEqual(expected, code)
                    if code == 409:
                        self.assertIn(b"is being imported, ", body)
            for request in (self.IMPORT, *self.OTHERS):
                self.assertEqual(200, self.send(request)[0], request)

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
            for request in self.OTHERS:
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
