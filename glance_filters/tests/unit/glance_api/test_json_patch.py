# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import unittest
from typing import Any

from glance_filters import errors
from glance_filters.glance_api import json_patch
from glance_filters.glance_api.json_patch import MEDIA_TYPE_2_0, MEDIA_TYPE_2_1

REMOVE = {"op": "remove", "path": "/locations/0"}


class MediaTypeTest(unittest.TestCase):
    def test_names(self) -> None:
        """As in the appendices of the Image service API reference."""
        for found, version in ((MEDIA_TYPE_2_0, 0), (MEDIA_TYPE_2_1, 1)):
            name = f"application/openstack-images-v2.{version}-json-patch"
            self.assertEqual(name, found)

    def test_is_patch(self) -> None:
        for content_type, expected in (
            (MEDIA_TYPE_2_0, True),
            (MEDIA_TYPE_2_1, True),
            (MEDIA_TYPE_2_1 + ";charset=utf-8", True),
            (MEDIA_TYPE_2_1 + " ;charset=utf-8", False),
            (" " + MEDIA_TYPE_2_1, False),
            (MEDIA_TYPE_2_1.upper(), False),
            ("application/json-patch+json", False),
            ("", False),
        ):
            with self.subTest(content_type):
                found = json_patch.is_patch(content_type)
                self.assertEqual(expected, found)


