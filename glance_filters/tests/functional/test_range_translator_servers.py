# SPDX-License-Identifier: Apache-2.0

"""range_translator and what servers make of a request."""

from __future__ import annotations

import http.client
import socket

import testtools

from glance_filters.tests.fixtures import auth, real_glance

# Generous: who does not answer within it does not answer.
_SECONDS = 60


class UwsgiTest(testtools.TestCase):
    """A server that hands line feeds on, which most others refuse."""

    def setUp(self) -> None:
        super().setUp()
        self.server = self.useFixture(
            real_glance.GlanceServer(
                ("range_translator",), server=real_glance.Server.UWSGI
            )
        )
        self.image_id = self.server.client().create_image(b"0123456789")

    def status(self, *fields: bytes) -> int:
        """Send header fields as they are, and return the status."""
        address = ("127.0.0.1", self.server.port)
        lines = (
            f"GET /v2/images/{self.image_id}/file HTTP/1.1".encode(),
            b"Host: localhost",
            f"{auth.HEADER}: {auth.MEMBER}".encode(),
            *fields,
            b"Connection: close",
            b"",
            b"",
        )
        with socket.create_connection(address, _SECONDS) as connection:
            connection.sendall(b"\r\n".join(lines))
            response = http.client.HTTPResponse(connection)
            response.begin()
            response.read()
            return response.status

    def test_a_line_feed_in_a_field(self) -> None:
        for field, expected in (
            (b"Range: bytes=0-1", 206),
            (b"Range: bytes=0-1\n", 200),
            (b"Range: bytes=0-1,\n", 200),
            (b"Range: bytes=0-1\n\n\n,", 200),
            (b"Content-Range: bytes 0-1/*\n", 416),
            (b'If-Match: "x"\n', 200),
        ):
            self.assertEqual(expected, self.status(field), str(field))
