# SPDX-License-Identifier: Apache-2.0

"""The shipped definitions, their check and the overlay, on real Glance."""

from __future__ import annotations

import copy
import json
import pathlib
import subprocess
import sys
import sysconfig
import unittest
from collections.abc import Iterable, Mapping
from typing import Any

import fixtures
import testtools
from glance.api.v2.model import metadef_property_type
from glance.db.sqlalchemy import api as db_api
from glance.db.sqlalchemy import metadata
from oslo_db import exception as db_exception

from glance_filters import tests
from glance_filters.metadefs import files, packaged, schema
from glance_filters.metadefs import merge as overlay
from glance_filters.tests.fixtures import auth, real_glance
from glance_filters.tests.fixtures import newton_metadefs as newton

GLANCE_METADEFS = (
    pathlib.Path(sysconfig.get_path("data")) / "etc" / "glance" / "metadefs"
)
HYPERVISOR = "OS::Compute::Hypervisor"
PROPERTY = {"title": "Title", "type": "string"}

_TABLES = (
    *("metadef_properties", "metadef_objects", "metadef_tags"),
    *("metadef_namespace_resource_types", "metadef_namespaces"),
    "metadef_resource_types",
)


def load(path: pathlib.Path) -> None:
    """Load definitions into the database, as glance-manage does."""
    engine = db_api.get_engine()
    metadata.db_load_metadefs(engine, str(path), False, False, False)


@tests.in_process("it is about the files and the database of Glance")
class GlanceTestCase(testtools.TestCase):
    """Definitions in the database of the Glance in this process."""

    def setUp(self) -> None:
        super().setUp()
        glance = self.useFixture(real_glance.RealGlance())
        self.folder = glance.folder
        # She sees the private ones too.
        self.client = glance.client(token=auth.ADMIN)
        self.forget()
        self.addCleanup(self.forget)

    def forget(self) -> None:
        """Empty the tables that ``glance-manage`` loads."""
        for table in _TABLES:
            self.folder.execute(f"DELETE FROM {table}")

    def ask(self, path: str) -> tuple[int, Any]:
        """Return status and, if it is 200, the decoded document."""
        try:
            answer = self.client.request(
                "GET", f"/v2/metadefs/namespaces/{path}"
            )
        except Exception:
            # A server makes a 500 of it.
            return 500, None
        is_good = answer.status == 200
        return answer.status, answer.json if is_good else None

    def get(self, path: str) -> Any:
        status, document = self.ask(path)
        self.assertEqual(200, status, path)
        return document

    def write(self, **documents: Mapping[str, Any]) -> pathlib.Path:
        """Write files of definitions and return their folder."""
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for name, document in documents.items():
            (folder / f"{name}.json").write_text(json.dumps(document))
        return folder

    def write_each(
        self, documents: Iterable[Mapping[str, Any]]
    ) -> pathlib.Path:
        """Write a file for each document and return their folder."""
        numbered = enumerate(documents)
        return self.write(**{f"n{index}": each for index, each in numbered})


def converted_answer(answer: dict[str, Any]) -> dict[str, Any]:
    """Do what the finding about an answer of the API says."""
    document = copy.deepcopy(answer)
    for part in (
        document,
        *document.get("objects", ()),
        *document.get("tags", ()),
        *document.get("resource_type_associations", ()),
    ):
        for name in ("self", "schema", "created_at", "updated_at"):
            part.pop(name, None)
    for part in document.get("objects", ()):
        del part["required"]
    return document


