# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import pathlib
from typing import Any

import fixtures
import testtools

from glance_filters.metadefs import files as metadefs
from glance_filters.metadefs import packaged

PROPERTY = {"title": "Title", "type": "string"}


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


class FindingsTest(FolderTestCase):
    def test_paths(self) -> None:
        for document, path in (
            ([], "$"),
            ({"namespace": ""}, "$.namespace"),
            ({"namespace": "N", "tags": [{}]}, "$.tags[0]"),
            (
                {"namespace": "N", "properties": {"cpu:a": PROPERTY, "é:": 1}},
                '$.properties["é:"]',
            ),
        ):
            read = self.read(broken=document)
            [finding] = read.findings
            self.assertEqual(str(self.folder / "broken.json"), finding.file)
            self.assertEqual(path, finding.path)
            self.assertEqual({}, dict(read.namespaces))

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
        self.assertEqual(["x"], namespace.properties["a"]["enum"])

    def test_namespace_without_properties(self) -> None:
        read = self.read(n={"namespace": "N"})
        self.assertEqual({}, dict(read.namespaces["N"].properties))

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
                b'{"tags": [{"a": 1, "name": "a", "z": 1, "name": "b"}]}',
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
            self.NOVA_TYPES.split(),
            properties["hypervisor_type"]["enum"],
        )
        self.assertEqual(
            ["hypervisor_type", "vm_mode", "hypervisor_version_requires"],
            list(properties),
        )
