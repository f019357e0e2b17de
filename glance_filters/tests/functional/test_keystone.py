# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""All filters in Glance's own pipeline of the flavor ``keystone``."""

from __future__ import annotations

import importlib.metadata
import json
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fixtures
import openstack
import requests
import testtools

from glance_filters import paste_pipelines
from glance_filters.tests.fixtures import (
    http_client,
    http_data,
    keystone,
    real_glance,
)

DATA = random.Random(3).randbytes(300_000)
# The users, and the project in which each has the role ``member``.
MEMBERS = {"wendy": "red", "walter": "blue"}
SERVICE = "glance"
REMOVE = [{"op": "remove", "path": "/locations/0"}]


def glances_paste_file() -> str:
    [found] = [
        file
        for file in importlib.metadata.files("glance") or ()
        if file.name == "glance-api-paste.ini"
    ]
    return Path(str(found.locate())).read_text()


class KeystoneTest(testtools.TestCase):
    """As members and as an administrator, by the usual clients."""

    identity: keystone.Keystone
    filtered: real_glance.GlanceServer
    alone: real_glance.GlanceServer

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.identity = keystone.Keystone()
        cls.identity.setUp()
        cls.addClassCleanup(cls.identity.cleanUp)
        admin = openstack.connection.Connection(
            session=cls.identity.session(keystone.ADMIN, "admin")
        )
        for user, project in {**MEMBERS, SERVICE: "service"}.items():
            made = admin.create_project(project, domain_id="default")
            admin.create_user(
                user, password=keystone.PASSWORD, domain_id="default"
            )
            role = "admin" if user == SERVICE else "member"
            admin.grant_role(role, user=user, project=made.id)
        text = glances_paste_file()
        cls.alone = cls.glance(text)
        cls.filtered = cls.glance(
            paste_pipelines.insert(text, paste_pipelines.FILTERS)
        )
        service = admin.create_service("glance", type="image")
        admin.create_endpoint(
            service.id, url=cls.filtered.url, interface="public", region="one"
        )

    @classmethod
    def glance(cls, paste_text: str) -> real_glance.GlanceServer:
        options = cls.identity.middleware_options(SERVICE, "service")
        server = real_glance.GlanceServer(
            paste_text=paste_text,
            conf={
                "keystone_authtoken": options,
                "paste_deploy": {"flavor": "keystone"},
            },
        )
        server.setUp()
        cls.addClassCleanup(server.cleanUp)
        return server

    def connection(self, user: str) -> openstack.connection.Connection:
        project = MEMBERS.get(user, "admin")
        return openstack.connection.Connection(
            session=self.identity.session(user, project)
        )

    def command(self, user: str, *arguments: str) -> str:
        program = Path(sys.executable).parent / "openstack"
        done = subprocess.run(
            [str(program), *arguments],
            env={
                **os.environ,
                **self.identity.variables(user, MEMBERS.get(user, "admin")),
            },
            capture_output=True,
            text=True,
        )
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def ask(
        self,
        token: str | None,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        document: Any = None,
        server: real_glance.GlanceServer | None = None,
    ) -> requests.Response:
        fields = {"X-Auth-Token": token or "", **(headers or {})}
        body = None
        if document is not None:
            body = json.dumps(document)
            fields["Content-Type"] = http_client.PATCH_TYPE
        url = (server or self.filtered).url
        return requests.request(
            method, f"{url}{path}", headers=fields, data=body, timeout=60
        )

    def create(self, user: str) -> str:
        image = self.connection(user).image.create_image(
            uuid.uuid4().hex,
            data=DATA,
            disk_format="raw",
            container_format="bare",
        )
        return str(image.id)

    def test_command_line(self) -> None:
        root = Path(self.useFixture(fixtures.TempDir()).path)
        (root / "data").write_bytes(DATA)
        for user in ("wendy", keystone.ADMIN):
            image_id = self.command(
                *(user, "image", "create", f"of-{user}"),
                *("--disk-format", "raw", "--file", str(root / "data")),
                *("-f", "value", "-c", "id"),
            ).strip()
            self.command(
                user, "image", "save", "--file", f"{root}/s", image_id
            )
            self.assertEqual(DATA, (root / "s").read_bytes())
            self.command(user, "image", "set", "--name", "new", image_id)
            shown = self.command(user, "image", "show", "-f", "json", image_id)
            self.assertEqual("new", json.loads(shown)["name"])
            self.command(user, "image", "delete", image_id)

    def test_ranges(self) -> None:
        for user in ("wendy", keystone.ADMIN):
            image_id = self.create(user)
            images = self.connection(user).image
            for text, expected in (
                ("bytes=1000-1999", DATA[1000:2000]),
                ("bytes=-5", DATA[-5:]),
            ):
                answer = images.get(
                    f"/images/{image_id}/file", headers={"Range": text}
                )
                self.assertEqual(206, answer.status_code)
                self.assertEqual(expected, answer.content)
            self.assertEqual(DATA, images.download_image(image_id).content)

    def test_guard(self) -> None:
        web = self.useFixture(http_data.HttpDataServer({"/data": DATA}))
        value = {"url": web.url("/data"), "metadata": {}}
        add = [{"op": "add", "path": "/locations/-", "value": value}]
        admin = self.connection(keystone.ADMIN).session.get_token()
        member = self.connection("wendy").session.get_token()
        image_id = self.create("wendy")
        path = f"/v2/images/{image_id}"
        self.assertEqual(
            200, self.ask(member, "PATCH", path, document=add).status_code
        )
        answer = self.ask(admin, "POST", f"{path}/actions/deactivate")
        self.assertEqual(204, answer.status_code)
        for token in (member, admin):
            answer = self.ask(token, "PATCH", path, document=REMOVE)
            self.assertEqual(409, answer.status_code)
            self.assertIn("Statuses in which it is allowed", answer.text)
        self.assertEqual(2, len(self.filtered.folder.locations(image_id)))
        answer = self.ask(admin, "POST", f"{path}/actions/reactivate")
        self.assertEqual(204, answer.status_code)
        # By Glance's default policy only an administrator may.
        for token, code, left in ((member, 403, 2), (admin, 200, 1)):
            answer = self.ask(token, "PATCH", path, document=REMOVE)
            self.assertEqual(code, answer.status_code)
            locations = self.filtered.folder.locations(image_id)
            self.assertEqual(left, len(locations))

    def test_another_project_s_image_is_hidden(self) -> None:
        image_id = self.create("wendy")
        token = self.connection("walter").session.get_token()
        path = f"/v2/images/{image_id}"
        for method, url, headers, document in (
            ("GET", f"{path}/file", {}, None),
            ("GET", f"{path}/file", {"Range": "bytes=0-9"}, None),
            ("HEAD", f"{path}/file", {}, None),
            ("PATCH", path, {}, REMOVE),
        ):
            answer = self.ask(token, method, url, headers, document)
            self.assertEqual(404, answer.status_code, f"{method} {url}")
        self.assertEqual(1, len(self.filtered.folder.locations(image_id)))

    def validated(self, server: real_glance.GlanceServer) -> list[int]:
        """Return how often tokens are validated for each of some requests."""
        token = self.connection("wendy").session.get_token()
        counts = []

        def count(
            method: str, path: str, headers: dict[str, str], document: Any
        ) -> None:
            before = self.identity.validations()
            self.ask(token, method, path, headers, document, server)
            counts.append(self.identity.validations() - before)

        answer = requests.post(
            f"{server.url}/v2/images",
            json={"disk_format": "qcow2", "container_format": "bare"},
            headers={"X-Auth-Token": token or ""},
            timeout=60,
        )
        path = f"/v2/images/{answer.json()['id']}"
        binary = {"Content-Type": "application/octet-stream"}
        rename = [{"op": "replace", "path": "/name", "value": "new"}]
        count("PUT", f"{path}/file", binary, None)
        count("GET", f"{path}/file", {}, None)
        count("GET", f"{path}/file", {"Range": "bytes=0-9"}, None)
        count("GET", f"{path}/file", {"Range": "bytes=0-9,20-30"}, None)
        count("PATCH", path, {}, rename)
        count("PATCH", path, {}, REMOVE)
        count("GET", "/v2/schemas/image", {}, None)
        count("DELETE", path, {}, None)
        return counts

    def test_no_token_is_validated_twice(self) -> None:
        counts = self.validated(self.alone)
        self.assertEqual([1] * len(counts), counts)
        self.assertEqual(counts, self.validated(self.filtered))

    def test_in_front_of_auth_token_it_would_be(self) -> None:
        text = paste_pipelines.insert(
            glances_paste_file(), paste_pipelines.FILTERS
        )
        names = " ".join(paste_pipelines.FILTERS)
        self.assertIn(f" {names} ", text)
        text = text.replace(f" {names} ", " ")
        text = text.replace(" authtoken ", f" {names} authtoken ")
        counts = self.validated(self.glance(text))
        self.assertGreater(sum(counts), len(counts))
