# SPDX-License-Identifier: Apache-2.0

"""metadef_overlay in the pipeline of real Glance, and before Newton."""

from __future__ import annotations

import json
import pathlib
import sysconfig
from typing import Any

import fixtures
import testtools

from glance_filters.filters import metadef_overlay
from glance_filters.metadefs import packaged
from glance_filters.tests.fixtures import (
    auth,
    glance_config,
    http_client,
    legacy_glance,
    real_glance,
)
from glance_filters.tests.fixtures import newton_metadefs as newton

GLANCE_METADEFS = pathlib.Path(
    sysconfig.get_path("data"), "etc", "glance", "metadefs"
)
NAMESPACES = "/v2/metadefs/namespaces"
SPACE = f"{NAMESPACES}/{newton.NAMESPACE}"
TYPE = f"{SPACE}/properties/hypervisor_type"
VERSION = f"{SPACE}/properties/hypervisor_version_requires"
FILTERS = ("metadef_overlay",)
PLACES = [
    (place, layout)
    for place in ("versionnegotiation", "context", "rootapp")
    for layout in glance_config.layouts()
]


class RealGlanceTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.glance = self.useFixture(real_glance.RealGlance())
        self.alone = self.glance.client()
        if self.alone.request("GET", SPACE).status == 404:
            self.glance.folder.manage(
                "db", "load_metadefs", "--path", str(GLANCE_METADEFS)
            )
            self.remove_vz()
        self.filtered = self.glance.client(self.glance.app(FILTERS))

    def remove_vz(self) -> None:
        """Take a hypervisor type out of the database."""
        folder = self.glance.folder
        [row] = folder.rows(
            "SELECT json_schema FROM metadef_properties "
            "WHERE name = 'hypervisor_type'"
        )
        schema = json.loads(row[0])
        schema["enum"].remove("vz")
        folder.execute(
            "UPDATE metadef_properties SET json_schema = :text "
            "WHERE name = 'hypervisor_type'",
            text=json.dumps(schema),
        )

    def get(self, client: http_client.Client, path: str) -> Any:
        answer = client.request("GET", path)
        self.assertEqual(200, answer.status, path)
        length = answer.header("Content-Length")
        self.assertEqual(str(len(answer.body)), length)
        return answer.json

    def with_ours(self, name: str, core: Any) -> dict[str, Any]:
        """Return Glance's property and what our file has beyond it."""
        file = packaged.metadefs_folder() / "compute-hypervisor.json"
        ours = json.loads(file.read_text("utf-8"))["properties"][name]
        if core is None:
            return dict(ours)
        new = [x for x in ours.get("enum", ()) if x not in core["enum"]]
        return {**core, "enum": core["enum"] + new}

    def test_what_the_database_lacks(self) -> None:
        core = self.get(self.alone, SPACE)
        self.assertNotIn("vz", core["properties"]["hypervisor_type"]["enum"])
        expected = {
            name: self.with_ours(name, core["properties"].get(name))
            for name in (*core["properties"], "hypervisor_version_requires")
        }
        self.assertIn("vz", expected["hypervisor_type"]["enum"])
        self.assertEqual(
            {**core, "properties": expected}, self.get(self.filtered, SPACE)
        )
        self.assertEqual(
            {"properties": expected},
            self.get(self.filtered, f"{SPACE}/properties"),
        )
        for name, property_ in expected.items():
            self.assertEqual(
                {**property_, "name": name},
                self.get(self.filtered, f"{SPACE}/properties/{name}"),
            )

    def test_other_namespaces_are_not_changed(self) -> None:
        for each in self.get(self.alone, NAMESPACES)["namespaces"]:
            path = f"{NAMESPACES}/{each['namespace']}"
            if path != SPACE:
                alone = self.alone.request("GET", path)
                filtered = self.filtered.request("GET", path)
                self.assertEqual(alone.body, filtered.body)

    def test_in_each_place_and_spelling(self) -> None:
        for place, layout in PLACES:
            app = self.glance.app(FILTERS, before=place, layout=layout)
            client = self.glance.client(app)
            for path in (TYPE, TYPE.replace("/v2/", "/v2.9//")):
                enum = self.get(client, path)["enum"]
                self.assertIn("vz", enum, f"{place} {layout} {path}")
            self.get(client, VERSION)

    def test_who_may_not_ask(self) -> None:
        client = self.glance.client(self.glance.app(FILTERS), None)
        for path in (SPACE, TYPE, VERSION):
            self.assertEqual(401, client.request("GET", path).status)

    def test_private_namespace(self) -> None:
        """Who may not see a namespace learns nothing of it from the files."""
        name = "private-to-admin"
        member = auth.MEMBER
        path = f"{NAMESPACES}/{name}"
        owner = self.glance.client(token=auth.ADMIN)
        created = owner.send_json(
            "POST",
            NAMESPACES,
            {"namespace": name, "owner": "nobody", "visibility": "private"},
        )
        self.assertIn(created.status, (201, 409), str(created))
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        text = json.dumps(
            {
                "namespace": name,
                "properties": {"p": {"title": "P", "type": "string"}},
            }
        )
        (folder / "private.json").write_text(text)
        app = self.glance.app(
            FILTERS, {"metadef_overlay": {"metadefs_dir": str(folder)}}
        )
        for below in ("", "/properties", "/properties/p"):
            for token, status in ((auth.ADMIN, 200), (member, 404)):
                client = self.glance.client(app, token)
                answer = client.request("GET", path + below)
                self.assertEqual(status, answer.status, f"{below} {token}")
                if status == 404:
                    alone = self.glance.client(token=token)
                    core = alone.request("GET", path + below)
                    self.assertEqual(core.body, answer.body)

    def test_changes_pass(self) -> None:
        admin = self.glance.client(self.glance.app(FILTERS), auth.ADMIN)
        name = "changed-through-the-overlay"
        path = f"{NAMESPACES}/{name}"
        property_ = {"name": "p", "title": "P", "type": "string"}
        for method, at, document, status in (
            ("POST", NAMESPACES, {"namespace": name}, 201),
            ("POST", f"{path}/properties", property_, 201),
            ("PUT", f"{path}/properties/p", property_, 200),
            ("DELETE", f"{path}/properties/p", {}, 204),
            ("DELETE", path, {}, 204),
        ):
            answer = (
                admin.send_json(method, at, document)
                if document
                else admin.request(method, at)
            )
            self.assertEqual(status, answer.status, f"{method} {at}")


class NewtonTest(testtools.TestCase):
    def test_recorded_answers_and_what_they_lack(self) -> None:
        core = legacy_glance.LegacyGlance("newton")
        app = metadef_overlay.MetadefOverlay.factory({})(core)
        client = http_client.WsgiClient(app)
        document = client.request("GET", TYPE).json
        types = newton.PROPERTIES["hypervisor_type"]["enum"]
        self.assertEqual(types, document["enum"][: len(types)])
        self.assertIn("vz", document["enum"][len(types) :])
        self.assertEqual(
            {
                **newton.PROPERTIES["hypervisor_type"],
                "name": "hypervisor_type",
            },
            {**document, "enum": types},
        )
        self.assertEqual(200, client.request("GET", VERSION).status)
        self.assertEqual([], core.open_bodies)
