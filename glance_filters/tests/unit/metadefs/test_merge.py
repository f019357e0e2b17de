# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import copy
import json
import pathlib
from typing import Any

import fixtures
import testtools

from glance_filters.metadefs import files, packaged
from glance_filters.metadefs import merge as overlay
from glance_filters.tests.fixtures import newton_metadefs as newton

STRING = {"type": "string", "title": "T"}
ARRAY = {"type": "array", "title": "T"}

# (id, Glance's property, ours, the result; None: Glance's, unchanged)
PROPERTY_ROWS: list[
    tuple[str, dict[str, Any], dict[str, Any], dict[str, Any] | None]
] = [
    (
        "Glance's members first, then ours in our order",
        {**STRING, "enum": ["b", "d"]},
        {**STRING, "enum": ["z", "b", "a"]},
        {**STRING, "enum": ["b", "d", "z", "a"]},
    ),
    (
        "nothing lacks",
        {**STRING, "enum": ["a", "b", "c"]},
        {**STRING, "enum": ["c", "a"]},
        None,
    ),
    (
        "an empty enumeration is one",
        {**STRING, "enum": []},
        {**STRING, "enum": ["a"]},
        {**STRING, "enum": ["a"]},
    ),
    (
        "letters differ in case",
        {**STRING, "enum": ["VZ"]},
        {**STRING, "enum": ["vz"]},
        {**STRING, "enum": ["VZ", "vz"]},
    ),
    ("any value is allowed", STRING, {**STRING, "enum": ["a"]}, None),
    ("we have no enumeration", {**STRING, "enum": ["a"]}, STRING, None),
    (
        "nothing else of ours is taken",
        {**STRING, "title": "Core", "enum": ["a"], "operators": ["<or>"]},
        {
            **STRING,
            "title": "Ours",
            "description": "Ours",
            "default": "a",
            "enum": ["b"],
            "operators": ["<all-in>"],
        },
        {**STRING, "title": "Core", "enum": ["a", "b"], "operators": ["<or>"]},
    ),
    (
        "members of an array",
        {**ARRAY, "items": {"type": "string", "enum": ["a"]}},
        {**ARRAY, "items": {"type": "string", "enum": ["b", "a"]}},
        {**ARRAY, "items": {"type": "string", "enum": ["a", "b"]}},
    ),
    (
        "members of an array: nothing lacks",
        {**ARRAY, "items": {"type": "string", "enum": ["a"]}},
        {**ARRAY, "items": {"type": "string", "enum": ["a"]}},
        None,
    ),
    (
        "members of an array: of another type",
        {**ARRAY, "items": {"type": "integer", "enum": ["1"]}},
        {**ARRAY, "items": {"type": "string", "enum": ["a"]}},
        None,
    ),
    (
        "members of an array: any is allowed",
        {**ARRAY, "items": {"type": "string"}},
        {**ARRAY, "items": {"type": "string", "enum": ["a"]}},
        None,
    ),
    (
        "members of an array: of a type that sorts before",
        {**ARRAY, "items": {"type": "string", "enum": ["a"]}},
        {**ARRAY, "items": {"type": "integer", "enum": ["1"]}},
        None,
    ),
    (
        "members of an array: theirs are of no shape",
        {**ARRAY, "items": ["a"]},
        {**ARRAY, "items": {"type": "string", "enum": ["a"]}},
        None,
    ),
    (
        "members of an array: we say nothing of them",
        {**ARRAY, "items": {"type": "string", "enum": ["a"]}},
        ARRAY,
        None,
    ),
    (
        "the type is another",
        {**STRING, "type": "integer", "enum": ["1"]},
        {**STRING, "enum": ["a"]},
        None,
    ),
    (
        "enumeration null",
        {**STRING, "enum": None},
        {**STRING, "enum": ["a"]},
        None,
    ),
]


def define(**properties: Any) -> files.Namespace:
    """Return a definition as it is read from a file."""
    with fixtures.TempDir() as directory:
        file = pathlib.Path(directory.path) / "n.json"
        file.write_text(
            json.dumps({"namespace": "N", "properties": properties})
        )
        read = files.read_folder(directory.path)
    if read.findings:
        raise ValueError(read.findings)
    return read.namespaces["N"]


class OverlayTestCase(testtools.TestCase):
    def unchanged(self, document: Any, merged: Any, id_: str = "") -> None:
        self.assertIs(document, merged, id_)


