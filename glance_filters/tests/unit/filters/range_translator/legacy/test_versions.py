# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import unittest
from typing import Any

from glance_filters.filters.range_translator.legacy import protocol
from glance_filters.filters.range_translator.legacy import (
    versions as api_versions,
)
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.filters.range_translator import fake_glance


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

    def test_old_releases(self) -> None:
        # Whichever of them is the current one.
        for ids in (("v2.4", "v2.3", "v1.1"), ("v2.3", "v2.4", "v1.1")):
            body = json.dumps(document(*ids)).encode()
            added = api_versions.with_added(body)
            assert added is not None
            versions = json.loads(added)["versions"]
            self.assertEqual(
                {
                    ("v2.5", "CURRENT"),
                    ("v2.4", "SUPPORTED"),
                    ("v2.3", "SUPPORTED"),
                    ("v1.1", "SUPPORTED"),
                },
                {(each["id"], each["status"]) for each in versions},
            )
            # In the order in which they were.
            kept = [each["id"] for each in versions if each["id"] in ids]
            self.assertEqual([*ids], kept)
            self.assertEqual(4, len(versions))

    def test_what_is_no_version_stays(self) -> None:
        old = {"id": "v1.0", "status": "DEPRECATED"}
        listed = [*document("v2.4")["versions"], old, None]
        body = json.dumps({"versions": listed}).encode()
        added = api_versions.with_added(body)
        assert added is not None
        self.assertEqual([old, None], json.loads(added)["versions"][2:])

    def test_what_stays(self) -> None:
        for body in (
            json.dumps(document("v2.15", "v2.6")).encode(),
            json.dumps(document("v1.1")).encode(),
            b"<html>",
            b"\xff",
            b"[" * 100000,
        ):
            self.assertIsNone(api_versions.with_added(body))


class ResponseWithAddedTest(unittest.TestCase):
    def test_rows(self) -> None:
        body = json.dumps(document("v2.4")).encode()
        for status, headers, text, is_changed in (
            ("200 OK", (), body, True),
            ("300 Multiple Choices", (), body, True),
            ("401 Unauthorized", (), body, False),
            ("200 OK", (("Content-Encoding", "gzip"),), body, False),
            ("200 OK", (), b"x", False),
            ("200 OK", (), body.ljust(2**20), True),
            ("200 OK", (), body.ljust(2**20 + 1), False),
        ):
            glance = fakes.Glance()
            fields = (("Content-Type", "application/json"), *headers)
            glance.answers["GET"] = fakes.Answer(status, text, headers=fields)
            request = fake_glance.make_request(
                glance, HTTP_ACCEPT_ENCODING="gzip"
            )
            captured = api_versions.response_with_added(request)
            with self.subTest(status, headers=headers, length=len(text)):
                found = captured.read(2**22)
                self.assertEqual(is_changed, found != text)
                self.assertEqual(0, glance.open_bodies)
                self.assertNotIn("HTTP_ACCEPT_ENCODING", glance.environs[0])


class RewriteAddedTest(unittest.TestCase):
    def test_paths(self) -> None:
        path = f"/images/{fakes.IMAGE_ID}/file"
        for prefix, keys, expected in (
            ("/v2.5", {}, "/v2"),
            ("/v2.4", {}, "/v2.4"),
            ("/v2.6", {}, "/v2.6"),
            ("/v2", {}, "/v2"),
            ("/v2.5", {"api.version": "2"}, "/v2.5"),
        ):
            glance = fakes.Glance()
            body = json.dumps(document("v2.4")).encode()
            glance.answers["GET"] = fakes.Answer(body=body)
            request = fake_glance.make_request(
                glance, PATH_INFO=prefix + path, **keys
            )
            request.match = request.match._replace(prefix=prefix)
            before = request.environ
            version = protocol.GlanceVersion()
            api_versions.rewrite_added(request, version)
            with self.subTest(prefix, keys=keys):
                self.assertEqual(expected + path, request.environ["PATH_INFO"])
                self.assertEqual(expected, request.match.prefix)
                # The filters before have it too.
                self.assertEqual(prefix + path, before["PATH_INFO"])