class ShippedDefinitionsTest(GlanceTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.shipped = packaged.metadefs_folder()
        self.ours = json.loads(
            (self.shipped / "compute-hypervisor.json").read_text("utf-8")
        )

    def assert_answers_are_ours(self) -> None:
        """Compare the three answers, member by member, with the file."""
        document = self.get(HYPERVISOR)
        for name in (
            "namespace",
            "display_name",
            "description",
            "visibility",
            "protected",
            "properties",
        ):
            self.assertEqual(self.ours[name], document[name], name)
        self.assertEqual(
            ["OS::Glance::Image"],
            [
                association["name"]
                for association in document["resource_type_associations"]
            ],
        )
        self.assertEqual(
            {"properties": self.ours["properties"]},
            self.get(f"{HYPERVISOR}/properties"),
        )
        for name, property_ in self.ours["properties"].items():
            self.assertEqual(
                {**property_, "name": name},
                self.get(f"{HYPERVISOR}/properties/{name}"),
            )

    def merge(self, path: pathlib.Path) -> None:
        """Load definitions, as the documentation tells operators."""
        options = (f"--path={path}", "--merge", "--prefer_new")
        try:
            self.folder.manage("db", "load_metadefs", *options)
        except subprocess.CalledProcessError as error:
            if b"_update_data_in_db() missing 1 required" in error.stderr:
                raise unittest.SkipTest(
                    "glance-manage of this release cannot merge definitions"
                ) from error
            raise

    def types(self) -> list[str]:
        document = self.get(f"{HYPERVISOR}/properties/hypervisor_type")
        enum: list[str] = document["enum"]
        return enum

    def test_into_an_empty_database(self) -> None:
        self.assertEqual((404, None), self.ask(HYPERVISOR))
        self.folder.manage("db_load_metadefs", str(self.shipped))
        self.assert_answers_are_ours()
        self.assertIn("vz", self.types())

    def test_over_those_of_glance(self) -> None:
        load(GLANCE_METADEFS)
        others = {
            name: self.get(name)
            for name in files.read_folder(GLANCE_METADEFS).namespaces
            if name != HYPERVISOR
        }
        self.assertNotIn("bhyve", self.types())
        self.merge(self.shipped)
        self.assert_answers_are_ours()
        for name, document in others.items():
            # The loader stamps a resource type that it comes across anew.
            after = self.get(name)
            self.assertEqual(
                document.get("properties"), after.get("properties"), name
            )
            self.assertEqual(document.get("objects"), after.get("objects"))

    def test_over_newton_s(self) -> None:
        load(
            self.write(
                newton={
                    "namespace": HYPERVISOR,
                    "display_name": newton.DOCUMENT["display_name"],
                    "description": newton.DOCUMENT["description"],
                    "visibility": "public",
                    "protected": True,
                    "resource_type_associations": [
                        {"name": "OS::Glance::Image"}
                    ],
                    "properties": newton.PROPERTIES,
                    "objects": [],
                }
            )
        )
        self.assertEqual(
            newton.PROPERTIES["hypervisor_type"]["enum"], self.types()
        )
        self.merge(self.shipped)
        self.assert_answers_are_ours()
        self.assertIn("vz", self.types())


class ShapeTest(GlanceTestCase):
    """What the check says is what Glance does."""

    def test_knows_the_members_that_glance_knows(self) -> None:
        self.assertEqual(
            {
                attribute.name
                for attribute in (
                    metadef_property_type.PropertyType._wsme_attributes
                )
            },
            set(schema.PROPERTY_MEMBERS),
        )

    def test_files_of_glance_are_clean(self) -> None:
        read = files.read_folder(GLANCE_METADEFS)
        self.assertEqual((), read.findings)
        self.assertIn(HYPERVISOR, read.namespaces)

    def test_glance_cannot_answer_with_what_is_found(self) -> None:
        broken: dict[str, Any] = {
            "unknown-member": {**PROPERTY, "required": []},
            "no-title": {"type": "string"},
            "no-type": {"title": "Title"},
            "no-object": "string",
            "default-not-ascii": {**PROPERTY, "default": "é"},
            "enum-of-numbers": {**PROPERTY, "enum": [1]},
            "minimum-text": {**PROPERTY, "minimum": "one"},
            "readonly-text": {**PROPERTY, "readonly": "perhaps"},
            "items-without-type": {**PROPERTY, "items": {"enum": []}},
        }
        folder = self.write(
            **{
                name: {
                    "namespace": name,
                    "visibility": "public",
                    "properties": {"p": property_},
                }
                for name, property_ in broken.items()
            },
            fine={
                "namespace": "fine",
                "visibility": "public",
                "properties": {"p": PROPERTY},
            },
        )
        self.assertEqual(
            sorted(broken),
            sorted(
                pathlib.Path(finding.file).stem
                for finding in files.read_folder(folder).findings
            ),
        )
        load(folder)
        self.assertEqual(200, self.ask("fine")[0])
        for name in broken:
            for path in (name, f"{name}/properties", f"{name}/properties/p"):
                self.assertEqual((500, None), self.ask(path), path)

    def test_loader_stumbles_over_what_is_found(self) -> None:
        documents: list[dict[str, Any]] = [
            {},
            {"namespace": "a", "owner": None},
            {"namespace": "b", "protected": "yes"},
            {"namespace": "c", "tags": None},
            {"namespace": "d", "objects": [{"properties": {}}]},
        ]
        for document in documents:
            folder = self.write(broken=document)
            self.assertEqual(1, len(files.read_folder(folder).findings))
            self.assertRaises(
                (db_exception.DBError, KeyError, TypeError), load, folder
            )

    def test_glance_cannot_load_what_cannot_be_read(self) -> None:
        text = '{"namespace": "%s", "visibility": "public"}'
        contents = {
            "mark": (text % "mark").encode("utf-8-sig"),
            "utf16": (text % "utf16").encode("utf-16"),
            "deep": b'{"namespace": "deep", "tags": '
            + b"[" * 100_000
            + b"]" * 100_000
            + b"}",
        }
        folder = self.write(fine={"namespace": "fine", "visibility": "public"})
        for name, content in contents.items():
            (folder / f"{name}.json").write_bytes(content)
        self.assertEqual(
            sorted(contents),
            [
                pathlib.Path(finding.file).stem
                for finding in files.read_folder(folder).findings
            ],
        )
        load(folder)
        self.assertEqual(200, self.ask("fine")[0])
        for name in contents:
            self.assertEqual((404, None), self.ask(name))

    def test_glance_takes_null_as_if_absent(self) -> None:
        document: dict[str, Any] = {
            "resource_type_associations": [{"name": "A"}],
            "objects": [{"name": "o", "properties": {}}],
        }
        with_nulls = copy.deepcopy(document)
        with_nulls.update(
            **{"display_name": None, "description": None},
            **{"visibility": None, "protected": None},
        )
        with_nulls["objects"][0]["description"] = None
        with_nulls["resource_type_associations"][0].update(
            prefix=None, properties_target=None
        )
        folder = self.write(
            absent={"namespace": "n", **document},
            null={"namespace": "m", **with_nulls},
        )
        self.assertEqual((), files.read_folder(folder).findings)
        load(folder)
        absent, null = (converted_answer(self.get(name)) for name in "nm")
        self.assertEqual({**absent, "namespace": "m"}, null)

    def test_answer_of_the_api(self) -> None:
        """The finding says what makes a definition file of it."""
        load(GLANCE_METADEFS)
        answers = {
            name: self.get(name)
            for name in files.read_folder(GLANCE_METADEFS).namespaces
        }
        folder = self.write_each(answers.values())
        self.assertEqual(
            {("$", schema.API_ANSWER)},
            {
                (finding.path, finding.message)
                for finding in files.read_folder(folder).findings
            },
        )
        converted = list(map(converted_answer, answers.values()))
        folder = self.write_each(converted)
        self.assertEqual((), files.read_folder(folder).findings)
        self.forget()
        load(folder)
        for name, answer in answers.items():
            self.assertEqual(
                converted_answer(answer), converted_answer(self.get(name))
            )

    def test_object_without_properties(self) -> None:
        folder = self.write(
            broken={
                "namespace": "n",
                "visibility": "public",
                "objects": [{"name": "o"}],
            }
        )
        self.assertEqual(1, len(files.read_folder(folder).findings))
        load(folder)
        self.assertEqual((500, None), self.ask("n"))


class OverlayTest(GlanceTestCase):
    """The overlay's answers are those that Glance itself would give."""

    def test_renders_as_glance_does(self) -> None:
        load(GLANCE_METADEFS)
        namespaces = files.read_folder(GLANCE_METADEFS).namespaces
        for name, definition in namespaces.items():
            theirs = self.get(name)
            self.assertEqual(
                self.get(f"{name}/properties"),
                overlay.merge_properties({"properties": {}}, definition),
            )
            for resource_type in [
                association["name"]
                for association in theirs.get("resource_type_associations", ())
            ]:
                theirs = self.get(f"{name}?resource_type={resource_type}")
                bare = {**theirs}
                bare.pop("properties", None)
                self.assertEqual(
                    theirs,
                    overlay.merge_namespace(bare, definition, resource_type),
                )
                # Glance lacks nothing now.
                self.assertIs(
                    theirs,
                    overlay.merge_namespace(theirs, definition, resource_type),
                )
            for property_ in list(definition.properties)[:1]:
                self.assertEqual(
                    self.get(f"{name}/properties/{property_}"),
                    overlay.property_document(definition, property_),
                )

    def test_name_in_one_property_s_answer_has_no_prefix(self) -> None:
        ours = {**PROPERTY, "enum": ["a", "b"]}
        load(
            self.write(
                n={
                    "namespace": "n",
                    "visibility": "public",
                    "resource_type_associations": [
                        {"name": "OS::Glance::Image", "prefix": "hw_"}
                    ],
                    "properties": {"p": {**PROPERTY, "enum": ["b"]}},
                }
            )
        )
        folder = self.write(n={"namespace": "n", "properties": {"p": ours}})
        definition = files.read_folder(folder).namespaces["n"]
        theirs = self.get("n/properties/hw_p?resource_type=OS::Glance::Image")
        self.assertEqual(
            {**PROPERTY, "name": "p", "enum": ["b", "a"]},
            overlay.merge_property(theirs, definition),
        )

    def test_shipped_definitions_over_glance_without_vz(self) -> None:
        theirs = json.loads(
            (GLANCE_METADEFS / "compute-hypervisor.json").read_text("utf-8")
        )
        types = theirs["properties"]["hypervisor_type"]["enum"]
        types.remove("vz")
        load(self.write(theirs=theirs))
        definition = files.read_folder(packaged.metadefs_folder()).namespaces[
            HYPERVISOR
        ]
        document = self.get(f"{HYPERVISOR}/properties/hypervisor_type")
        merged = overlay.merge_property(document, definition)
        self.assertEqual(types, merged["enum"][: len(types)])
        self.assertIn("vz", merged["enum"])
        self.assertEqual(document, {**merged, "enum": types})


class CommandTest(testtools.TestCase):
    def test_checks_the_files_of_glance(self) -> None:
        checked = subprocess.run(
            [
                sys.executable,
                "-m",
                "glance_filters.cmd.main",
                "check-metadefs",
                str(GLANCE_METADEFS),
            ],
            capture_output=True,
            text=True,
        )
        self.assertEqual(
            (0, "", ""), (checked.returncode, checked.stdout, checked.stderr)
        )
