# SPDX-License-Identifier: Apache-2.0

"""Real Glance in the fixtures behaves as an operator's Glance does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import fixtures
import testtools

from glance_filters import tests
from glance_filters.tests.fixtures import (
    auth,
    class_fixture,
    glance_config,
    glance_folder,
    http_client,
    http_data,
    optional,
    real_glance,
    server_process,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Image statuses of Glance's documentation, by how an image in each answers.
SHOWN_STATUSES = (
    "queued",
    "saving",
    "uploading",
    "importing",
    "active",
    "deactivated",
    "killed",
)
HIDDEN_STATUSES = ("pending_delete", "deleted")

DATA = b"some data"

REMOVE = {"op": "remove", "path": "/locations/0"}


class GlanceTests(testtools.TestCase):
    """What is asked of Glance in either fixture."""

    folder: glance_folder.GlanceFolder

    def client(self, token: str | None = auth.MEMBER) -> http_client.Client:
        raise NotImplementedError

    def test_life_of_an_image(self) -> None:
        client = self.client()
        image_id = client.create_image()
        self.assertEqual("queued", client.show(image_id).json["status"])

        self.assertEqual(204, client.upload(image_id, DATA).status)

        path = f"/v2/images/{image_id}"
        self.assertEqual(DATA, client.request("GET", f"{path}/file").body)
        image = client.show(image_id).json
        self.assertEqual("active", image["status"])
        self.assertEqual(
            self.folder.locations(image_id),
            [each["url"] for each in image["locations"]],
        )
        row = self.folder.image_row(image_id)
        self.assertEqual(len(DATA), row["size"])
        store = glance_config.DEFAULT_STORE
        self.assertIn(image_id, self.folder.store_files(store))
        self.assertEqual(204, client.request("DELETE", path).status)
        self.assertNotIn(image_id, self.folder.store_files(store))

    def test_locations_are_added_and_removed(self) -> None:
        web = self.useFixture(http_data.HttpDataServer({"/data": DATA}))
        client, admin = self.client(), self.client(auth.ADMIN)
        url = web.url("/data")
        image_id = client.create_image()

        self.assertEqual(200, client.add_location(image_id, url).status)

        self.assertEqual([url], self.folder.locations(image_id))
        image = client.show(image_id).json
        self.assertEqual("active", image["status"])
        self.assertEqual(glance_config.WEB_STORE, image["stores"])
        self.assertEqual(DATA, client.download(image_id).body)

        image_id = client.create_image(DATA)
        self.assertEqual(200, client.add_location(image_id, url).status)
        self.assertEqual(2, len(self.folder.locations(image_id)))
        # By the default policy of newer releases only an admin may remove one.
        self.assertEqual(200, admin.patch(image_id, REMOVE).status)
        self.assertEqual([url], self.folder.locations(image_id))

    def test_every_status_can_be_set(self) -> None:
        client = self.client()
        for status in SHOWN_STATUSES:
            image_id = client.create_image(DATA)
            self.folder.set_status(image_id, status)
            self.assertEqual(status, client.show(image_id).json["status"])
            locations = self.folder.locations(image_id)
            self.assertEqual(1, len(locations))
        for status in HIDDEN_STATUSES:
            image_id = client.create_image(DATA)
            self.folder.set_status(image_id, status)
            self.assertEqual(404, client.show(image_id).status)
            self.assertEqual([], self.folder.locations(image_id))

    def test_a_stranger_sees_no_image_and_nobody_nothing(self) -> None:
        image_id = self.client().create_image()

        def ask(token: str | None) -> int:
            return self.client(token).show(image_id).status

        self.assertEqual(200, ask(auth.MEMBER))
        self.assertEqual(200, ask(auth.ADMIN))
        self.assertEqual(404, ask(auth.STRANGER))
        self.assertEqual(401, ask("not-a-token"))
        self.assertEqual(401, ask(None))

    def test_forged_identity_is_stripped(self) -> None:
        image_id = self.client().create_image()
        forged = {
            "X-Identity-Status": "Confirmed",
            "X-User-Id": "root",
            "X-Project-Id": "wonderland",
            "X-Tenant-Id": "wonderland",
            "X-Roles": "admin,member,reader",
        }
        path = f"/v2/images/{image_id}"
        for token, status in ((None, 401), (auth.STRANGER, 404)):
            answer = self.client(token).request("GET", path, forged)
            self.assertEqual(status, answer.status)


class TestRealGlance(GlanceTests):
    def setUp(self) -> None:
        super().setUp()
        self.glance = self.useFixture(real_glance.RealGlance())
        self.folder = self.glance.folder

    def client(self, token: str | None = auth.MEMBER) -> http_client.Client:
        return self.glance.client(token=token)

    def test_filters_stand_where_they_are_put(self) -> None:
        # The filter answers 409 from any place in either layout; Glance
        # alone has another text for it.
        image_id = self.client().create_image()
        for layout in glance_config.layouts():
            for before in ("versionnegotiation", "context", "rootapp"):
                app = self.glance.app(
                    ["location_guard"], before=before, layout=layout
                )
                admin = self.glance.client(app, auth.ADMIN)
                answer = admin.patch(image_id, REMOVE)
                self.assertEqual(409, answer.status)
                self.assertIn(b"in which it is allowed", answer.body)
        answer = self.client(auth.ADMIN).patch(image_id, REMOVE)
        self.assertNotIn(b"in which it is allowed", answer.body)

    def test_options_reach_the_filter(self) -> None:
        options = {"location_guard": {"enabled": "false"}}
        app = self.glance.app(["location_guard"], options)
        image_id = self.client().create_image()
        answer = self.glance.client(app, auth.ADMIN).patch(image_id, REMOVE)
        self.assertNotIn(b"in which it is allowed", answer.body)

    @tests.in_process("it is about the paste file of Glance")
    def test_layouts_differ_in_what_a_filter_sees(self) -> None:
        seen = {}
        for layout in glance_config.layouts():
            app = self.glance.app(
                ["recorder"],
                {"recorder": {"paste.filter_factory": f"{__name__}:recorder"}},
                before="cors",
                layout=layout,
            )
            self.glance.client(app).request("GET", "//v2//images")
            seen[layout] = _paths.pop()
        expected = {
            glance_config.Layout.COMPOSITE: "/v2/images",
            glance_config.Layout.PIPELINE: "//v2//images",
        }
        self.assertEqual(
            {layout: expected[layout] for layout in glance_config.layouts()},
            seen,
        )


_paths: list[str] = []


def recorder(
    global_conf: dict[str, str], **local_conf: str
) -> Callable[[WSGIApplication], WSGIApplication]:
    """A filter that notes the path of each request."""

    def wrap(app: WSGIApplication) -> WSGIApplication:
        def record(
            environ: WSGIEnvironment, start_response: StartResponse
        ) -> Iterable[bytes]:
            _paths.append(environ["PATH_INFO"])
            return app(environ, start_response)

        return record

    return wrap


class TestGlanceServer(GlanceTests):
    glance: real_glance.GlanceServer

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.glance = class_fixture.use(cls, real_glance.GlanceServer())
        cls.folder = cls.glance.folder

    def client(self, token: str | None = auth.MEMBER) -> http_client.Client:
        return self.glance.client(token)


class TestGlanceServerProcess(testtools.TestCase):
    @tests.in_process("the processes of Glance are counted")
    def test_several_workers_serve_and_stop(self) -> None:
        # None that the system gives to somebody else meanwhile.
        port = server_process.free_port()
        with real_glance.GlanceServer(workers=2, port=port) as glance:
            self.assertEqual(1, glance.log.count("Starting gunicorn"))
            # The other one may not be as far as the one that has answered.
            for _ in range(1000):
                if glance.log.count("Booting worker") == 2:
                    break
                glance.client().request("GET", "/versions")
            self.assertEqual(2, glance.log.count("Booting worker"))
        with testtools.ExpectedException(ConnectionRefusedError):
            http_client.SocketClient(port).request("GET", "/versions")

    def test_a_glance_that_cannot_start_is_an_error(self) -> None:
        options = {"location_guard": {"no_such_option": "1"}}
        glance = real_glance.GlanceServer(["location_guard"], options)
        with testtools.ExpectedException(
            fixtures.MultipleExceptions, "(?s).*no_such_option"
        ):
            glance.setUp()


class ProxiedServerTest(testtools.TestCase):
    """What ``make proxied`` switches all servers to."""

    @optional.needs("glance_filters.proxy.upstream", "urllib3 2.2 or newer")
    def test_filters_in_front_of_another_process(self) -> None:
        glance = self.useFixture(
            real_glance.GlanceServer(["location_guard"], is_proxied=True)
        )
        admin = glance.client(auth.ADMIN)
        answer = admin.patch(admin.create_image(), REMOVE)
        self.assertIn(b"in which it is allowed", answer.body)
        self.assertIsNone(answer.header("Via"))
        self.assertIn("glance-filters", str(admin.request("GET", "/").headers))
        self.assertEqual(2, glance.log.count("Starting gunicorn"))


# They are for the subclasses alone.
del GlanceTests