class ParseTest(unittest.TestCase):
    def parse(
        self, change: Any, media_type: str = MEDIA_TYPE_2_1
    ) -> json_patch.Operation:
        body = json.dumps([change]).encode()
        (operation,) = json_patch.parse(media_type, body)
        return operation

    def test_styles(self) -> None:
        old = {"remove": "/locations/0"}
        mixed = {**REMOVE, "add": "/name", "value": 1}
        for name, media_type, change, expected in (
            ("2.1", MEDIA_TYPE_2_1, REMOVE, ("remove", "locations", "0")),
            ("2.0", MEDIA_TYPE_2_0, old, ("remove", "locations", "0")),
            ("both", MEDIA_TYPE_2_1, mixed, ("remove", "locations", "0")),
            ("both", MEDIA_TYPE_2_0, mixed, ("add", "name")),
        ):
            with self.subTest(name, media_type=media_type):
                found = self.parse(change, media_type)
                self.assertEqual(expected, (found.op, *found.path))

    def test_values(self) -> None:
        change = {"op": "replace", "path": "/name", "value": None}
        self.assertIsNone(self.parse(change).value)
        self.assertEqual("x", self.parse({**change, "value": "x"}).value)
        # A value is no part of a removal.
        self.assertIsNone(self.parse({**REMOVE, "value": "x"}).value)

    def test_pointers(self) -> None:
        for pointer, expected in (
            ("/name", ("name",)),
            ("/ name\t", ("name",)),
            ("/\u00a0name\u2003", ("name",)),
            ("/\x1fname", ("name",)),
            ("/\u200bname", ("\u200bname",)),
            ("//name", ("name",)),
            ("/xname", ("xname",)),
            ("///name", None),
            ("/a~1b", ("a/b",)),
            ("/a~0b", ("a~b",)),
            ("/a~01b", ("a~1b",)),
            ("/", ("",)),
            ("name", None),
            ("", None),
            (" /name", None),
            ("/name/", None),
            ("/a~2b", None),
            ("/a~", None),
            ("/name/x", None),
            ("/locations/", None),
            ("/locations//", None),
            ("/locations/ /", None),
            ("//", None),
            ("// ", None),
            ("/ / ", None),
            ("///locations/0", None),
            ("//locations/0", ("locations", "0")),
            ("/locations/ ", ("locations", "")),
            ("/locations~1", ("locations/",)),
            ("/~01ocations", ("~1ocations",)),
            (None, None),
            (1, None),
            (["/name"], None),
        ):
            change = {"op": "add", "path": pointer, "value": 1}
            with self.subTest(pointer):
                if expected is None:
                    with self.assertRaises(json_patch.NotAPatch):
                        self.parse(change)
                else:
                    self.assertEqual(expected, self.parse(change).path)

    def test_depths(self) -> None:
        for op, pointer, good in (
            ("add", "/locations/-", True),
            ("add", "/locations", False),
            ("remove", "/locations/0", True),
            ("remove", "/locations", False),
            ("replace", "/locations", True),
            ("replace", "/locations/0", False),
            ("add", "/tags", True),
            ("add", "/tags/-", False),
            ("add", "/locations/0/1", False),
        ):
            change = {"op": op, "path": pointer, "value": 1}
            with self.subTest(op, pointer=pointer):
                if good:
                    self.assertEqual(op, self.parse(change).op)
                else:
                    with self.assertRaises(json_patch.NotAPatch):
                        self.parse(change)

    def test_no_operations(self) -> None:
        changes: list[Any] = [
            None,
            1,
            [],
            {},
            {"op": "move", "path": "/name"},
            {"op": "Remove", "path": "/name"},
            {"op": ["remove"], "path": "/name"},
            {"op": "remove"},
            {"path": "/name"},
            {"op": "add", "path": "/name"},
        ]
        for change in changes:
            with self.subTest(change):
                with self.assertRaises(json_patch.NotAPatch):
                    self.parse(change)

    def test_no_operations_in_2_0(self) -> None:
        for change in (
            REMOVE,
            {"remove": "/a", "add": "/b", "value": 1},
            {"replace": "/a"},
        ):
            with self.subTest(change):
                with self.assertRaises(json_patch.NotAPatch):
                    self.parse(change, MEDIA_TYPE_2_0)

    def test_one_bad_operation_spoils_the_patch(self) -> None:
        body = json.dumps([REMOVE, None]).encode()
        with self.assertRaises(json_patch.NotAPatch):
            json_patch.parse(MEDIA_TYPE_2_1, body)

    def test_no_patches(self) -> None:
        plain = json.dumps([REMOVE]).encode()
        for content_type, body in (
            ("application/json", plain),
            ("application/json", b'[{"remove": "/locations/0"}]'),
            ("", plain),
            (MEDIA_TYPE_2_1, b"{}"),
            (MEDIA_TYPE_2_1, json.dumps(REMOVE).encode()),
            (MEDIA_TYPE_2_1, json.dumps([[REMOVE]]).encode()),
            (MEDIA_TYPE_2_1, plain + b","),
            (MEDIA_TYPE_2_1, b""),
        ):
            with self.subTest(content_type, body=body):
                with self.assertRaises(json_patch.NotAPatch):
                    json_patch.parse(content_type, body)

    def test_writing_of_members(self) -> None:
        """The last of two members counts; escapes are read before names."""
        for text, expected in (
            (
                '{"op": "move", "op": "remove", "path": "/locations/0"}',
                ("remove", "locations", "0"),
            ),
            (
                '{"op": "remove", "path": "/name", "path": "/locations/0"}',
                ("remove", "locations", "0"),
            ),
            (
                '{"\\u006fp": "\\u0072emove", "path": "\\/locations\\/0"}',
                ("remove", "locations", "0"),
            ),
            (
                '{"op": "remove", "path": "/\\u2003\\u006cocations\\u00a0/0"}',
                ("remove", "locations", "0"),
            ),
            ('{"op": "remove", "path": "/\\ud800"}', ("remove", "\ud800")),
        ):
            with self.subTest(text):
                (found,) = json_patch.parse(
                    MEDIA_TYPE_2_1, f"[{text}]".encode()
                )
                self.assertEqual(expected, (found.op, *found.path))

    def test_white_space_is_what_strip_takes_for_it(self) -> None:
        white = [chr(code) for code in range(0x110000) if chr(code).isspace()]
        self.assertIn("\x85", white)
        for each in white:
            with self.subTest(ascii(each)):
                found = self.parse(
                    {"op": "add", "path": f"/{each}name{each}", "value": 1}
                )
                self.assertEqual(("name",), found.path)
                # As a whole token it makes slashes adjacent.
                change = {**REMOVE, "path": f"/locations/{each}/0"}
                with self.assertRaises(json_patch.NotAPatch):
                    self.parse(change)

    def test_an_empty_patch(self) -> None:
        self.assertEqual([], json_patch.parse(MEDIA_TYPE_2_1, b"[]"))

    def test_too_deep(self) -> None:
        with self.assertRaises(errors.BodyUnreadable):
            json_patch.parse(MEDIA_TYPE_2_1, b"[" * 200000)
