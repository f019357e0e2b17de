# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import unittest
from typing import Any

from glance_filters.filters.range_translator.legacy import (
    versions as api_versions,
)


def document(*ids: Any) -> dict[str, Any]:
    return {
        "versions": [
            {"id": each, "status": "SUPPORTED" if number else "CURRENT"}
            for number, each in enumerate(ids)
        ]
    }


class HighestTest(unittest.TestCase):
    def test_highest_minor(self) -> None:
        for value, expected in (
            (document("v2.4", "v2.3", "v1.1"), 4),
            (document("v2.9", "v2.15", "v2.7"), 15),
            (document("v1.1"), None),
            (document("v2", "v2.x", 2, None), None),
            ({"versions": [None, 1, "v2.4"]}, None),
            ({"versions": {}}, None),
            ([], None),
            (None, None),
        ):
            with self.subTest(value):
                found = api_versions.highest_minor(value)
                self.assertEqual(expected, found)


class AddedTest(unittest.TestCase):
    def test_which(self) -> None:
        for minor, expected in (
            (4, 5),
            (5, 6),
            (6, None),
            (15, None),
            (None, None),
        ):
            self.assertEqual(expected, api_versions.added(minor))

    def test_old_cores(self) -> None:
        body = json.dumps(document("v2.4", "v2.3", "v1.1")).encode()
        added = api_versions.with_added(body)
        assert added is not None
        versions = json.loads(added)["versions"]
        self.assertEqual(
            [
                ("v2.5", "CURRENT"),
                ("v2.4", "SUPPORTED"),
                ("v2.3", "SUPPORTED"),
                ("v1.1", "SUPPORTED"),
            ],
            [(each["id"], each["status"]) for each in versions],
        )

    def test_what_stays(self) -> None:
        for body in (
            json.dumps(document("v2.15", "v2.6")).encode(),
            json.dumps(document("v1.1")).encode(),
            b"<html>",
            b"\xff",
            b"[" * 100000,
        ):
            self.assertIsNone(api_versions.with_added(body))