class PropertyTest(OverlayTestCase):
    def test_rows(self) -> None:
        for id_, theirs, ours, expected in PROPERTY_ROWS:
            definition = define(p=ours)
            # One property, all properties and the namespace, alike.
            for merge, document, wrap in (
                (
                    overlay.merge_property,
                    {**theirs, "name": "p"},
                    lambda merged: {**merged, "name": "p"},
                ),
                (
                    overlay.merge_properties,
                    {"properties": {"p": theirs}},
                    lambda merged: {"properties": {"p": merged}},
                ),
                (
                    overlay.merge_namespace,
                    {"namespace": "N", "properties": {"p": theirs}},
                    lambda merged: {
                        "namespace": "N",
                        "properties": {"p": merged},
                    },
                ),
            ):
                before = copy.deepcopy(document)
                merged = merge(document, definition)
                self.assertEqual(before, document, id_)
                if expected is None:
                    self.unchanged(document, merged, id_)
                else:
                    self.assertEqual(wrap(expected), merged, id_)

    def test_not_of_the_shape(self) -> None:
        definition = define(p={**STRING, "enum": ["a"]})
        documents: list[Any] = [
            None,
            "p",
            ["p"],
            {},
            {"name": ["p"]},
            {"name": "other", **STRING, "enum": ["b"]},
            {"name": "p", "enum": ["b"]},
            {"name": "p", "type": "string", "enum": {"b": 1}},
            {"name": "p", "type": "array", "items": ["b"]},
        ]
        for document in documents:
            self.unchanged(
                document, overlay.merge_property(document, definition)
            )

    def test_document_of_a_property_that_glance_lacks(self) -> None:
        definition = define(p={**STRING, "name": "q", "default": 8})
        self.assertEqual(
            {**STRING, "default": "8", "name": "p"},
            overlay.property_document(definition, "p"),
        )
        self.assertIsNone(overlay.property_document(definition, "q"))


class PropertiesTest(OverlayTestCase):
    def test_appends_to_what_glance_has(self) -> None:
        merged = overlay.merge_properties(
            {"properties": {"z": STRING}},
            define(b={**STRING, "enum": ["x"]}, a=STRING),
        )
        self.assertEqual(
            {
                "properties": {
                    "z": STRING,
                    "b": {**STRING, "enum": ["x"]},
                    "a": STRING,
                }
            },
            merged,
        )
        self.assertEqual(["z", "b", "a"], list(merged["properties"]))
        self.assertEqual(merged, json.loads(json.dumps(merged)))

    def test_default_is_a_text_as_glance_answers(self) -> None:
        for default, text in ((8, "8"), (1.5, "1.5"), (True, "True")):
            merged = overlay.merge_properties(
                {"properties": {}}, define(p={**STRING, "default": default})
            )
            self.assertEqual(text, merged["properties"]["p"]["default"])

    def test_answers_do_not_share_what_is_added(self) -> None:
        definition = define(p={**STRING, "enum": ["a"]})
        first = overlay.merge_properties({"properties": {}}, definition)
        first["properties"]["p"]["enum"].append("b")
        second = overlay.merge_properties({"properties": {}}, definition)
        self.assertEqual(["a"], second["properties"]["p"]["enum"])

    def test_not_of_the_shape(self) -> None:
        definition = define(p=STRING)
        documents: list[Any] = [None, [], {}, {"properties": []}]
        for document in documents:
            self.unchanged(
                document, overlay.merge_properties(document, definition)
            )

    def test_one_property_not_of_the_shape_stays(self) -> None:
        malformed: list[Any] = [None, "p", [], {}]
        for theirs in malformed:
            document = {"properties": {"p": theirs}}
            self.unchanged(
                document,
                overlay.merge_properties(
                    document, define(p={**STRING, "enum": ["a"]})
                ),
            )


