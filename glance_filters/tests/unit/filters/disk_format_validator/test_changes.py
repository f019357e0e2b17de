# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import unittest
from typing import Any

from glance_filters import errors
from glance_filters.filters.disk_format_validator import changes
from glance_filters.glance_api import calls, json_patch
from glance_filters.tests.unit import fakes

IMAGE = f"/v2/images/{fakes.IMAGE_ID}"
PATHS = {
    calls.CREATE_IMAGE: "/v2/images",
    calls.CREATE_TASK: "/v2/tasks",
    calls.UPDATE_IMAGE: IMAGE,
    calls.ADD_LOCATION: f"{IMAGE}/locations",
}
LIMIT = 200


def request_of(call: calls.ApiCall, body: bytes) -> Any:
    content_type = json_patch.MEDIA_TYPE_2_1
    return fakes.request_of(call, PATHS[call], body, CONTENT_TYPE=content_type)


class ReadersTest(unittest.TestCase):
    def test_formats(self) -> None:
        create, task = calls.CREATE_IMAGE, calls.CREATE_TASK
        properties: dict[str, Any] = {"disk_format": "x"}
        add = {"op": "add", "path": "/disk_format", "value": "x"}
        for call, document, formats in (
            (create, {"disk_format": "x"}, ["x"]),
            (create, {"disk_format": ["x"]}, [["x"]]),
            (create, {"disk_format": None}, [None]),
            (create, {}, [None]),
            (create, {"Disk_format": "x"}, [None]),
            (create, [], []),
            (task, {"input": {"image_properties": properties}}, ["x"]),
            (task, {"input": {"image_properties": "x"}}, []),
            (task, {"input": properties}, []),
            (task, {"input": []}, []),
            (task, properties, []),
            (calls.UPDATE_IMAGE, [add], ["x"]),
            (calls.UPDATE_IMAGE, [{**add, "op": "replace"}], ["x"]),
            (calls.UPDATE_IMAGE, [add, {**add, "value": "y"}], ["x", "y"]),
            (
                calls.UPDATE_IMAGE,
                [{"op": "remove", "path": "/disk_format"}],
                [None],
            ),
            (calls.UPDATE_IMAGE, [{**add, "path": "/name"}], []),
            (calls.UPDATE_IMAGE, properties, []),
        ):
            body = json.dumps(document).encode()
            with self.subTest(call.action, document=document):
                read = changes.READERS[call]
                self.assertEqual(formats, read(request_of(call, body), LIMIT))

    def test_limit(self) -> None:
        for call, read in changes.READERS.items():
            with self.subTest(call.action):
                request = request_of(call, bytes(LIMIT + 1))
                with self.assertRaises(errors.BodyTooLarge):
                    read(request, LIMIT)


class AddsLocationTest(unittest.TestCase):
    def test_requests(self) -> None:
        location = {"url": "x"}
        add = {"op": "add", "path": "/locations/-", "value": location}
        replace = {"op": "replace", "path": "/locations", "value": [location]}
        for call, document, expected in (
            (calls.UPDATE_IMAGE, [add], True),
            (calls.UPDATE_IMAGE, [replace], True),
            (calls.UPDATE_IMAGE, [{**replace, "value": []}], False),
            (
                calls.UPDATE_IMAGE,
                [{"op": "remove", "path": "/locations/0"}],
                False,
            ),
            (calls.UPDATE_IMAGE, [{**add, "path": "/name"}], False),
            (calls.UPDATE_IMAGE, [{**add, "path": "/name"}, add], True),
            (calls.ADD_LOCATION, location, True),
            (calls.ADD_LOCATION, None, False),
            (calls.CREATE_IMAGE, {"locations": [location]}, False),
        ):
            body = b"" if document is None else json.dumps(document).encode()
            with self.subTest(call.action, document=document):
                request = request_of(call, body)
                self.assertIs(expected, changes.adds_location(request, LIMIT))

    def test_limit(self) -> None:
        for call in (calls.UPDATE_IMAGE, calls.ADD_LOCATION):
            with self.assertRaises(errors.BodyTooLarge):
                changes.adds_location(
                    request_of(call, bytes(LIMIT + 1)), LIMIT
                )
