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
    ({"namespace": None}, "$.namespace", "must be of type string"),
    ({"namespace": ""}, "$.namespace", "must not be empty"),
    (
        {"namespace": "n" * 81},
        "$.namespace",
        "longer than 80 characters",
    ),
    (
        {"display_name": 1},
        "$.display_name",
        "must be of type string or null",
    ),
    (
        {"description": "d" * 501},
        "$.description",
        "longer than 500 characters",
    ),
    (
        {"visibility": "shared"},
        "$.visibility",
        "must be public or private or null",
    ),
    ({"protected": "yes"}, "$.protected", "must be of type boolean or null"),
    ({"owner": None}, "$.owner", "must be of type string"),
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
        "must be of type array",
    ),
    (
        {"resource_type_associations": [{"prefix": "hw_"}]},
        "$.resource_type_associations[0]",
        "'name' is a required property",
    ),
    (
        {"resource_type_associations": [{"name": "A", "prefix": 1}]},
        "$.resource_type_associations[0].prefix",
        "must be of type string or null",
    ),
    (
        {"resource_type_associations": [{"name": "A"}] * 2},
        "$.resource_type_associations[1].name",
        "occurs twice in this array",
    ),
    ({"objects": {}}, "$.objects", "must be of type array"),
    ({"objects": ["o"]}, "$.objects[0]", "must be of type object"),
    (
        {"objects": [{"name": "o"}]},
        "$.objects[0]",
        "'properties' is a required property",
    ),
    (
        {"objects": [{"name": "o", "properties": {}, "required": []}]},
        "$.objects[0].required",
        "not a member that Glance knows",
    ),
    (
        {"objects": [{"name": "o", "properties": {"p": None}}]},
        "$.objects[0].properties.p",
        "must be of type object",
    ),
    ({"tags": [{}]}, "$.tags[0]", "'name' is a required property"),
    ({"properties": []}, "$.properties", "must be of type object"),
    (
        {"properties": {"": PROPERTY}},
        '$.properties[""]',
        "must not be empty",
    ),
    (
        {"properties": {"p": {"title": "Title"}}},
        "$.properties.p",
        "'type' is a required property",
    ),
    (
        {"properties": {"p": {"type": "string"}}},
        "$.properties.p",
        "'title' is a required property",
    ),
]

# (the property's broken member, its value, path below it, message)
PROPERTY_ROWS: list[tuple[str, Any, str, str]] = [
    ("required", [], "", "not a member that Glance knows"),
    (
        "type",
        "text",
        "",
        "must be array or boolean or integer or number or object or string",
    ),
    (
        "default",
        None,
        "",
        "must be of type string or number or boolean",
    ),
    ("default", [], "", "must be of type string or number or boolean"),
    ("default", "é", "", ASCII),
    ("minimum", 1.0, "", "must be of type integer"),
    ("maximum", True, "", "must be of type integer"),
    ("minLength", -1, "", "must not be negative"),
    ("maxItems", "1", "", "must be of type integer"),
    ("readonly", 1, "", "must be of type boolean"),
    ("operators", "<or>", "", "must be of type array"),
    ("enum", ["a", 1], "[1]", "must be of type string"),
    ("items", {"enum": []}, "", "'type' is a required property"),
    (
        "items",
        {"type": "string", "enum": [None]},
        ".enum[0]",
        "must be of type string",
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
        self.finds([], "$", "must be of type object")
        self.finds({}, "$", "'namespace' is a required property")

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
            "must be of type object",
        )

    def test_finds_nothing_in_what_uses_all(self) -> None:
        self.assertEqual((), self.read(all=ALL).findings)
        self.assertEqual(
            set(schema.PROPERTY_MEMBERS), set(ALL["properties"]["p"])
        )

    def test_null_as_if_absent(self) -> None:
        named: dict[str, Any] = {
            "name": "n",
            "description": None,
            "properties": {},
        }
        document = {
            **{"namespace": "N", "display_name": None, "description": None},
            **{"visibility": None, "protected": None},
            "resource_type_associations": [
                {"name": "A", "prefix": None, "properties_target": None}
            ],
            "objects": [named],
        }
        self.assertEqual((), self.read(n=document).findings)

    def test_answer_of_the_api(self) -> None:
        answer = {
            **ALL,
            "self": "/v2/metadefs/namespaces/N",
            "schema": "/v2/schemas/metadefs/namespace",
            "created_at": "2026-01-01T00:00:00Z",
        }
        self.finds(answer, "$", schema.API_ANSWER)

    def test_names_all_that_is_broken(self) -> None:
        read = self.read(broken={"protected": 0, "tags": [{}, {}]})
        self.assertEqual(
            ["$", "$.protected", "$.tags[0]", "$.tags[1]"],
            [finding.path for finding in read.findings],
        )

    def test_finding_is_one_line(self) -> None:
        self.assertEqual(
            "f.json: $.tags: must be of type array",
            str(metadefs.Finding("f.json", "$.tags", "must be of type array")),
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

    def test_not_readable(self) -> None:
        """Glance-manage cannot load these: it reads text in UTF-8."""
        text = '{"namespace": "N"}'
        mark = "begins with a byte order mark: save it as UTF-8 without one"
        rows: list[tuple[bytes, str]] = [
            (
                b'{"namespace": }',
                "not readable as JSON: Expecting value: line 1 column 15 "
                "(char 14)",
            ),
            (text.encode("utf-8-sig"), mark),
            (text.encode("utf-16"), mark),
            (b"\xfe\xff" + text.encode("utf-16-be"), mark),
            (
                text.encode("utf-16-le"),
                "not readable as JSON: Expecting property name enclosed in "
                "double quotes: line 1 column 2 (char 1)",
            ),
            (
                b'{"namespace": "\xe9"}',
                "not UTF-8: 'utf-8' codec can't decode byte 0xe9 in position "
                "15: invalid continuation byte",
            ),
            (
                b'{"tags": [{"name": "a", "name": "b"}]}',
                "not readable as JSON: member 'name' occurs twice in one "
                "object",
            ),
            (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        ]
        for content, message in rows:
            (self.folder / "a.json").write_bytes(content)
            [finding] = self.read().findings
            self.assertEqual(("$", message), (finding.path, finding.message))

    def test_no_file(self) -> None:
        self.assertEqual(
            (
                metadefs.Finding(
                    str(self.folder), "$", "contains no *.json file"
                ),
            ),
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