class NamespaceTest(OverlayTestCase):
    def test_without_a_property(self) -> None:
        document = {"namespace": "N", "owner": "admin"}
        self.assertEqual(
            {**document, "properties": {"p": STRING}},
            overlay.merge_namespace(document, define(p=STRING)),
        )
        self.unchanged(document, overlay.merge_namespace(document, define()))

    def test_prefix_of_the_resource_type(self) -> None:
        document = {
            "namespace": "N",
            "resource_type_associations": [
                {"name": "Flavor", "prefix": "hw:"},
                {"name": "Zone", "prefix": "z_"},
                {"name": "Image", "prefix": "hw_"},
                {"name": "Server"},
            ],
        }
        ours = {**STRING, "enum": ["a"]}
        theirs = {**STRING, "enum": ["b"]}
        both = {**STRING, "enum": ["b", "a"]}
        for resource_type, prefix in (
            ("Flavor", "hw:"),
            ("Image", "hw_"),
            ("Server", ""),
            ("Volume", ""),
            (None, ""),
        ):
            merged = overlay.merge_namespace(
                {**document, "properties": {f"{prefix}p": theirs}},
                define(p=ours, q=ours),
                resource_type,
            )
            self.assertEqual(
                {f"{prefix}p": both, f"{prefix}q": ours},
                merged["properties"],
                str(resource_type),
            )

    def test_bare_name(self) -> None:
        document = {
            "resource_type_associations": [
                {"name": "Image", "prefix": "hw_"},
                {"name": "Server"},
            ]
        }
        for name, resource_type, expected in (
            ("hw_p", None, "hw_p"),
            ("p", None, "p"),
            ("hw_p", "Image", "p"),
            ("p", "Image", ""),
            ("p_hw_", "Image", ""),
            ("p", "Server", ""),
            ("hw_p", "Volume", ""),
        ):
            found = overlay.bare_name(name, document, resource_type)
            self.assertEqual(expected, found, f"{name} {resource_type}")

    def test_associations_not_of_the_shape(self) -> None:
        rows: list[Any] = [
            None,
            {},
            ["Image"],
            [{"name": "Image", "prefix": 1}],
        ]
        for associations in rows:
            merged = overlay.merge_namespace(
                {"namespace": "N", "resource_type_associations": associations},
                define(p=STRING),
                "Image",
            )
            self.assertEqual({"p": STRING}, merged["properties"])

    def test_not_of_the_shape(self) -> None:
        documents: list[Any] = [
            None,
            [],
            {},
            {"namespace": "Other"},
            {"namespace": "N", "properties": None},
        ]
        for document in documents:
            self.unchanged(
                document, overlay.merge_namespace(document, define(p=STRING))
            )


class NewtonTest(OverlayTestCase):
    """The shipped definitions over the recorded answers of Newton."""

    NEWER = [
        "bhyve",
        "docker",
        "fake",
        "ironic",
        "kqemu",
        "lxd",
        "openvz",
        "parallels",
        "phyp",
        "prsm",
        "test",
        "vbox",
        "vz",
        "zvm",
    ]

    def setUp(self) -> None:
        super().setUp()
        read = files.read_folder(packaged.metadefs_folder())
        self.definition = read.namespaces[newton.NAMESPACE]
        theirs = newton.PROPERTIES["hypervisor_type"]
        self.hypervisor_type = {**theirs, "enum": theirs["enum"] + self.NEWER}
        version = overlay.property_document(
            self.definition, "hypervisor_version_requires"
        )
        self.assertIsNotNone(version)
        version = dict(version or {})
        del version["name"]
        self.properties = {
            "vm_mode": newton.PROPERTIES["vm_mode"],
            "hypervisor_type": self.hypervisor_type,
            "hypervisor_version_requires": version,
        }

    def test_namespace(self) -> None:
        for resource_type in (None, "OS::Glance::Image"):
            self.assertEqual(
                {**newton.DOCUMENT, "properties": self.properties},
                overlay.merge_namespace(
                    newton.DOCUMENT, self.definition, resource_type
                ),
            )

    def test_properties(self) -> None:
        self.assertEqual(
            {"properties": self.properties},
            overlay.merge_properties(
                {"properties": newton.PROPERTIES}, self.definition
            ),
        )

    def test_property(self) -> None:
        document = {
            **newton.PROPERTIES["hypervisor_type"],
            "name": "hypervisor_type",
        }
        self.assertEqual(
            {**self.hypervisor_type, "name": "hypervisor_type"},
            overlay.merge_property(document, self.definition),
        )

    def test_property_that_lacks_nothing(self) -> None:
        document = {**newton.PROPERTIES["vm_mode"], "name": "vm_mode"}
        self.unchanged(
            document, overlay.merge_property(document, self.definition)
        )
