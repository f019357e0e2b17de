# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest
from typing import Any

from glance_filters.tests.fixtures import optional

drivers = optional.module("glance_filters.stores.drivers")
parts = optional.module("glance_filters.stores.parts")
capabilities = optional.module("glance_store.capabilities")
exceptions = optional.module("glance_store.exceptions")

DATA = bytes(range(100))


class Store:
    OPTIONS = ["option"]

    def __init__(self, conf: str, backend: str | None = None) -> None:
        self.arguments = (conf, backend)
        self.capabilities: list[Any] = []
        bits = capabilities.BitMasks
        self.capable = [bits.READ_ACCESS, bits.READ_OFFSET, bits.READ_CHUNK]

    def set_capabilities(self, *added: Any) -> None:
        self.capabilities += added

    def is_capable(self, *wanted: Any) -> bool:
        return all(each in (0, *self.capable) for each in wanted)

    def get(self, location: object, context: object) -> object:
        return location, context

    def open(self, location: object) -> None: ...


class OtherStore(Store): ...


class Renamed:
    def open(self, where: object) -> None: ...


class Shorter:
    def open(self) -> None: ...


@unittest.skipIf(drivers is None, "glance_store is not installed")
class DriversTest(unittest.TestCase):
    def test_misfit(self) -> None:
        cases = (
            (Store, None),
            (OtherStore, f"its driver is {__name__}.OtherStore"),
            (Renamed, "its driver's open takes where"),
            (Shorter, "its driver's open takes "),
            (object, "its driver has no open"),
        )
        builtin = drivers.Builtin(
            (Store, Renamed, Shorter, object), {"open": ("location",)}
        )
        for kind, reason in cases:
            with self.subTest(kind.__name__):
                self.assertEqual(reason, builtin.misfit(kind))

    def test_random_access(self) -> None:
        class Ours(drivers.RandomAccess, Store):  # type: ignore[misc, name-defined]
            def _ask(self, *arguments: Any) -> Any:
                self.asked = arguments
                return parts.Answer([DATA], list, None)

        self.assertIsNone(Ours.OPTIONS)
        store: Any = Ours("conf", backend="fast")
        self.assertEqual(["option"], store.OPTIONS)
        self.assertEqual(("conf", "fast"), store.arguments)
        random = capabilities.BitMasks.READ_RANDOM
        self.assertEqual([random], store.capabilities)
        whole = store.get("where", offset=0, chunk_size=None, context="who")
        self.assertEqual(("where", "who"), whole)
        for offset, length in ((5, 7), (0, 1), (90, None)):
            with self.subTest(f"{offset} {length}"):
                chunks, size = store.get(
                    "where", offset=offset, chunk_size=length, context="who"
                )
                self.assertEqual(("where", offset, length, "who"), store.asked)
                stop = None if length is None else offset + length
                self.assertEqual(DATA[offset:stop], b"".join(chunks))
                self.assertEqual(length, size)
        # A failure of the builtin driver may have taken it.
        store.capable.remove(capabilities.BitMasks.READ_OFFSET)
        with self.assertRaises(exceptions.StoreRandomGetNotSupported):
            store.get("where", offset=5, chunk_size=7)
