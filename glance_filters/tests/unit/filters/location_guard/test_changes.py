# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import itertools
import json
import unittest
from typing import Any

from glance_filters import errors
from glance_filters.filters.location_guard import LocationGuard, changes
from glance_filters.glance_api import calls
from glance_filters.glance_api.request import Request
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.filters.location_guard.cases import PATCH, PATH

LIMIT = 200
REMOVE = {"op": "remove", "path": "/locations/0"}
REPLACE = {"op": "replace", "path": "/locations", "value": []}
ADD = {"op": "add", "path": "/locations/-", "value": {}}
NAME = {"op": "replace", "path": "/name", "value": "x"}
BASE = {"op": "replace", "path": "/base", "value": "x"}
PATHS = {
    calls.UPDATE_IMAGE: PATH,
    calls.ADD_TAG: f"{PATH}/tags/a",
    calls.DELETE_TAG: f"{PATH}/tags/a",
    calls.ADD_LOCATION: f"{PATH}/locations",
    calls.DELETE_FROM_STORE: f"/v2/stores/fast/{fakes.IMAGE_ID}",
    calls.UPLOAD_IMAGE: f"{PATH}/file",
    calls.STAGE_IMAGE: f"{PATH}/stage",
    calls.IMPORT_IMAGE: f"{PATH}/import",
    calls.DEACTIVATE_IMAGE: f"{PATH}/actions/deactivate",
    calls.REACTIVATE_IMAGE: f"{PATH}/actions/reactivate",
    calls.DELETE_IMAGE: PATH,
}


def request_of(
    call: calls.ApiCall, body: bytes, content_type: str = PATCH
) -> Request:
    return fakes.request_of(call, PATHS[call], body, CONTENT_TYPE=content_type)


class ReadTest(unittest.TestCase):
    def check(
        self,
        call: calls.ApiCall,
        body: bytes,
        options: list[str],
        attribute: str | None = None,
        **keys: Any,
    ) -> None:
        with self.subTest(call.action, body=body):
            request = request_of(call, body, **keys)
            change = changes.RULES[call].read(request, LIMIT)
            found = [each.option for each in change.operations]
            self.assertEqual(options, found)
            self.assertEqual(attribute, change.protected_attribute)
            is_guarded = bool(options or attribute)
            self.assertIs(is_guarded, change.is_guarded)

    def test_patches(self) -> None:
        for patch, options, attribute in (
            ([REMOVE], ["remove_statuses"], None),
            ([REPLACE], ["replace_statuses"], None),
            ([ADD], ["add_statuses"], None),
            (
                [ADD, NAME, REMOVE],
                ["add_statuses", "remove_statuses"],
                None,
            ),
            ([NAME], [], None),
            ([NAME, BASE], [], "base"),
            ([BASE, REMOVE], ["remove_statuses"], "base"),
            ({}, [], None),
        ):
            body = json.dumps(patch).encode()
            self.check(calls.UPDATE_IMAGE, body, options, attribute)

    def test_no_patch(self) -> None:
        body = json.dumps([REMOVE]).encode()
        self.check(calls.UPDATE_IMAGE, body, [], content_type="text/plain")

    def test_other_calls(self) -> None:
        added = ["location_api_statuses"]
        for call, body, options in (
            (calls.ADD_LOCATION, b'{"url": "x"}', added),
            (calls.ADD_LOCATION, b"", []),
            (calls.ADD_LOCATION, b"x", []),
            (calls.DELETE_FROM_STORE, b"", ["remove_statuses"]),
            (calls.DELETE_FROM_STORE, b"x", []),
            (calls.ADD_TAG, b"", []),
            (calls.UPLOAD_IMAGE, b"data", []),
            (calls.IMPORT_IMAGE, b"{}", []),
        ):
            self.check(call, body, options)


class BodyTest(unittest.TestCase):
    """What is read beforehand, so that nobody holds a lock by sending it."""

    def test_which_are_buffered(self) -> None:
        # Whatever stands behind may read what Glance would not.
        for (call, rule), content_type in itertools.product(
            changes.RULES.items(), (PATCH, "application/json")
        ):
            request = request_of(call, bytes(LIMIT), content_type)
            sent = request.environ["wsgi.input"]
            with self.subTest(call.action, content_type=content_type):
                rule.read(request, LIMIT)
                expected = 0 if rule.is_upload else LIMIT
                self.assertEqual(expected, sent.tell())
                left = request.environ["wsgi.input"].read()
                self.assertEqual(bytes(LIMIT), left)

    def test_limit(self) -> None:
        for call, rule in changes.RULES.items():
            if rule.is_upload:
                continue
            with self.subTest(call.action):
                request = request_of(call, bytes(LIMIT + 1))
                with self.assertRaises(errors.BodyTooLarge):
                    rule.read(request, LIMIT)


class RulesTest(unittest.TestCase):
    def test_each_call_has_one(self) -> None:
        self.assertEqual(set(PATHS), set(changes.RULES))
        self.assertEqual(set(LocationGuard.api_calls), set(changes.RULES))

    def test_what_undoes_a_change(self) -> None:
        """Which saves of Glance hold what an upload or import has read."""
        both = {changes.Transfer.UPLOAD, changes.Transfer.IMPORT}
        undone: dict[calls.ApiCall, set[changes.Transfer]] = {
            calls.UPDATE_IMAGE: both,
            calls.ADD_TAG: both,
            calls.DELETE_TAG: both,
            calls.ADD_LOCATION: both,
            calls.DELETE_FROM_STORE: both,
            calls.IMPORT_IMAGE: {changes.Transfer.UPLOAD},
            calls.UPLOAD_IMAGE: {changes.Transfer.IMPORT},
            calls.STAGE_IMAGE: {changes.Transfer.IMPORT},
            calls.DEACTIVATE_IMAGE: {changes.Transfer.HASH},
        }
        for call, rule in changes.RULES.items():
            with self.subTest(call.action):
                expected = undone.get(call, set())
                self.assertEqual(expected, set(rule.undone_by))

    def test_marks(self) -> None:
        uploads = {calls.UPLOAD_IMAGE, calls.STAGE_IMAGE}
        for mark, expected in (
            (
                "is_patch",
                {calls.UPDATE_IMAGE, calls.ADD_TAG, calls.DELETE_TAG},
            ),
            ("is_upload", uploads),
            ("is_proxied", {calls.IMPORT_IMAGE, calls.DELETE_IMAGE}),
            (
                "is_old",
                set(PATHS) - {calls.ADD_LOCATION, calls.DELETE_FROM_STORE},
            ),
        ):
            found = {
                call
                for call, rule in changes.RULES.items()
                if getattr(rule, mark)
            }
            self.assertEqual(expected, found, mark)
