# SPDX-License-Identifier: Apache-2.0

"""Changes of an image while its upload begins, on real Glance."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import testtools

from glance_filters import tests
from glance_filters.filters import disk_format_validator
from glance_filters.filters.disk_format_validator import inspection
from glance_filters.tests.fixtures import (
    auth,
    disk_images,
    http_client,
    real_glance,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

NOISE = bytes(range(1, 200)) * 500


class Meanwhile:
    """Does something just before Glance gets an upload."""

    def __init__(
        self, app: WSGIApplication, change: Callable[[], None]
    ) -> None:
        self._app = app
        self._change = change

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "PUT":
            self._change()
        return self._app(environ, start_response)


@testtools.skipUnless(
    inspection.is_available(), "the extra inspect is not installed"
)
class UploadRaceTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.glance = self.useFixture(real_glance.RealGlance())
        self.core = self.glance.app()
        self.alone = self.glance.client(self.core)

    def upload(
        self,
        image_id: str,
        data: bytes,
        change: Callable[[], None],
        what: str = "file",
    ) -> http_client.Response:
        factory = disk_format_validator.DiskFormatValidator.factory
        app = factory({}, inspect="enforce")(Meanwhile(self.core, change))
        return http_client.WsgiClient(app).upload(image_id, data, what)

    def patcher(self, image_id: str, **fields: str) -> Callable[[], None]:
        """Return what gives an image other formats."""

        def patch() -> None:
            answer = self.alone.patch(
                image_id,
                *(
                    {"op": "replace", "path": f"/{name}", "value": value}
                    for name, value in fields.items()
                ),
            )
            self.assertEqual(200, answer.status, str(answer))

        return patch

    def check_refused(
        self, answer: http_client.Response, image_id: str
    ) -> None:
        self.assertEqual(409, answer.status, str(answer))
        self.assertIn(
            f"format of image {image_id} changed", answer.body.decode()
        )
        image = self.alone.show(image_id).json
        self.assertEqual("queued", image["status"])
        self.assertIsNone(image["size"])

    def test_other_formats_than_were_judged(self) -> None:
        """Data of another format must not pass as that of a container."""
        other = disk_images.QCOW2
        for what in ("file", "stage"):
            image_id = self.alone.create_image(container_format="ova")
            patch = self.patcher(image_id, container_format="bare")
            answer = self.upload(image_id, other, patch, what)
            self.check_refused(answer, image_id)
            answer = self.upload(image_id, other, lambda: None, what)
            self.assertEqual(415, answer.status)

            image_id = self.alone.create_image(disk_format="qcow2")
            patch = self.patcher(image_id, disk_format="raw")
            answer = self.upload(image_id, disk_images.QCOW2, patch, what)
            self.check_refused(answer, image_id)
            answer = self.upload(image_id, NOISE, lambda: None, what)
            self.assertEqual(204, answer.status)

    def test_other_changes(self) -> None:
        image_id = self.alone.create_image(disk_format="qcow2")
        patch = self.patcher(image_id, name="other")
        answer = self.upload(image_id, disk_images.QCOW2, patch)
        self.assertEqual(204, answer.status, str(answer))
        image = self.alone.show(image_id).json
        self.assertEqual("active", image["status"])

    def test_image_that_was_not_there_before(self) -> None:
        image_id = str(uuid.uuid4())

        def create() -> None:
            self.alone.create_image(id=image_id, disk_format="qcow2")

        self.check_refused(self.upload(image_id, NOISE, create), image_id)

    def test_nobody_changes_them_while_the_core_imports(self) -> None:
        """Glance alone lets them be changed, by whatever data was judged."""
        factory = disk_format_validator.DiskFormatValidator.factory
        filtered = http_client.WsgiClient(
            factory({}, inspect="enforce")(self.core)
        )
        for name, value in (
            ("disk_format", "raw"),
            ("container_format", "ova"),
        ):
            image_id = self.alone.create_image(disk_format="qcow2")
            self.glance.folder.set_status(image_id, "importing")
            before = self.alone.show(image_id).json
            change = {"op": "replace", "path": f"/{name}", "value": value}
            answer = filtered.patch(image_id, change)
            self.assertEqual(409, answer.status, str(answer))
            self.assertEqual(before, self.alone.show(image_id).json)
            self.assertEqual(200, self.alone.patch(image_id, change).status)

    @tests.in_process("the proxy reads before Glance does")
    def test_nobody_changes_them_while_the_core_reads(self) -> None:
        """So one look is enough, when it begins to read."""
        image_id = self.alone.create_image(disk_format="qcow2")
        answers: list[int] = []

        class Body(io.BytesIO):
            def read(body, size: int | None = -1) -> bytes:  # noqa: N805
                answer = self.alone.patch(
                    image_id,
                    {"op": "replace", "path": "/disk_format", "value": "raw"},
                )
                answers.append(answer.status)
                return super().read(size)

        environ: dict[str, Any] = http_client.make_environ(
            "PUT",
            f"/v2/images/{image_id}/file",
            {
                auth.HEADER: auth.MEMBER,
                "Content-Type": "application/octet-stream",
            },
            disk_images.QCOW2,
        )
        environ["wsgi.input"] = Body(disk_images.QCOW2)
        self.core(environ, lambda *args: lambda data: None)
        self.assertEqual({403}, set(answers))
        image = self.alone.show(image_id).json
        self.assertEqual("active", image["status"])
        self.assertEqual("qcow2", image["disk_format"])
