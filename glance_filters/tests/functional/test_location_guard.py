# SPDX-License-Identifier: Apache-2.0

"""location_guard in the pipeline of real Glance."""

from __future__ import annotations

import contextlib
import http.client
import unittest

import testtools
from glance import context, gateway
from glance.api.v2 import images

from glance_filters import tests
from glance_filters.glance_api import images as images_api
from glance_filters.tests.fixtures import (
    auth,
    class_fixture,
    http_client,
    http_data,
    image_requests,
    real_glance,
)
from glance_filters.tests.fixtures.image_requests import (
    Send,
    delete_from_store,
)

GUARD = ("location_guard",)
REMOVE = b'[{"op": "remove", "path": "/locations/0"}]'
# Glance knows no image in one of these.
GONE = ("deleted", "pending_delete")


class LocationGuardTest(testtools.TestCase):
    """Each row of the guard's table, on images in every status."""

    def setUp(self) -> None:
        super().setUp()
        self.glance = self.useFixture(real_glance.RealGlance())
        self.folder = self.glance.folder
        self.web = self.useFixture(
            http_data.HttpDataServer({"/a": b"a", "/b": b"b"})
        )
        # By default only an administrator may remove a location.
        self.alone = self.glance.client(self.glance.app(), auth.ADMIN)
        self.guarded = self.glance.client(
            self.glance.app(GUARD), token=auth.ADMIN
        )

    def make_image(self, status: str, locations: int = 2) -> str:
        """Make an image in the status that has up to two locations."""
        data = b"data" if locations else None
        image_id = self.alone.create_image(data)
        if locations > 1:
            self.add(self.alone, image_id, "/a")
        self.folder.set_status(image_id, status)
        return image_id

    def add(
        self, client: http_client.Client, image_id: str, path: str = "/b"
    ) -> http_client.Response:
        return client.add_location(image_id, self.web.url(path))

    def remove(
        self, client: http_client.Client, image_id: str
    ) -> http_client.Response:
        return client.patch(image_id, {"op": "remove", "path": "/locations/1"})

    def replace(
        self, client: http_client.Client, image_id: str
    ) -> http_client.Response:
        return image_requests.change_locations(
            "replace", "/locations", self.web.url("/b")
        )(client, image_id)

    def add_by_location_api(
        self, client: http_client.Client, image_id: str
    ) -> http_client.Response:
        answer = client.send_json(
            "POST",
            f"/v2/images/{image_id}/locations",
            {"url": self.web.url("/b")},
        )
        self.folder.wait_for_tasks()
        return answer

    def check(
        self, send: Send, op: str, allowed: dict[str, int], locations: int = 2
    ) -> None:
        """Send a request in every status.

        :param allowed: the statuses in which Glance is to be reached, and
            the status code by which it answers
        :param locations: how many locations the image has before, if it is
            in an allowed status
        """
        for status in images_api.STATUSES:
            image_id = self.make_image(
                status, locations if status in allowed else 2
            )
            before = self.folder.image_row(image_id)
            had = self.folder.locations(image_id)
            answer = send(self.guarded, image_id)
            if status in allowed:
                self.assertEqual(allowed[status], answer.status, str(answer))
                continue
            if status in GONE:
                self.assertEqual(404, answer.status, status)
            else:
                self.assertEqual(409, answer.status, status)
                # The guard's own words: Glance's would be others.
                expected = (
                    f"The operation {op} on the locations of image {image_id} "
                    f"conflicts with its status {status}. Statuses in "
                    f"which it is allowed: {', '.join(allowed)}."
                )
                self.assertIn(expected, answer.body.decode())
            self.assertEqual(before, self.folder.image_row(image_id))
            self.assertEqual(had, self.folder.locations(image_id))

    def test_remove(self) -> None:
        self.check(self.remove, "remove", {"active": 200})

    def test_replace(self) -> None:
        allowed = {"active": 200, "queued": 200}
        self.check(self.replace, "replace", allowed, locations=0)

    def test_add(self) -> None:
        self.check(self.add, "add", {"active": 200, "queued": 200})

    @unittest.skipUnless(
        hasattr(images.ImagesController, "add_location"),
        "this Glance has no location API",
    )
    def test_add_by_location_api(self) -> None:
        self.check(self.add_by_location_api, "add", {"queued": 202})

    def test_delete_from_store(self) -> None:
        self.check(delete_from_store, "remove", {"active": 204})

    def test_what_is_allowed_is_done(self) -> None:
        image_id = self.make_image("active")
        self.assertEqual(200, self.add(self.guarded, image_id).status)
        self.assertEqual(3, len(self.folder.locations(image_id)))
        self.assertEqual(200, self.remove(self.guarded, image_id).status)
        self.assertEqual(204, delete_from_store(self.guarded, image_id).status)
        self.assertEqual([self.web.url("/b")], self.folder.locations(image_id))

    def test_refused_whole(self) -> None:
        image_id = self.make_image("saving")
        answer = self.guarded.patch(
            image_id,
            {"op": "replace", "path": "/name", "value": "new"},
            {"op": "remove", "path": "/locations/1"},
        )
        self.assertEqual(409, answer.status)
        self.assertEqual("test", self.folder.image_row(image_id)["name"])

    def test_other_changes_in_any_status(self) -> None:
        for status in images_api.STATUSES:
            if status in GONE:
                continue
            image_id = self.make_image(status)
            answer = image_requests.rename(self.guarded, image_id)
            # The import that is under way would undo it.
            expected = (409, "test") if status == "importing" else (200, "new")
            name = self.folder.image_row(image_id)["name"]
            self.assertEqual(expected, (answer.status, name), status)

    def test_an_upload_that_is_refused_leaves_no_lock(self) -> None:
        image_id = self.make_image("queued", locations=0)
        answer = self.guarded.request(
            "PUT",
            f"/v2/images/{image_id}/file",
            {
                "Content-Type": "application/octet-stream",
                # Of which nobody can tell the end.
                "Transfer-Encoding": "gzip",
            },
            b"data",
        )
        self.assertEqual(400, answer.status)
        answer = image_requests.rename(self.guarded, image_id)
        self.assertEqual(200, answer.status)
        self.assertEqual(204, self.guarded.upload(image_id, b"data").status)

    def test_glance_refuses_strangers(self) -> None:
        image_id = self.make_image("saving")
        for token, code in ((None, 401), (auth.STRANGER, 404)):
            alone = self.glance.client(self.glance.app(), token)
            guarded = self.glance.client(self.glance.app(GUARD), token)
            for send in (self.replace, delete_from_store):
                answer = send(guarded, image_id)
                self.assertEqual(code, answer.status)
                self.assertEqual(send(alone, image_id).body, answer.body)

    def test_forms_of_the_answer(self) -> None:
        image_id = self.make_image("saving")
        for accept, content_type in (
            (None, "text/plain"),
            ("text/html", "text/html"),
            ("application/json", "application/json"),
            ("text/plain", "text/plain"),
        ):
            headers = {"Content-Type": http_client.PATCH_TYPE}
            if accept is not None:
                headers["Accept"] = accept
            answer = self.guarded.request(
                "PATCH", f"/v2/images/{image_id}", headers, REMOVE
            )
            self.assertEqual(409, answer.status)
            # Glance's own errors have the same form.
            missing = self.alone.request(
                "PATCH", "/v2/images/missing", headers, REMOVE
            )
            for each in (answer, missing):
                found = each.header("Content-Type") or ""
                self.assertEqual(content_type, found.partition(";")[0])


