# SPDX-License-Identifier: Apache-2.0

"""All but parts of images is as with Glance's own drivers."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, ClassVar

import testtools

from glance_filters import stores, tests
from glance_filters.tests.fixtures import (
    auth,
    glance_config,
    http_client,
    store_servers,
    swift_server,
)
from glance_filters.tests.fixtures.store_servers import StoreGlance

DATA = random.Random(3).randbytes(3 * swift_server.MEGABYTE)
FILES = glance_config.DEFAULT_STORE

# Members of an image that tell the time, or that its import has just ended.
PASSING = ("created_at", "updated_at", "os_glance_import_task")


class StoreCase(testtools.TestCase):
    """The same requests, with Glance's own driver and with ours.

    :cvar kind: the type of the store, and its name
    """

    kind: ClassVar[str]

    def setUp(self) -> None:
        super().setUp()
        reason = store_servers.missing(self.kind)
        if reason is not None:
            self.skipTest(reason)

    def check(self, observe: Any, **parameters: Any) -> None:
        """Check that something is the same without our driver and with it."""
        found = []
        for types in ((), stores.TYPES):
            cloud = self.useFixture(
                StoreGlance(self.kind, types, **parameters)
            )
            found.append(list(observe(cloud)))
            name = f"Store {self.kind} has random access now."
            self.assertEqual(bool(types), name in cloud.glance.log)
        alone, ours = found
        self.assertEqual(alone, ours)


def show(cloud: StoreGlance, image_id: str) -> str:
    """Return an image, without what differs between two of them."""
    image = cloud.client.show(image_id).json
    for name in PASSING:
        image.pop(name, None)
    text = json.dumps(image, sort_keys=True).replace(image_id, "ID")
    return text.replace(str(cloud.glance.folder.root), "FOLDER")


def answered(answer: http_client.Response) -> tuple[int, bytes]:
    return answer.status, answer.body


def list_stores(cloud: StoreGlance) -> Iterator[tuple[int, bytes]]:
    """Yield the stores as Glance lists them, and in detail."""
    admin = cloud.glance.client(auth.ADMIN)
    folder = str(cloud.glance.folder.root).encode()
    for path in ("stores", "stores/detail"):
        status, body = answered(admin.request("GET", f"/v2/info/{path}"))
        yield status, body.replace(folder, b"FOLDER")


class WritableCase(StoreCase):
    """A store that takes uploads."""

    def test_images(self) -> None:
        self.check(self.observe_images)

    def test_single_store(self) -> None:
        self.check(self.observe_single, is_single=True)

    def test_cache(self) -> None:
        self.check(self.observe_cache, is_cached=True, is_filtered=True)

    def has(self, cloud: StoreGlance, image_id: str) -> list[str]:
        """Return what the store has of an image."""
        return [
            name.replace(image_id, "ID")
            for name in cloud.server.names(glance_config.DEFAULT_STORE)
            if image_id in name
        ]

    def observe_images(self, cloud: StoreGlance) -> Iterator[Any]:
        """Stores, uploads, copies and deletions."""
        admin = cloud.glance.client(auth.ADMIN)
        yield from list_stores(cloud)
        for start, copy in ((self.kind, FILES), (FILES, self.kind)):
            image_id = cloud.create(DATA, start)
            yield show(cloud, image_id)
            yield cloud.get(image_id).body == DATA
            answer = admin.start_import(image_id, copy, name="copy-image")
            yield "copy", answer.status
            cloud.glance.folder.wait_for_tasks()
            yield show(cloud, image_id)
            yield self.has(cloud, image_id)
            path = f"/v2/stores/{start}/{image_id}"
            yield "delete", answered(admin.request("DELETE", path))
            yield self.has(cloud, image_id)
            yield show(cloud, image_id)
            yield cloud.get(image_id).body == DATA
            # The last one stays.
            path = f"/v2/stores/{copy}/{image_id}"
            answer = admin.request("DELETE", path)
            yield "delete", answer.status
            path = f"/v2/images/{image_id}"
            answer = cloud.client.request("DELETE", path)
            yield "delete", answered(answer)
            yield self.has(cloud, image_id)
            yield cloud.get(image_id).status

    def observe_single(self, cloud: StoreGlance) -> Iterator[Any]:
        """An upload and a deletion, where it is the only store."""
        image_id = cloud.create(DATA, self.kind)
        yield show(cloud, image_id)
        yield cloud.get(image_id).body == DATA
        yield self.has(cloud, image_id)
        answer = cloud.client.request("DELETE", f"/v2/images/{image_id}")
        yield answered(answer)
        yield self.has(cloud, image_id)

    def observe_cache(self, cloud: StoreGlance) -> Iterator[Any]:
        """What comes from the store, and what from Glance's cache."""
        image_id = cloud.create(DATA, self.kind)
        for text in (None, None, "bytes=5-9", None):
            cloud.server.take()
            found = cloud.get(image_id, text)
            start, stop = (0, None) if text is None else (5, 10)
            yield found.status, found.body == DATA[start:stop]
            # A part always comes from the store.
            yield text is not None or cloud.server.take().received > 0
            cloud.wait_until_cached(image_id)


class S3Test(WritableCase):
    kind = "s3"


class CephTest(WritableCase):
    kind = "rbd"


class SwiftTest(WritableCase):
    kind = "swift"


@tests.nightly
class HttpTest(StoreCase):
    kind = "http"

    def observe(self, cloud: StoreGlance) -> Iterator[Any]:
        """Stores, a location, and what is refused."""
        yield from list_stores(cloud)
        image_id = cloud.create(DATA, self.kind)
        yield show(cloud, image_id)
        yield cloud.get(image_id).body == DATA
        other_id = cloud.client.create_image()
        fields = {
            "Content-Type": "application/octet-stream",
            "X-Image-Meta-Store": self.kind,
        }
        path = f"/v2/images/{other_id}/file"
        answer = cloud.client.request("PUT", path, fields, b"data")
        yield "upload", answered(answer)
        answer = cloud.client.request("DELETE", f"/v2/images/{image_id}")
        yield "delete", answered(answer)

    def test_images(self) -> None:
        self.check(self.observe)


# It is for the subclasses alone.
del WritableCase
