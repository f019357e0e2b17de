# SPDX-License-Identifier: Apache-2.0

"""Parts of images on real stores: what Glance answers, and what it reads.

It is Glance alone that answers here, with our drivers or without.
"""

from __future__ import annotations

import random
from typing import ClassVar

import testtools

from glance_filters import stores
from glance_filters.tests.fixtures import (
    glance_config,
    store_servers,
    swift_server,
)

# Three segments of Swift, and nearly three chunks of Ceph.
SIZE = 3 * swift_server.MEGABYTE
DATA = random.Random(1).randbytes(SIZE)

# More than the header fields of an answer, or what Ceph reads of an image's
# own data.
HEAD_BYTES = 3000

ACCESSES = 5

RANGES = (
    "bytes=0-0",
    "bytes=5-9",
    "bytes=-1",
    "bytes=-7",
    f"bytes={SIZE - 1}-",
    f"bytes={SIZE - 1}-{SIZE}",
    f"bytes={SIZE}-",
    f"bytes={SIZE}-{SIZE + 1}",
    f"bytes={SIZE // 2}-{SIZE // 2 + 99}",
    f"bytes={swift_server.MEGABYTE - 2}-{swift_server.MEGABYTE + 1}",
    f"bytes={2**20 - 2}-{2**21 + 1}",
    "bytes=1-",
    "bytes=0-",
    f"bytes=-{SIZE}",
    f"bytes=-{SIZE + 1}",
    f"bytes=0-{SIZE - 1}",
    f"bytes=0-{10**30}",
    "bytes=5-3",
    "bytes=-0",
    "bytes=",
    "lines=0-1",
)


class StoreCase(testtools.TestCase):
    """Images in a store.

    :cvar kind: the type of the store, and its name
    :cvar is_single: whether it is Glance's only store
    :cvar is_filtered: whether range_translator is in the pipeline
    :cvar is_multi_tenant: whether the images are in the users' accounts
    """

    kind: ClassVar[str]
    is_single: ClassVar[bool] = False
    is_filtered: ClassVar[bool] = False
    is_multi_tenant: ClassVar[bool] = False

    def setUp(self) -> None:
        super().setUp()
        reason = store_servers.missing(self.kind)
        if reason is not None:
            self.skipTest(reason)
        self.cloud = store_servers.glance(
            self.kind,
            stores.TYPES,
            self.is_single,
            self.is_filtered,
            self.is_multi_tenant,
        )
        self.image_id = self.cloud.create(DATA, self.kind)
        self.prepare()
        self.cloud.server.take()

    def prepare(self) -> None:
        """Change how the store keeps the image."""


class RangesCase(StoreCase):
    """With random access."""

    # What one access to the store takes.
    connections: ClassVar[int]
    methods: ClassVar[list[str]]

    def test_parts(self) -> None:
        """They are those of a store of files, and no more is read."""
        on_files = self.cloud.create(DATA, glance_config.DEFAULT_STORE)
        self.cloud.server.take()
        for text in RANGES:
            with self.subTest(text):
                found = self.cloud.get(self.image_id, text)
                read = self.cloud.server.take().received
                expected = self.cloud.get(on_files, text)
                self.assertEqual(expected.status, found.status, str(found))
                for name in ("Content-Range", "Content-Length"):
                    self.assertEqual(expected.header(name), found.header(name))
                if found.status in (200, 206):
                    self.assertEqual(expected.body, found.body)
                sent = len(found.body) if found.status in (200, 206) else 0
                self.assertLessEqual(sent, read)
                self.assertLessEqual(read, sent + HEAD_BYTES)

    def test_cost_of_an_access(self) -> None:
        for _ in range(ACCESSES):
            self.cloud.get(self.image_id, "bytes=5-9")
        traffic = self.cloud.server.take()
        self.assertEqual(self.methods * ACCESSES, traffic.methods)
        self.assertEqual(self.connections * ACCESSES, traffic.connections)

    def test_whole(self) -> None:
        found = self.cloud.get(self.image_id)
        self.assertEqual(200, found.status)
        self.assertEqual(DATA, found.body)


class SingleCase(StoreCase):
    """With random access, in a configuration of single stores."""

    is_single = True

    def test_parts(self) -> None:
        for text, part in (
            ("bytes=5-9", slice(5, 10)),
            ("bytes=-7", slice(SIZE - 7, SIZE)),
            (f"bytes={2**20 - 2}-{2**21 + 1}", slice(2**20 - 2, 2**21 + 2)),
        ):
            with self.subTest(text):
                found = self.cloud.get(self.image_id, text)
                self.assertEqual(206, found.status)
                self.assertEqual(DATA[part], found.body)
        self.assertEqual(DATA, self.cloud.get(self.image_id).body)


class FilteredCase(StoreCase):
    """With random access, behind range_translator."""

    is_filtered = True
    connections: ClassVar[int]

    def test_several_parts(self) -> None:
        """What they share is opened once, and no more is read."""
        parts = ((5, 14), (SIZE // 2, SIZE // 2 + 1), (SIZE - 7, SIZE - 1))
        text = ",".join(f"{first}-{last}" for first, last in parts)
        found = self.cloud.get(self.image_id, f"bytes={text}")
        traffic = self.cloud.server.take()
        self.assertEqual(206, found.status)
        for first, last in parts:
            self.assertIn(DATA[first : last + 1], found.body)
        self.assertLessEqual(traffic.received, len(parts) * HEAD_BYTES)
        self.assertEqual(self.connections, traffic.connections)


class S3Test(RangesCase):
    kind = "s3"
    connections, methods = 1, ["GET"]


class HttpTest(RangesCase):
    kind = "http"
    connections, methods = 1, ["GET"]


class CephTest(RangesCase):
    kind = "rbd"
    connections, methods = 1, []


class SwiftTest(RangesCase):
    """Segments that Swift finds by their names, as Glance uploads them."""

    kind = "swift"
    connections, methods = 1, ["GET"]

    @property
    def server(self) -> swift_server.SwiftServer:
        server = self.cloud.server
        assert isinstance(server, swift_server.SwiftServer)
        return server

    @property
    def name(self) -> str:
        return f"{glance_config.DEFAULT_STORE}/{self.image_id}"


class SwiftPlainTest(SwiftTest):
    """One object."""

    def prepare(self) -> None:
        self.server.put(self.name, DATA)


class SwiftStaticTest(SwiftTest):
    """Segments that a manifest names."""

    def prepare(self) -> None:
        self.server.make_static(self.name, DATA)


class SwiftTenantTest(SwiftTest):
    """Segments in the account of the user."""

    is_multi_tenant = True


class S3SingleTest(SingleCase):
    kind = "s3"


class HttpSingleTest(SingleCase):
    kind = "http"


class CephSingleTest(SingleCase):
    kind = "rbd"


class SwiftSingleTest(SingleCase):
    kind = "swift"


class S3FilteredTest(FilteredCase):
    kind = "s3"
    connections = 3


class HttpFilteredTest(FilteredCase):
    kind = "http"
    connections = 3


class CephFilteredTest(FilteredCase):
    kind = "rbd"
    connections = 1


class SwiftFilteredTest(FilteredCase):
    kind = "swift"
    connections = 1


# They are for the subclasses alone.
del RangesCase, SingleCase, FilteredCase
