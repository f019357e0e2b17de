# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any

import fixtures
import testtools

from glance_filters.metadefs import files as metadefs
from glance_filters.metadefs import packaged, schema

PROPERTY = {"title": "Title", "type": "string"}
ASCII = "must be ASCII: Glance fails to answer with anything else"

# (members of the document, path of the one finding, its message)
NAMESPACE_ROWS: list[tuple[dict[str, Any], str, str]] = [
    ({"namespace": None}, "$.namespace", "must be a string"),
    ({"namespace": ""}, "$.namespace", "must not be empty"),
    (
        {"namespace": "n" * 81},
        "$.namespace",
        "longer than 80 characters",
    ),
    ({"display_name": 1}, "$.display_name", "must be a string"),
    (
        {"description": "d" * 501},
        "$.description",
        "longer than 500 characters",
    ),
    (
        {"visibility": "shared"},
        "$.visibility",
        "must be one of public, private",
    ),
    ({"protected": "yes"}, "$.protected", "must be true or false"),
    ({"owner": None}, "$.owner", "must be a string"),
    (
        {"owner": "o" * 256},
        "$.owner",
        "longer than 255 characters",
    ),
    (
        {"propertys": {}},
        "$.propertys",
        "not a member that Glance knows",
    ),
    (
        {"resource_type_associations": None},
        "$.resource_type_associations",
        "must be an array",
    ),
    (
        {"resource_type_associations": [{"prefix": "hw_"}]},
        "$.resource_type_associations[0]",
        "member 'name' is missing",
    ),
    (
        {"resource_type_associations": [{"name": "A", "prefix": 1}]},
        "$.resource_type_associations[0].prefix",
        "must be a string",
    ),
    (
        {"resource_type_associations": [{"name": "A"}] * 2},
        "$.resource_type_associations[1].name",
        "stands twice in this array",
    ),
    ({"objects": {}}, "$.objects", "must be an array"),
    ({"objects": ["o"]}, "$.objects[0]", "must be an object"),
    (
        {"objects": [{"name": "o"}]},
        "$.objects[0]",
        "member 'properties' is missing",
    ),
    (
        {"objects": [{"name": "o", "properties": {}, "required": []}]},
        "$.objects[0].required",
        "not a member that Glance knows",
    ),
    (
        {"objects": [{"name": "o", "properties": {"p": None}}]},
        "$.objects[0].properties.p",
        "must be an object",
    ),
    ({"tags": [{}]}, "$.tags[0]", "member 'name' is missing"),
    ({"properties": []}, "$.properties", "must be an object"),
    (
        {"properties": {"": PROPERTY}},
        '$.properties[""]',
        "must not be empty",
    ),
    (
        {"properties": {"p": {"title": "Title"}}},
        "$.properties.p",
        "member 'type' is missing",
    ),
    (
        {"properties": {"p": {"type": "string"}}},
        "$.properties.p",
        "member 'title' is missing",
    ),
]

# (the property's broken member, its value, path below it, message)
PROPERTY_ROWS: list[tuple[str, Any, str, str]] = [
    ("required", [], "", "not a member that Glance knows"),
    (
        "type",
        "text",
        "",
        "must be one of array, boolean, integer, number, object, string",
    ),
    (
        "default",
        None,
        "",
        "must be a string, a number, true or false",
    ),
    ("default", [], "", "must be a string, a number, true or false"),
    ("default", "é", "", ASCII),
    ("minimum", 1.5, "", "must be an integer"),
    ("maximum", True, "", "must be an integer"),
    ("minLength", -1, "", "must not be negative"),
    ("maxItems", "1", "", "must be an integer"),
    ("readonly", 1, "", "must be true or false"),
    ("operators", "<or>", "", "must be an array"),
    ("enum", ["a", 1], "[1]", "must be a string"),
    ("items", {"enum": []}, "", "member 'type' is missing"),
    (
        "items",
        {"type": "string", "enum": [None]},
        ".enum[0]",
        "must be a string",
    ),
]

