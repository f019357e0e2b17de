# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from typing import Any

import testtools

from glance_filters.metadefs import schema

PROPERTY = {"title": "Title", "type": "string"}
ASCII = "must be ASCII: Glance fails to answer with anything else"

# (members of the document, path of the one finding, its message)
NAMESPACE_ROWS: list[tuple[dict[str, Any], schema.Path, str]] = [
    ({"namespace": None}, ("namespace",), "must be of type string"),
    ({"namespace": ""}, ("namespace",), "must not be empty"),
    (
        {"namespace": "n" * 81},
        ("namespace",),
        "longer than 80 characters",
    ),
    (
        {"display_name": 1},
        ("display_name",),
        "must be of type string or null",
    ),
    (
        {"display_name": "n" * 81},
        ("display_name",),
        "longer than 80 characters",
    ),
    (
        {"description": "d" * 501},
        ("description",),
        "longer than 500 characters",
    ),
    (
        {"visibility": "shared"},
        ("visibility",),
        "must be public or private or null",
    ),
    ({"protected": "yes"}, ("protected",), "must be of type boolean or null"),
    ({"owner": None}, ("owner",), "must be of type string"),
    (
        {"owner": "o" * 256},
        ("owner",),
        "longer than 255 characters",
    ),
    (
        {"propertys": {}},
        ("propertys",),
        "not a member that Glance knows",
    ),
    (
        {"resource_type_associations": None},
        ("resource_type_associations",),
        "must be of type array",
    ),
    (
        {"resource_type_associations": [{"prefix": "hw_"}]},
        ("resource_type_associations", 0),
        "'name' is a required property",
    ),
    (
        {"resource_type_associations": [{"name": "A", "prefix": 1}]},
        ("resource_type_associations", 0, "prefix"),
        "must be of type string or null",
    ),
    (
        {"resource_type_associations": [{"name": "A"}] * 2},
        ("resource_type_associations", 1, "name"),
        "occurs twice in this array",
    ),
    ({"objects": {}}, ("objects",), "must be of type array"),
    ({"objects": ["o"]}, ("objects", 0), "must be of type object"),
    (
        {"objects": [{"name": "o"}]},
        ("objects", 0),
        "'properties' is a required property",
    ),
    (
        {"objects": [{"name": "o", "properties": {}, "required": []}]},
        ("objects", 0, "required"),
        "not a member that Glance knows",
    ),
    (
        {"objects": [{"name": "o", "properties": {"p": None}}]},
        ("objects", 0, "properties", "p"),
        "must be of type object",
    ),
    ({"tags": [{}]}, ("tags", 0), "'name' is a required property"),
    ({"properties": []}, ("properties",), "must be of type object"),
    (
        {"properties": {"": PROPERTY}},
        ("properties", ""),
        "must not be empty",
    ),
    (
        {"properties": {"p": {"title": "Title"}}},
        ("properties", "p"),
        "'type' is a required property",
    ),
    (
        {"properties": {"p": {"type": "string"}}},
        ("properties", "p"),
        "'title' is a required property",
    ),
]

# (the property's broken member, its value, path below it, message)
PROPERTY_ROWS: list[tuple[str, Any, schema.Path, str]] = [
    ("required", [], (), "not a member that Glance knows"),
    (
        "type",
        "text",
        (),
        "must be array or boolean or integer or number or object or string",
    ),
    (
        "default",
        None,
        (),
        "must be of type string or number or boolean",
    ),
    ("default", [], (), "must be of type string or number or boolean"),
    ("default", "é", (), ASCII),
    ("minimum", 1.0, (), "must be of type integer"),
    ("maximum", True, (), "must be of type integer"),
    ("minLength", -1, (), "must not be negative"),
    ("maxItems", "1", (), "must be of type integer"),
    ("readonly", 1, (), "must be of type boolean"),
    ("operators", "<or>", (), "must be of type array"),
    ("enum", ["a", 1], (1,), "must be of type string"),
    ("items", {"enum": []}, (), "'type' is a required property"),
    (
        "items",
        {"type": "string", "enum": [None]},
        ("enum", 0),
        "must be of type string",
    ),
]

ALL: dict[str, Any] = {
    "namespace": "N",
    "display_name": "n" * 80,
    "description": "With all that Glance knows.",
    "visibility": "private",
    "protected": False,
    "owner": "admin",
    "resource_type_associations": [
        {"name": "A", "prefix": "a_", "properties_target": "image"},
        {"name": "B"},
    ],
    "properties": {
        "p": {
            **PROPERTY,
            "name": "p",
            "description": "",
            "operators": ["<or>"],
            "default": 1,
            "readonly": True,
            "minimum": -1,
            "maximum": 0,
            "enum": [],
            "pattern": ".",
            "minLength": 0,
            "maxLength": 1,
            "confidential": False,
            "items": {"type": "string", "enum": ["a", "b"]},
            "uniqueItems": True,
            "minItems": 0,
            "maxItems": 1,
            "additionalItems": False,
        }
    },
    "objects": [{"name": "o", "description": "", "properties": {}}],
    "tags": [{"name": "t"}, {"name": "u"}],
}


class CheckTest(testtools.TestCase):
    def finds(self, document: Any, *expected: schema.Problem) -> None:
        self.assertEqual(list(expected), list(schema.check(document)))

    def test_document(self) -> None:
        self.finds([], ((), "must be of type object"))
        self.finds({}, ((), "'namespace' is a required property"))

    def test_namespace(self) -> None:
        for members, path, message in NAMESPACE_ROWS:
            self.finds({"namespace": "N", **members}, (path, message))

    def test_property(self) -> None:
        for member, value, below, message in PROPERTY_ROWS:
            properties = {"p": {**PROPERTY, member: value}}
            path = ("properties", "p", member, *below)
            self.finds(
                {"namespace": "N", "properties": properties}, (path, message)
            )
            # Those of objects are checked alike.
            self.finds(
                {
                    "namespace": "N",
                    "objects": [{"name": "o", "properties": properties}],
                },
                (("objects", 0, *path), message),
            )

    def test_all_that_is_broken(self) -> None:
        self.finds(
            {"protected": 0, "tags": [{}, {}]},
            ((), "'namespace' is a required property"),
            (("protected",), "must be of type boolean or null"),
            (("tags", 0), "'name' is a required property"),
            (("tags", 1), "'name' is a required property"),
        )

    def test_nothing_in_what_uses_all(self) -> None:
        self.finds(ALL)
        self.assertEqual(
            set(schema.PROPERTY_MEMBERS), set(ALL["properties"]["p"])
        )

    def test_null_as_if_absent(self) -> None:
        self.finds(
            {
                **{"namespace": "N", "display_name": None},
                **{"description": None, "visibility": None},
                "protected": None,
                "resource_type_associations": [
                    {"name": "A", "prefix": None, "properties_target": None}
                ],
                "objects": [
                    {"name": "n", "description": None, "properties": {}}
                ],
            }
        )

    def test_answer_of_the_api(self) -> None:
        answer = {
            **ALL,
            "self": "/v2/metadefs/namespaces/N",
            "schema": "/v2/schemas/metadefs/namespace",
            "created_at": "2026-01-01T00:00:00Z",
        }
        self.finds(answer, ((), schema.API_ANSWER))
        self.finds({"self": 1, "schema": 1}, ((), schema.API_ANSWER))
