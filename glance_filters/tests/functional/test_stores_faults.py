# SPDX-License-Identifier: Apache-2.0

"""Stores that fail, or lie, while parts of images are read.

As with whole images, the answer is a refusal, or is broken off, and no wrong
byte is sent.
"""

from __future__ import annotations

import http.client
import random
from typing import Any

import testtools

from glance_filters import stores, tests
from glance_filters.tests.fixtures import (
    auth,
    store_servers,
    swift_server,
)

# Far more than all buffers on the way.
SIZE = 24 * swift_server.MEGABYTE
DATA = random.Random(2).randbytes(SIZE)


class FaultsCase(testtools.TestCase):
    kind: str

    def setUp(self) -> None:
        super().setUp()
        reason = store_servers.missing(self.kind)
        if reason is not None:
            self.skipTest(reason)
        self.cloud = store_servers.glance(self.kind, stores.TYPES)
        self.server: Any = self.cloud.server
        self.image_id = self.cloud.create(DATA, self.kind)

    def begin(self, text: str) -> http.client.HTTPResponse:
        """Send a download, and read the head of its answer."""
        client = http.client.HTTPConnection(
            "127.0.0.1", self.cloud.glance.port, timeout=60
        )
        self.addCleanup(client.close)
        fields = {auth.HEADER: auth.MEMBER, "Range": text}
        path = f"/v2/images/{self.image_id}/file"
        client.request("GET", path, headers=fields)
        return client.getresponse()

    def check_refused(self) -> None:
        """Check that a part is refused as the whole image is."""
        whole = self.cloud.get(self.image_id)
        part = self.cloud.get(self.image_id, "bytes=5-9")
        self.assertNotEqual(200, whole.status)
        self.assertEqual((whole.status, whole.body), (part.status, part.body))

    def check_broken_off(
        self, answer: http.client.HTTPResponse, start: int, stop: int = SIZE
    ) -> None:
        self.assertEqual(206, answer.status)
        try:
            read = answer.read()
        except http.client.IncompleteRead as error:
            read = error.partial
        self.assertLess(len(read), stop - start)
        self.assertTrue(DATA[start:stop].startswith(read))


class ReplacedCase(FaultsCase):
    """What has been put in the place of the image."""

    def replace(self, data: bytes | None) -> None:
        """Have other data in the store, or none."""
        self.server.put(f"fast/{self.image_id}", data)

    def test_shorter_than_it_was(self) -> None:
        self.replace(DATA[:100])
        for text, status in (
            ("bytes=50-59", 206),
            ("bytes=90-109", 400),
            ("bytes=100-109", 400),
            ("bytes=-7", 400),
        ):
            with self.subTest(text):
                found = self.cloud.get(self.image_id, text)
                self.assertEqual(status, found.status, str(found))

    @tests.nightly
    def test_shorter_behind_the_filter(self) -> None:
        """What is not given in parts is cut out of what there is."""
        self.cloud = store_servers.glance(self.kind, stores.TYPES, False, True)
        self.image_id = self.cloud.create(DATA, self.kind)
        self.replace(DATA[:100])
        found = self.cloud.get(self.image_id, "bytes=50-59")
        self.assertEqual((206, DATA[50:60]), (found.status, found.body))
        self.check_broken_off(self.begin("bytes=90-109"), 90, 110)
        # No byte of these is there, so that the server can still refuse them.
        for text in ("bytes=100-109", "bytes=-7"):
            with self.subTest(text):
                self.assertEqual(
                    500, self.cloud.get(self.image_id, text).status
                )

    def test_gone(self) -> None:
        self.replace(None)
        self.check_refused()


class RelayedCase(FaultsCase):
    """A server that cannot be reached any more."""

    def test_server_down(self) -> None:
        answer = self.begin("bytes=5-")
        self.addCleanup(self.server.relay.come_up)
        self.server.relay.go_down()
        self.check_broken_off(answer, 5)
        self.check_refused()


class HttpTest(ReplacedCase, RelayedCase):
    kind = "http"

    def replace(self, data: bytes | None) -> None:
        if data is None:
            self.skipTest("there is nothing that could be gone")
        self.server.put(data)

    def test_servers(self) -> None:
        cases = (
            ("/ranges", 206),
            ("/whole", 206),
            ("/later", 400),
            ("/unnamed", 400),
            ("/416", 400),
        )
        for path, status in cases:
            with self.subTest(path):
                image_id = self.cloud.refer(
                    self.cloud.client.create_image(),
                    self.server.put(DATA, path),
                )
                found = self.cloud.get(image_id, "bytes=5-9")
                self.assertEqual(status, found.status, str(found))
                if status == 206:
                    self.assertEqual(DATA[5:10], found.body)

    def test_another_location(self) -> None:
        """What one does not give the next one does."""
        for path in ("/later", "/416"):
            with self.subTest(path):
                image_id = self.cloud.refer(
                    self.cloud.client.create_image(),
                    self.server.put(DATA, path),
                )
                self.cloud.refer(image_id, self.server.put(DATA))
                found = self.cloud.get(image_id, "bytes=5-9")
                self.assertEqual(206, found.status)
                self.assertEqual(DATA[5:10], found.body)

    def test_ends_early(self) -> None:
        for path in ("/short", "/short-whole"):
            with self.subTest(path):
                self.image_id = self.cloud.refer(
                    self.cloud.client.create_image(),
                    self.server.put(DATA, path),
                )
                self.check_broken_off(self.begin("bytes=5-"), 5)


class S3Test(ReplacedCase, RelayedCase):
    kind = "s3"

    def replace(self, data: bytes | None) -> None:
        self.server.put(f"images-fast/{self.image_id}", data)

    def test_connection_breaks(self) -> None:
        self.server.relay.break_after(1_000_000)
        self.check_broken_off(self.begin("bytes=5-"), 5)


class SwiftTest(ReplacedCase, RelayedCase):
    kind = "swift"

    def test_connection_breaks(self) -> None:
        """The driver goes on where it was."""
        self.server.relay.break_after(1_000_000)
        answer = self.begin("bytes=5-")
        self.assertEqual(206, answer.status)
        self.assertEqual(DATA[5:], answer.read())


class CephTest(ReplacedCase):
    kind = "rbd"

    def pause(self, daemon: str) -> None:
        self.server.pause(daemon)
        self.addCleanup(self.server.resume, daemon)

    def test_silent_in_the_middle(self) -> None:
        answer = self.begin("bytes=5-")
        self.pause("osd.0")
        self.check_broken_off(answer, 5)

    def test_silent(self) -> None:
        for daemon in ("osd.0", "mon.a"):
            with self.subTest(daemon):
                self.pause(daemon)
                self.check_refused()
                self.server.resume(daemon)


# They are for the subclasses alone.
del ReplacedCase, RelayedCase
