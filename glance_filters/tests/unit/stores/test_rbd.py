# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import types
import unittest
from collections.abc import Sequence
from typing import Any
from unittest import mock

from oslo_config import cfg

from glance_filters.stores import sharing
from glance_filters.tests.fixtures import optional

driver = optional.module("glance_filters.stores.rbd")
glance_store = optional.module("glance_store")

DATA = bytes(range(100))


class ImageNotFound(Exception): ...


class Cluster:
    """A Ceph, as its modules show it."""

    def __init__(self) -> None:
        self.connections = self.open = 0
        # How much less there is than it says.
        self.missing = 0
        self.reads: list[tuple[int, int]] = []
        # The pool, the name, and the rest of what it is asked for.
        self.opened: list[tuple[Any, ...]] = []
        self.images = {"image": DATA}
        self.is_gone = False
        self.rados = types.SimpleNamespace(
            Rados=lambda **_: Client(self),
            Error=OSError,
            ObjectNotFound=LookupError,
        )
        self.rbd = types.SimpleNamespace(
            Image=lambda *args, **options: Image(self, *args, **options),
            ImageNotFound=ImageNotFound,
        )


class Handle:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        cluster.open += 1

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def shutdown(self) -> None:
        self.cluster.open -= 1


class Client(Handle):
    def connect(self, timeout: int = 0) -> None:
        if self.cluster.is_gone:
            self.shutdown()
            raise OSError("no cluster")
        self.cluster.connections += 1

    def conf_set(self, name: str, value: str) -> None: ...

    def get_fsid(self) -> str:
        return "id"

    def open_ioctx(self, pool: str) -> Pool:
        return Pool(self.cluster, pool)


class Pool(Handle):
    def __init__(self, cluster: Cluster, name: str) -> None:
        super().__init__(cluster)
        self.name = name


class Image(Handle):
    def __init__(
        self, cluster: Cluster, pool: Pool, name: str, **options: Any
    ) -> None:
        if name not in cluster.images:
            raise ImageNotFound
        super().__init__(cluster)
        cluster.opened.append((pool.name, name, options))
        self.data = cluster.images[name]

    def size(self) -> int:
        return len(self.data) + self.cluster.missing

    def stat(self) -> dict[str, int]:
        return {"size": len(self.data)}

    def read(self, offset: int, length: int) -> bytes:
        if self.cluster.is_gone:
            raise OSError("no cluster")
        self.cluster.reads.append((offset, length))
        return self.data[offset : offset + length]


