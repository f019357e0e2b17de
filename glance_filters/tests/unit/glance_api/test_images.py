# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import unittest
from typing import Any

from glance_filters.glance_api import images
from glance_filters.glance_api.images import Image

FULL: dict[str, Any] = {
    "id": "ID",
    "name": "a name",
    "status": "active",
    "owner": "a project",
    "size": 10,
    "checksum": "aa",
    "os_hash_algo": "sha512",
    "os_hash_value": "bb",
    "disk_format": "raw",
    "container_format": "bare",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-02T00:00:00Z",
    "os_glance_import_task": "a task",
    "os_glance_importing_to_stores": "a,b",
    "os_glance_failed_import": "c",
}


class StatusesTest(unittest.TestCase):
    def test_names(self) -> None:
        """As in the image schema of the Image service API reference."""
        self.assertEqual(
            {
                "active",
                "deactivated",
                "deleted",
                "importing",
                "killed",
                "pending_delete",
                "queued",
                "saving",
                "uploading",
            },
            set(images.STATUSES),
        )


class ParseTest(unittest.TestCase):
    def parse(self, **members: Any) -> Image:
        return images.parse(json.dumps(members).encode())

    def test_members(self) -> None:
        self.assertEqual(Image(**FULL), self.parse(**FULL, other=[1]))
        self.assertEqual(Image(), self.parse())
        self.assertEqual("melted", self.parse(status="melted").status)

    def test_members_of_another_type_are_unset(self) -> None:
        for name in FULL:
            values: tuple[Any, ...] = (None, [], {}, True, 1.5, -1)
            for value in values:
                found = getattr(self.parse(**{**FULL, name: value}), name)
                self.assertIsNone(found, f"{name} {value}")
        self.assertIsNone(self.parse(size="10").size)
        self.assertEqual(0, self.parse(size=0).size)

    def test_no_image(self) -> None:
        for body, reason in (
            (b"", "JSON"),
            (b"[", "JSON"),
            (b"\xff", "Unicode"),
            (b"[]", "list"),
            (b"1", "int"),
            (b'"status"', "str"),
            (b"null", "NoneType"),
            (b'{"a": 1}{"a": 1}', "JSON"),
            (b'{"status": ' + b"[" * 100000, "Recursion"),
        ):
            with self.assertRaisesRegex(images.NotAnImage, reason):
                images.parse(body)
