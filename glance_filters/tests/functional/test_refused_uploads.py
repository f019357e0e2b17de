# SPDX-License-Identifier: Apache-2.0

"""A refused upload is seen as such by the client, behind every server.

A server resets a connection on which there is unread data, and a proxy in
front of it then reports an error of its own.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import ClassVar

import testtools

from glance_filters import tests
from glance_filters.filters.disk_format_validator import inspection
from glance_filters.tests.fixtures import (
    auth,
    class_fixture,
    front_servers,
    http_client,
    real_glance,
)
from glance_filters.tests.fixtures.real_glance import Server

MIB = 1024 * 1024
SIZES = (1, 8, 64, 300) if tests.IS_LONG else (8,)
TRIALS = 40 if tests.IS_LONG else 2
NOISE = bytes(range(1, 256)) * 257


class RefusedUploadCase(testtools.TestCase):
    """Raw data for an image that is declared qcow2.

    :cvar server: what Glance runs on
    :cvar front: what is in front of that
    :cvar is_chunkable: whether the server in front hands on chunks
    :cvar is_kept: whether connections outlast a response
    """

    server: ClassVar[Server]
    front: ClassVar[str | None] = None
    is_chunkable: ClassVar[bool] = True
    is_kept: ClassVar[bool] = True
    glance: real_glance.GlanceServer
    port: int

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if not inspection.is_available():
            raise cls.skipException("the extra inspect is not installed")
        glance = class_fixture.use(
            cls,
            real_glance.GlanceServer(
                ("disk_format_validator", "location_guard"),
                {"disk_format_validator": {"inspect": "enforce"}},
                server=cls.server,
                # nginx hands on more keys than PEP 3333 allows.
                is_validated=cls.front != "nginx",
            ),
        )
        cls.glance = glance
        cls.port = glance.port
        if cls.front is not None:
            cls.port = class_fixture.use(
                cls, front_servers.FrontServer(cls.front, glance.port)
            ).port
        # One that speaks another protocol may still be starting.
        client = http_client.SocketClient(cls.port)
        for _ in range(1000):
            if client.request("GET", "/versions").status not in (502, 503):
                return
        raise RuntimeError(f"no start:\n{glance.log}")

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=120
        )
        self.addCleanup(connection.close)
        return connection

    def send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        **headers: str,
    ) -> tuple[int, bytes]:
        fields = {auth.HEADER: auth.MEMBER}
        fields.update(
            (name.replace("_", "-"), value) for name, value in headers.items()
        )
        connection.request(method, path, body, fields)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def create(self, disk_format: str) -> str:
        client = http_client.SocketClient(self.port)
        return str(client.create_image(disk_format=disk_format))

    def data(self, size: int) -> Iterator[bytes]:
        for _ in range(size // len(NOISE)):
            yield NOISE
        yield NOISE[: size % len(NOISE)]

    def upload(self, size: int, **headers: str) -> None:
        image_id = self.create("qcow2")
        connection = self.connect()
        status, body = self.send(
            connection,
            "PUT",
            f"/v2/images/{image_id}/file",
            self.data(size),
            Content_Type="application/octet-stream",
            **headers,
        )
        self.assertEqual(415, status, str(body))
        self.assertIn(b"The uploaded data is raw", body)
        # What was read to its end leaves the connection usable.
        path = f"/v2/images/{image_id}"
        if not self.is_kept:
            connection.close()
        status, body = self.send(connection, "GET", path)
        self.assertEqual(200, status)
        self.assertIn(b'"queued"', body)
        connection.close()

    def test_with_a_length(self) -> None:
        for size in SIZES:
            for _ in range(TRIALS):
                self.upload(size * MIB, Content_Length=str(size * MIB))

    def test_chunked(self) -> None:
        if not self.is_chunkable:
            self.skipTest("the server in front wants a length")
        for size in SIZES:
            for _ in range(TRIALS):
                self.upload(size * MIB)


class UwsgiRouterTest(RefusedUploadCase):
    """As kolla deploys Glance."""

    server = Server.UWSGI_ROUTER
    is_kept = False


@tests.nightly
class UwsgiTest(RefusedUploadCase):
    server = Server.UWSGI
    is_kept = False


@tests.nightly
class GunicornTest(RefusedUploadCase):
    server = Server.GUNICORN


@tests.nightly
class NginxTest(RefusedUploadCase):
    server = Server.UWSGI_PROTOCOL
    front = "nginx"
    is_chunkable = False


@tests.nightly
class ApacheTest(RefusedUploadCase):
    server = Server.UWSGI_PROTOCOL
    front = "apache"
    is_chunkable = False


@tests.nightly
class HaproxyTest(RefusedUploadCase):
    server = Server.GUNICORN
    front = "haproxy"


# It is for the subclasses alone.
del RefusedUploadCase