class ObjectNameTest(testtools.TestCase):
    """Patches of what is part of Glance's image object."""

    def setUp(self) -> None:
        super().setUp()
        self.glance = self.useFixture(real_glance.RealGlance())
        self.alone = self.glance.client()
        self.guarded = self.glance.client(self.glance.app(GUARD))

    def rename_as(
        self, client: http_client.Client, image_id: str, other_id: str
    ) -> int:
        answer = client.patch(
            image_id,
            {"op": "replace", "path": "/image_id", "value": other_id},
            {"op": "replace", "path": "/name", "value": "intruder"},
        )
        return answer.status

    def test_a_patch_stays_with_its_image(self) -> None:
        image_id = self.alone.create_image()
        other_id = self.alone.create_image()
        status = self.rename_as(self.guarded, image_id, other_id)
        self.assertEqual(403, status)
        row = self.glance.folder.image_row(other_id)
        self.assertEqual("test", row["name"])
        # What Glance alone makes of it.
        self.rename_as(self.alone, image_id, other_id)
        row = self.glance.folder.image_row(other_id)
        self.assertEqual("intruder", row["name"])

    def test_in_any_status(self) -> None:
        for status in images_api.STATUSES:
            image_id = self.alone.create_image(b"data")
            self.glance.folder.set_status(image_id, status)
            found = self.rename_as(self.guarded, image_id, image_id)
            self.assertEqual(403, found, status)

    @tests.in_process("Glance keeps a policy that is in no file any more")
    def test_an_image_that_a_policy_hides(self) -> None:
        """The guard does not see it, but the patch would be carried out."""
        image_id = self.alone.create_image()
        other_id = self.alone.create_image()
        policy = self.glance.folder.root / "policy.yaml"
        self.addCleanup(policy.write_text, policy.read_text())
        policy.write_text('get_image: "!"\nmodify_image: ""\n')
        guarded = self.glance.client(self.glance.app(GUARD))
        self.assertEqual(404, guarded.show(image_id).status)
        status = self.rename_as(guarded, image_id, other_id)
        self.assertEqual(403, status)
        row = self.glance.folder.image_row(other_id)
        self.assertEqual("test", row["name"])

    @tests.in_process("an object of Glance is looked at")
    def test_every_name_of_the_installed_glance(self) -> None:
        image_id = self.alone.create_image(b"data")
        admin = context.RequestContext(is_admin=True)
        image = gateway.Gateway().get_repo(admin).get(image_id)
        properties = self.alone.show(image_id).json.keys()
        for name in dir(image):
            if name in properties:
                continue
            answer = self.guarded.patch(
                image_id, {"op": "add", "path": f"/{name}", "value": "x"}
            )
            self.assertEqual(403, answer.status, name)
            text = f"{name} is not an image property"
            self.assertIn(text, answer.body.decode())

    def test_properties_are_not_refused(self) -> None:
        image_id = self.alone.create_image(b"data")
        for name in ("name_", "my__property", "images", "Base", "_private"):
            answer = self.guarded.patch(
                image_id, {"op": "add", "path": f"/{name}", "value": "x"}
            )
            self.assertEqual(200, answer.status, str(answer))
            self.assertEqual("x", answer.json[name])


