# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.stores import drivers


class Store:
    OPTIONS = ["option"]

    def __init__(self, conf: str, backend: str | None = None) -> None:
        self.arguments = (conf, backend)

    def open(self, location: object) -> None: ...


class OtherStore(Store): ...


class Renamed:
    def open(self, where: object) -> None: ...


class DriversTest(unittest.TestCase):
    def test_misfit(self) -> None:
        cases = (
            (Store, None),
            (OtherStore, f"its driver is {__name__}.OtherStore"),
            (Renamed, "its driver's open takes where"),
            (object, "its driver has no open"),
        )
        builtin = drivers.Builtin(
            (Store, Renamed, object), {"open": ("location",)}
        )
        for kind, reason in cases:
            with self.subTest(kind.__name__):
                self.assertEqual(reason, builtin.misfit(kind))

    def test_options_of_instances_only(self) -> None:
        class Ours(drivers.HiddenOptions, Store): ...

        self.assertIsNone(Ours.OPTIONS)
        store = Ours("conf", backend="fast")
        self.assertEqual(["option"], store.OPTIONS)
        self.assertEqual(("conf", "fast"), store.arguments)