@unittest.skipIf(driver is None, "glance_store is not installed")
class RbdStoreTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.cluster = Cluster()
        for name in ("rados", "rbd"):
            patch = mock.patch.object(
                driver.builtin, name, getattr(self.cluster, name)
            )
            patch.start()
            self.addCleanup(patch.stop)
        self.conf = cfg.ConfigOpts()
        self.conf.register_opts(
            [cfg.DictOpt("enabled_backends", default={"a": "", "b": ""})]
        )
        self.conf([])
        # glance_store reads its own options there.
        patch = mock.patch.object(
            glance_store.driver, "CONF", self.conf, create=True
        )
        patch.start()
        self.addCleanup(patch.stop)
        self.store = driver.Store(self.conf, "ceph")
        self.store.configure()
        self.store.READ_CHUNKSIZE = 10

    def get(
        self, image: str = "id/pool/image/snap", **part: Any
    ) -> tuple[Any, Any]:
        where = glance_store.location.Location(
            "rbd",
            self.store.get_store_location_class(),
            self.conf,
            uri=f"rbd://{image}",
        )
        found: tuple[Any, Any] = self.store.get(where, **part)
        return found

    def test_parts(self) -> None:
        cases: Sequence[tuple[int, int | None, Sequence[tuple[int, int]]]] = (
            (0, 1, [(0, 1)]),
            (99, 1, [(99, 1)]),
            (5, 5, [(5, 5)]),
            (5, 15, [(5, 10), (15, 5)]),
            (80, None, [(80, 10), (90, 10)]),
            (0, 10, [(0, 10)]),
        )
        for offset, length, reads in cases:
            with self.subTest(f"{offset} {length}"):
                self.cluster.reads.clear()
                chunks, size = self.get(offset=offset, chunk_size=length)
                stop = 100 if length is None else offset + length
                self.assertEqual(DATA[offset:stop], b"".join(chunks))
                self.assertEqual(stop - offset, size)
                self.assertEqual(reads, self.cluster.reads)
                self.assertEqual(0, self.cluster.open)

    def test_refused(self) -> None:
        not_given = glance_store.StoreRandomGetNotSupported
        shorter = "the image has 100 bytes"
        cases = (
            ("image", 99, 2, not_given, shorter),
            ("image", 100, 1, not_given, shorter),
            ("image", 100, None, not_given, shorter),
            ("image", 101, None, not_given, shorter),
            ("other", 5, 5, glance_store.NotFound, "Image other not found"),
        )
        for image, offset, length, error, text in cases:
            with self.subTest(f"{image} {offset} {length}"):
                with self.assertRaisesRegex(error, text):
                    self.get(image, offset=offset, chunk_size=length)
                self.assertEqual([], self.cluster.reads)
                self.assertEqual(0, self.cluster.open)

    def test_which_image(self) -> None:
        for image, pool, snapshot in (
            ("id/pool/image/snap", "pool", "snap"),
            # An old URL: the pool is that of the store.
            ("image", "images", None),
        ):
            with self.subTest(image):
                self.get(image, offset=5, chunk_size=5)
                options = {"snapshot": snapshot, "read_only": True}
                self.assertEqual(
                    (pool, "image", options), self.cluster.opened[-1]
                )

    def test_builtin_driver(self) -> None:
        self.assertIsNone(driver.BUILTIN.misfit(driver.builtin.Store))

    def test_one_connection(self) -> None:
        for _ in self.get(offset=5, chunk_size=5)[0]:
            self.assertEqual(1, self.cluster.connections)

    def test_closed_if_nobody_reads(self) -> None:
        chunks, _ = self.get(offset=5, chunk_size=50)
        self.assertEqual(3, self.cluster.open)
        del chunks
        self.assertEqual(0, self.cluster.open)

        chunks, _ = self.get(offset=5, chunk_size=50)
        next(chunks)
        del chunks
        self.assertEqual(0, self.cluster.open)

    def test_shared(self) -> None:
        shared = sharing.Shared()
        for offset in (5, 90, 3):
            with shared:
                chunks, _ = self.get(offset=offset, chunk_size=2)
            self.assertEqual(DATA[offset : offset + 2], b"".join(chunks))
        self.assertEqual(1, self.cluster.connections)
        self.assertEqual(3, self.cluster.open)
        shared.close()
        self.assertEqual(0, self.cluster.open)

    def test_gone_in_the_middle(self) -> None:
        chunks, _ = self.get(offset=5, chunk_size=50)
        self.assertEqual(DATA[5:15], next(chunks))
        self.cluster.is_gone = True
        self.assertRaises(OSError, next, chunks)
        self.assertEqual(0, self.cluster.open)

    def test_shorter_than_it_says(self) -> None:
        self.cluster.missing = 10
        chunks, _ = self.get(offset=95, chunk_size=8)
        self.assertEqual(DATA[95:], next(chunks))
        with self.assertRaises(glance_store.RemoteServiceUnavailable):
            next(chunks)
        self.assertEqual(0, self.cluster.open)

    def test_gone(self) -> None:
        """As ever, Glance may not write to a store that is not there."""
        self.cluster.is_gone = True
        write = glance_store.capabilities.BitMasks.WRITE_ACCESS
        self.assertFalse(self.store.is_capable(write))
        with self.assertRaises(glance_store.BadStoreConfiguration):
            self.get(offset=5, chunk_size=5)

    def test_before_it_is_configured(self) -> None:
        store = driver.Store(self.conf, "ceph")
        self.assertIsNone(store.url_prefix)
        self.assertEqual(0, self.cluster.connections)

    def test_what_writing_needs(self) -> None:
        bits = glance_store.capabilities.BitMasks
        for wanted, connections in (
            ([bits.READ_RANDOM], 0),
            ([bits.DRIVER_REUSABLE], 0),
            ([bits.READ_ACCESS, bits.WRITE_ACCESS], 1),
        ):
            self.store.is_capable(*wanted)
            self.assertEqual(connections, self.cluster.connections)

    def test_a_wrong_configuration(self) -> None:
        """The error is raised only if it is asked for, as ever."""
        error = glance_store.BadStoreConfiguration
        with mock.patch.object(
            self.store, "configure_add", side_effect=error()
        ):
            self.store.configure()
            with self.assertRaises(error):
                self.store.configure(re_raise_bsc=True)

    def test_the_id_of_the_cluster(self) -> None:
        """It costs a connection only where it is wanted."""
        self.assertEqual(0, self.cluster.connections)
        self.assertTrue(self.store.url_prefix.startswith("rbd://id/"))
        self.assertEqual(1, self.cluster.connections)
        self.assertTrue(self.store.url_prefix.startswith("rbd://id/"))
        self.assertEqual(1, self.cluster.connections)

    def test_whole(self) -> None:
        chunks, size = self.get()
        self.assertEqual((DATA, 100), (b"".join(chunks), size))