class OverSocketTest(testtools.TestCase):
    """The guard on a real server."""

    server_type = real_glance.Server.GUNICORN
    server: real_glance.GlanceServer

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        server = real_glance.GlanceServer(GUARD, server=cls.server_type)
        cls.server = class_fixture.use(cls, server)

    def setUp(self) -> None:
        super().setUp()
        self.client = self.server.client(auth.ADMIN)

    def make_image(self, status: str) -> str:
        image_id = self.client.create_image(b"data")
        self.server.folder.set_status(image_id, status)
        return image_id

    def send_chunked(
        self, image_id: str, body: bytes, method: str, query: str
    ) -> int:
        """Send a patch in two chunks, without a Content-Length."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        with contextlib.closing(connection):
            connection.request(
                method,
                f"/v2/images/{image_id}{query}",
                iter((body[:9], body[9:])),
                {
                    "Content-Type": http_client.PATCH_TYPE,
                    auth.HEADER: auth.ADMIN,
                },
                encode_chunked=True,
            )
            return connection.getresponse().status

    def test_refusals(self) -> None:
        image_id = self.make_image("saving")
        path = f"/v2/images/{image_id}"
        patch = {"Content-Type": http_client.PATCH_TYPE}
        for method, target in (
            ("PATCH", path),
            ("PATCH", path.replace("/", "//")),
            ("PATCH", path.replace("images", "%69mages")),
            ("PATCH", f"http://127.0.0.1:{self.server.port}{path}"),
            ("POST", f"{path}?_method=PATCH"),
            ("GET", f"{path}?_method=patch"),
            ("DELETE", f"/v2/stores/fast/{image_id}"),
        ):
            is_uwsgi = self.server_type is real_glance.Server.UWSGI
            if target.startswith("http") and is_uwsgi and tests.IS_PROXIED:
                # uWSGI hands the URL on as a path, which is none by PEP 3333.
                continue
            body = b"" if method == "DELETE" else REMOVE
            answer = self.client.request(method, target, patch, body)
            if target.startswith("http") and answer.status == 300:
                # A Glance without a urlmap in front does not know it.
                self.assertTrue(is_uwsgi)
                continue
            self.assertEqual(409, answer.status, f"{method} {target}")
            self.assertIn(b"Statuses in which it is allowed", answer.body)
        self.assertEqual(1, len(self.server.folder.locations(image_id)))

    def test_chunked(self) -> None:
        image_id = self.make_image("saving")
        for method, query in (("PATCH", ""), ("POST", "?_method=PATCH")):
            code = self.send_chunked(image_id, REMOVE, method, query)
            self.assertEqual(409, code)
            rename = b'[{"op": "replace", "path": "/name", "value": "%s"}]'
            code = self.send_chunked(
                image_id, rename % method.encode(), method, query
            )
            self.assertEqual(200, code)
            row = self.server.folder.image_row(image_id)
            self.assertEqual(method, row["name"])
        self.assertEqual(1, len(self.server.folder.locations(image_id)))

    def test_refusal_is_logged(self) -> None:
        image_id = self.make_image("killed")
        self.client.patch(image_id, {"op": "remove", "path": "/locations/0"})
        [line] = [
            each
            for each in self.server.log.splitlines()
            if image_id in each and "location_guard refused" in each
        ]
        for word in ("update_image", " remove ", "killed"):
            self.assertIn(word, line)
        # In front of another Glance, a request has no id yet.
        self.assertEqual(not tests.IS_PROXIED, "req-" in line)


class OverUwsgiTest(OverSocketTest):
    """The guard on the server that Glance's documentation recommends."""

    server_type = real_glance.Server.UWSGI