ALL: dict[str, Any] = {
    "namespace": "N",
    "display_name": "A namespace",
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


class FolderTestCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def read(self, **files: Any) -> metadefs.Metadefs:
        for name, document in files.items():
            (self.folder / f"{name}.json").write_text(
                document
                if isinstance(document, str)
                else json.dumps(document),
                encoding="utf-8",
            )
        return metadefs.read_folder(self.folder)


class CheckTest(FolderTestCase):
    def finds(self, document: Any, path: str, message: str) -> None:
        """Assert that one thing is found, and nothing taken."""
        read = self.read(broken=document)
        file = str(self.folder / "broken.json")
        self.assertEqual(
            (metadefs.Finding(file, path, message),), read.findings
        )
        self.assertEqual({}, dict(read.namespaces))

    def test_document(self) -> None:
        self.finds([], "$", "must be an object")
        self.finds({}, "$", "member 'namespace' is missing")

    def test_namespace(self) -> None:
        for members, path, message in NAMESPACE_ROWS:
            self.finds({"namespace": "N", **members}, path, message)

    def test_property(self) -> None:
        for member, value, below, message in PROPERTY_ROWS:
            property_ = {**PROPERTY, member: value}
            path = f"$.properties.p.{member}{below}"
            self.finds(
                {"namespace": "N", "properties": {"p": property_}},
                path,
                message,
            )
            # Those of objects are checked alike.
            self.finds(
                {
                    "namespace": "N",
                    "objects": [{"name": "o", "properties": {"p": property_}}],
                },
                path.replace("$", "$.objects[0]"),
                message,
            )

    def test_path_quotes_a_name_if_it_has_to(self) -> None:
        self.finds(
            {"namespace": "N", "properties": {"cpu:a": PROPERTY, "cpu:b": 1}},
            '$.properties["cpu:b"]',
            "must be an object",
        )

    def test_finds_nothing_in_what_uses_all(self) -> None:
        self.assertEqual((), self.read(all=ALL).findings)
        self.assertEqual(
            set(schema.PROPERTY_MEMBERS), set(ALL["properties"]["p"])
        )

    def test_names_all_that_is_broken(self) -> None:
        read = self.read(broken={"protected": 0, "tags": [{}, {}]})
        self.assertEqual(
            ["$", "$.protected", "$.tags[0]", "$.tags[1]"],
            [finding.path for finding in read.findings],
        )

    def test_finding_is_one_line(self) -> None:
        self.assertEqual(
            "f.json: $.tags: must be an array",
            str(metadefs.Finding("f.json", "$.tags", "must be an array")),
        )


class ReadTest(FolderTestCase):
    def test_properties_in_the_order_of_the_file(self) -> None:
        document = {
            "namespace": "N",
            "properties": {"z": PROPERTY, "a": {**PROPERTY, "enum": ["x"]}},
        }
        read = self.read(n=document)
        namespace = read.namespaces["N"]
        self.assertEqual("N", namespace.name)
        self.assertEqual(["z", "a"], list(namespace.properties))
        self.assertEqual(("x",), namespace.properties["a"]["enum"])

    def test_namespace_without_properties(self) -> None:
        read = self.read(n={"namespace": "N"})
        self.assertEqual({}, dict(read.namespaces["N"].properties))

    def test_cannot_be_changed(self) -> None:
        read: Any = self.read(all=ALL)
        namespace = read.namespaces["N"]
        for mapping in (
            read.namespaces,
            namespace.properties,
            namespace.properties["p"],
            namespace.properties["p"]["items"],
        ):
            with testtools.ExpectedException(TypeError):
                mapping["new"] = 1
        with testtools.ExpectedException(dataclasses.FrozenInstanceError):
            read.findings = ()

    def test_only_json_files_directly_in_the_folder(self) -> None:
        (self.folder / "README").write_text("{")
        (self.folder / "folder.json").mkdir()
        (self.folder / "folder.json" / "x.json").write_text("{")
        read = self.read(n={"namespace": "N"})
        self.assertEqual((), read.findings)
        self.assertEqual(["N"], list(read.namespaces))

    def test_same_namespace_in_two_files(self) -> None:
        read = self.read(b={"namespace": "N"}, a={"namespace": "N"})
        self.assertEqual(
            (
                metadefs.Finding(
                    str(self.folder / "b.json"),
                    "$.namespace",
                    "also defined in a.json",
                ),
            ),
            read.findings,
        )
        self.assertEqual(["N"], list(read.namespaces))

    def test_one_broken_file_does_not_hide_another(self) -> None:
        read = self.read(a={"namespace": "A"}, b="{", c=[])
        self.assertEqual(["A"], list(read.namespaces))
        self.assertEqual(
            ["b.json", "c.json"],
            [pathlib.Path(f.file).name for f in read.findings],
        )

    def test_not_json(self) -> None:
        [finding] = self.read(a='{"namespace": }').findings
        self.assertEqual("$", finding.path)
        self.assertEqual(
            "not readable as JSON: Expecting value: line 1 column 15 "
            "(char 14)",
            finding.message,
        )

    def test_not_utf8(self) -> None:
        (self.folder / "a.json").write_bytes(b'{"namespace": "\xe9"}')
        [finding] = self.read().findings
        self.assertIn("not readable as JSON: 'utf-8' codec", finding.message)

    def test_member_twice_in_one_object(self) -> None:
        [finding] = self.read(
            a='{"namespace": "N", "tags": [{"name": "a", "name": "b"}]}'
        ).findings
        self.assertEqual(
            "not readable as JSON: member 'name' stands twice in one object",
            finding.message,
        )

    def test_no_file(self) -> None:
        self.assertEqual(
            (metadefs.Finding(str(self.folder), "$", "no *.json file in it"),),
            self.read().findings,
        )

    def test_no_folder(self) -> None:
        with testtools.ExpectedException(FileNotFoundError):
            metadefs.read_folder(self.folder / "absent")


class ShippedFilesTest(testtools.TestCase):
    # Nova's HVType.ALL (nova/objects/fields.py), to which its image
    # properties filter reduces an image's hypervisor_type.
    NOVA_TYPES = (
        "baremetal bhyve docker fake hyperv ironic kqemu kvm lxc lxd openvz "
        "parallels phyp prsm qemu test uml vbox vmware vz xen zvm"
    )

    def test_are_clean(self) -> None:
        read = metadefs.read_folder(packaged.metadefs_folder())
        self.assertEqual((), read.findings)

    def test_hypervisor_types_are_those_of_nova(self) -> None:
        read = metadefs.read_folder(packaged.metadefs_folder())
        properties = read.namespaces["OS::Compute::Hypervisor"].properties
        self.assertEqual(
            tuple(self.NOVA_TYPES.split()),
            properties["hypervisor_type"]["enum"],
        )
        self.assertEqual(
            ["hypervisor_type", "vm_mode", "hypervisor_version_requires"],
            list(properties),
        )
