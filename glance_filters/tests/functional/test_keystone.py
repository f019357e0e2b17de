# SPDX-License-Identifier: Apache-2.0

"""All filters in Glance's own pipeline of the flavor ``keystone``."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fixtures
import requests
import testtools

from glance_filters import tests
from glance_filters.paste.file import NAMES
from glance_filters.tests.fixtures import (
    class_fixture,
    http_data,
    keystone_cloud,
    real_glance,
)

DATA = random.Random(3).randbytes(300_000)
ADMIN = keystone_cloud.ADMIN
REMOVE = [{"op": "remove", "path": "/locations/0"}]
RANGE = {"Range": "bytes=1000-1999"}
# The filter metadef_overlay knows more of it than its creator says.
NAMESPACE = "OS::Compute::Hypervisor"
NAMESPACES = "/v2/metadefs/namespaces"
PROPERTY = f"{NAMESPACES}/{NAMESPACE}/properties/hypervisor_type"
# What Glance alone answers otherwise to what is counted.
ANSWERS_ALONE = {"ranges": 400, "head": 405, "property": 404}


@tests.in_process("it is about the paste file of Glance")
class KeystoneTest(testtools.TestCase):
    """As members and as an administrator, by the usual clients."""

    cloud: keystone_cloud.KeystoneCloud

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.cloud = class_fixture.use(cls, keystone_cloud.KeystoneCloud())

    def setUp(self) -> None:
        super().setUp()
        web = self.useFixture(http_data.HttpDataServer({"/data": DATA}))
        value = {"url": web.url("/data"), "metadata": {}}
        self.add = [{"op": "add", "path": "/locations/-", "value": value}]

    def ask(self, user: str, *request: Any) -> requests.Response:
        return self.cloud.ask(self.cloud.filtered, user, *request)

    def check(self, status: int, user: str, *request: Any) -> None:
        answer = self.ask(user, *request)
        told = f"{user} {request}: {answer.text}"
        self.assertEqual(status, answer.status_code, told)

    def create(self, user: str) -> str:
        image = self.cloud.connection(user).image.create_image(
            uuid.uuid4().hex,
            data=DATA,
            disk_format="raw",
            container_format="bare",
        )
        return f"/v2/images/{image.id}"

    def locations(self, path: str) -> int:
        image_id = path.rpartition("/")[2]
        return len(self.cloud.filtered.folder.locations(image_id))

    def namespace(
        self, server: real_glance.GlanceServer, visibility: str
    ) -> None:
        """Let the administrator define metadata, for this test."""
        document = {"namespace": NAMESPACE, "visibility": visibility}
        request = (ADMIN, "POST", NAMESPACES, None, document)
        answer = self.cloud.ask(server, *request)
        self.assertEqual(201, answer.status_code, answer.text)
        path = f"{NAMESPACES}/{NAMESPACE}"
        self.addCleanup(self.cloud.ask, server, ADMIN, "DELETE", path)

    def command(self, user: str, *arguments: str) -> str:
        done = self.cloud.command(user, "image", *arguments)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def life_of_an_image(self, user: str) -> None:
        root = Path(self.useFixture(fixtures.TempDir()).path)
        (root / "data").write_bytes(DATA)
        image_id = self.command(
            *(user, "create", f"of-{user}"),
            *("--disk-format", "raw", "--file", str(root / "data")),
            *("-f", "value", "-c", "id"),
        ).strip()
        self.command(user, "save", "--file", f"{root}/saved", image_id)
        self.assertEqual(DATA, (root / "saved").read_bytes())
        self.command(user, "set", "--name", "new", image_id)
        shown = json.loads(self.command(user, "show", "-f", "json", image_id))
        self.assertEqual(("new", "active"), (shown["name"], shown["status"]))
        self.command(user, "delete", image_id)

    @tests.nightly
    def test_command_line(self) -> None:
        # One after the other: over SQLite, Glance now and then answers 500 to
        # one of two that change something at the same time.
        for user in ("wendy", ADMIN):
            self.life_of_an_image(user)

    def test_ranges(self) -> None:
        for user in ("wendy", ADMIN):
            images = self.cloud.connection(user).image
            path = self.create(user).partition("/v2")[2]
            for text, expected, place in (
                ("bytes=1000-1999", DATA[1000:2000], "1000-1999"),
                ("bytes=-5", DATA[-5:], "299995-299999"),
            ):
                answer = images.get(f"{path}/file", headers={"Range": text})
                self.assertEqual(206, answer.status_code)
                self.assertEqual(expected, answer.content)
                told = answer.headers["Content-Range"]
                self.assertEqual(f"bytes {place}/{len(DATA)}", told)
            answer = images.download_image(path.rpartition("/")[2])
            self.assertEqual(DATA, answer.content)

    def test_guard(self) -> None:
        # By Glance's default policy only an administrator removes locations.
        for user, status, left in (("wendy", 403, 2), (ADMIN, 200, 1)):
            images = self.cloud.connection(user).image
            image = images.create_image(
                uuid.uuid4().hex, disk_format="raw", container_format="bare"
            )
            path = f"/v2/images/{image.id}"
            self.check(409, user, "PATCH", path, None, REMOVE)
            self.check(200, user, "PATCH", path, None, self.add)
            self.assertEqual("active", images.get_image(image.id).status)

            path = self.create(user)
            self.check(200, user, "PATCH", path, None, self.add)
            self.check(204, ADMIN, "POST", f"{path}/actions/deactivate")
            for each in (user, ADMIN):
                answer = self.ask(each, "PATCH", path, None, REMOVE)
                self.assertEqual(409, answer.status_code)
                self.assertIn("Statuses in which it is allowed", answer.text)
            self.assertEqual(2, self.locations(path))
            self.check(204, ADMIN, "POST", f"{path}/actions/reactivate")
            self.check(status, user, "PATCH", path, None, REMOVE)
            self.assertEqual(left, self.locations(path))

    def test_another_project_s_image_is_hidden(self) -> None:
        path = self.create("wendy")
        for request in (
            ("GET", path),
            ("GET", f"{path}/file"),
            ("GET", f"{path}/file", RANGE),
            ("HEAD", f"{path}/file"),
            ("HEAD", f"{path}/file", RANGE),
            ("PUT", f"{path}/file", None, None, DATA),
            ("PATCH", path, None, REMOVE),
            ("PATCH", path, None, self.add),
        ):
            self.check(404, "walter", *request)
        self.assertEqual(1, self.locations(path))
        for user in ("wendy", ADMIN):
            self.check(206, user, "GET", f"{path}/file", RANGE)
            self.check(200, user, "HEAD", f"{path}/file")
        # Nor is it told by a conflict that there is one.
        self.check(204, ADMIN, "POST", f"{path}/actions/deactivate")
        self.check(404, "walter", "PATCH", path, None, REMOVE)
        self.check(409, "wendy", "PATCH", path, None, REMOVE)
        image_id = path.rpartition("/")[2]
        done = self.cloud.command("walter", "image", "show", image_id)
        self.assertNotEqual(0, done.returncode, done.stdout)
        self.assertIn("No Image found", done.stderr)

    def test_what_is_asked_is_asked_as_the_user(self) -> None:
        path = self.create("wendy")
        # Shown to a project that it is shared with, and guarded there.
        project = self.cloud.connection("walter").current_project_id
        self.check(404, "walter", "HEAD", f"{path}/file")
        member = {"member": project}
        self.check(200, "wendy", "POST", f"{path}/members", None, member)
        self.check(200, "walter", "HEAD", f"{path}/file")
        answer = self.ask("walter", "GET", f"{path}/file", RANGE)
        self.assertEqual(DATA[1000:2000], answer.content)
        self.check(403, "walter", "PATCH", path, None, REMOVE)
        self.check(204, ADMIN, "POST", f"{path}/actions/deactivate")
        self.check(403, "walter", "PATCH", path, None, REMOVE)
        self.check(409, "wendy", "PATCH", path, None, REMOVE)
        # By Glance's default policy only the role ``admin`` downloads it now.
        for user, status in (("wendy", 403), ("walter", 403), (ADMIN, 206)):
            self.check(status, user, "GET", f"{path}/file", RANGE)
        # Only the role ``admin`` sees a private namespace of that project.
        self.namespace(self.cloud.filtered, "private")
        self.check(404, "wendy", "GET", PROPERTY)
        self.check(200, ADMIN, "GET", PROPERTY)

    def test_a_token_that_was_revoked(self) -> None:
        path = self.create("wendy")
        session = self.cloud.identity.session("wendy", "red")
        token = {"X-Auth-Token": str(session.get_token())}
        self.check(206, "wendy", "GET", f"{path}/file", {**token, **RANGE})
        revoked = requests.delete(
            f"{self.cloud.identity.url}/auth/tokens",
            headers={**token, "X-Subject-Token": token["X-Auth-Token"]},
            timeout=60,
        )
        self.assertEqual(204, revoked.status_code)
        self.check(401, "wendy", "GET", f"{path}/file", {**token, **RANGE})
        self.check(401, "wendy", "HEAD", f"{path}/file", token)
        self.check(401, "wendy", "PATCH", path, token, REMOVE)
        self.check(401, "wendy", "GET", PROPERTY, token)
        self.assertEqual(1, self.locations(path))

    def calls(self, path: str) -> dict[str, tuple[int, tuple[Any, ...]]]:
        """Return requests about an image that was just created.

        :returns: by a name for it, what the filters answer, and the request
        """
        file = f"{path}/file"
        ranges = {"Range": "bytes=0-9,20-29"}
        rename = [{"op": "replace", "path": "/name", "value": "new"}]
        return {
            "rename": (200, ("PATCH", path, None, rename)),
            "remove": (409, ("PATCH", path, None, REMOVE)),
            "upload": (204, ("PUT", file, None, None, DATA)),
            "add": (200, ("PATCH", path, None, self.add)),
            "download": (200, ("GET", file)),
            "range": (206, ("GET", file, RANGE)),
            "ranges": (206, ("GET", file, ranges)),
            "head": (200, ("HEAD", file)),
            "schema": (200, ("GET", "/v2/schemas/image")),
            "property": (200, ("GET", PROPERTY)),
            "delete": (204, ("DELETE", path)),
        }

    def validated(
        self,
        user: str,
        server: real_glance.GlanceServer,
        answers: Mapping[str, int],
    ) -> dict[str, int]:
        """Return how often the token of each call is validated, by its name.

        :param answers: the status of an answer that is not the filters'
        """
        image = {"disk_format": "raw", "container_format": "bare"}
        create = ("POST", "/v2/images", None, image)
        answer = self.cloud.ask(server, user, *create)
        counts = {}
        calls = self.calls(f"/v2/images/{answer.json()['id']}")
        for name, (status, request) in calls.items():
            before = self.cloud.identity.validations()
            answer = self.cloud.ask(server, user, *request)
            counts[name] = self.cloud.identity.validations() - before
            expected = answers.get(name, status)
            self.assertEqual(expected, answer.status_code, name)
        return counts

    def test_no_token_is_validated_twice(self) -> None:
        alone, filtered = self.cloud.alone, self.cloud.filtered
        self.namespace(alone, "public")
        self.namespace(filtered, "public")
        once = dict.fromkeys(self.calls(""), 1)
        for user, remove in (("wendy", 403), (ADMIN, 409)):
            answers = {**ANSWERS_ALONE, "remove": remove}
            self.assertEqual(once, self.validated(user, alone, answers))
            self.assertEqual(once, self.validated(user, filtered, {}))

    def test_in_front_of_auth_token_they_would_be(self) -> None:
        """So the calls that are counted are such that each filter asks."""
        names = " ".join(NAMES)
        text = keystone_cloud.paste_file_with_filters()
        behind = f" authtoken context {names} "
        self.assertIn(behind, text)
        text = text.replace(behind, f" {names} authtoken context ")
        server = self.useFixture(self.cloud.glance(text))
        self.namespace(server, "public")
        counts = self.validated("wendy", server, {})
        more = {name for name, count in counts.items() if count > 1}
        locked = {"rename", "remove", "add", "upload", "delete"}
        self.assertEqual({"property", *locked}, more)
