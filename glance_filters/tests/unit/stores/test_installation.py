# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import importlib.metadata
import types
import unittest
from typing import Any
from unittest import mock

from oslo_config import cfg

from glance_filters import stores
from glance_filters.stores import installation
from glance_filters.tests.fixtures import optional

location = optional.module("glance_store.location")

ADDED, OWN, NONE = (
    stores.Access.ADDED,
    stores.Access.OWN,
    stores.Access.NONE,
)


class Unknown:
    """The driver of somebody else."""

    def is_capable(self, *_: int) -> bool:
        return False


@unittest.skipIf(location is None, "glance_store is not installed")
class InstallationTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.multi: dict[str, Any] = {}
        self.single: dict[str, Any] = {}
        for target, name, value in (
            (location, "SCHEME_TO_CLS_BACKEND_MAP", self.multi),
            (location, "SCHEME_TO_CLS_MAP", self.single),
            (installation, "_kept", {}),
            (installation, "_said_absent", []),
        ):
            patch: Any = mock.patch.object(target, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        self.conf = cfg.ConfigOpts()
        self.conf([])

    def make(self, kind: str, backend: str | None = None) -> None:
        """Have a store, as glance_store has when it has made it."""
        module = {"file": "filesystem"}.get(kind, kind)
        builtin = optional.module(f"glance_store._drivers.{module}").Store
        arguments = (self.conf, backend) if backend else (self.conf,)
        store = builtin(*arguments)
        info = {
            "store": store,
            "location_class": store.get_store_location_class(),
            "store_entry": kind,
        }
        if backend is None:
            location.register_scheme_map(
                dict.fromkeys(store.get_schemes(), info)
            )
        else:
            location.register_scheme_backend_map(
                {each: {backend: info} for each in store.get_schemes()}
            )

    def installed(self, *names: str) -> dict[str, stores.Access]:
        found = stores.install(names)
        return {each.name: each.access for each in found}

    def logged(self, level: str) -> Any:
        return self.assertLogs(installation.LOG.logger, level)

    def test_stores_of_several_backends(self) -> None:
        self.make("file", "fast")
        self.make("http", "web")
        self.make("http", "mirror")
        self.make("rbd", "ceph")
        with self.logged("INFO") as logged:
            self.assertEqual(
                {"fast": OWN, "web": ADDED, "mirror": ADDED, "ceph": NONE},
                self.installed("http"),
            )
        self.assertEqual(
            [
                f"Store {name} has random access now."
                for name in ("web", "mirror")
            ],
            [each.getMessage() for each in logged.records],
        )
        for name in ("web", "mirror"):
            for scheme in ("http", "https"):
                info = self.multi[scheme][name]
                self.assertEqual("http_ranges", info["store_entry"])
                self.assertEqual(name, info["store"].backend_group)
                self.assertIn("glance_filters", type(info["store"]).__module__)
        self.assertEqual("rbd", self.multi["rbd"]["ceph"]["store_entry"])

    def test_what_is_told_of_each(self) -> None:
        self.make("file", "fast")
        self.make("http", "web")
        blocks, ceph, objects = Unknown(), Unknown(), Unknown()
        for scheme, name, store in (
            ("cinder", "blocks", blocks),
            ("rbd", "ceph", ceph),
            ("swift+http", "objects", objects),
            ("swift+https", "objects", objects),
        ):
            info = {"store": store, "store_entry": scheme}
            self.multi[scheme] = {name: info}
        no_driver = "there is no driver with random access for it"
        left_out = "random_access_stores does not name its type"
        expected = (
            ("fast", "file", OWN, ""),
            ("web", "http", ADDED, ""),
            ("blocks", "cinder", NONE, no_driver),
            ("ceph", "rbd", NONE, left_out),
            ("objects", "swift", NONE, left_out),
        )
        # Also when it is there already.
        for _ in range(2):
            found = stores.install(["http"])
            self.assertEqual(
                tuple(stores.StoreAccess(*each) for each in expected), found
            )

    def test_a_driver_for_each_type(self) -> None:
        distribution = importlib.metadata.distribution("glance-filters")
        found = {
            each.name: each.value
            for each in distribution.entry_points
            if each.group == installation.ENTRY_POINT_GROUP
        }
        self.assertEqual(
            {
                f"{kind}_ranges": f"glance_filters.stores.{kind}:Store"
                for kind in ("http", "rbd", "s3", "swift")
            },
            found,
        )
        for kind, name in installation.ENTRY_POINTS.items():
            self.assertEqual(f"{kind}_ranges", name)
        self.assertEqual(len(found), len(installation.ENTRY_POINTS))

    def test_what_is_made_is_configured(self) -> None:
        self.make("http", "web")
        driver = optional.module("glance_filters.stores.http")
        with mock.patch.object(driver.Store, "configure") as configure:
            self.installed("http")
        configure.assert_called_once_with()

    def test_single_stores(self) -> None:
        self.make("file")
        self.make("http")
        self.assertEqual(
            {"file": OWN, "http": ADDED}, self.installed("http", "rbd")
        )
        for scheme in ("http", "https"):
            self.assertEqual("http_ranges", self.single[scheme]["store_entry"])

    def test_the_classes_of_locations_stay(self) -> None:
        self.make("http", "web")
        before = self.multi["http"]["web"]["location_class"]
        self.installed("http")
        after = self.multi["http"]["web"]["location_class"]
        self.assertIs(before, after)

    def test_again(self) -> None:
        """Nothing is made anew, unless glance_store has made its own."""
        self.make("http", "web")
        self.installed("http")
        ours = self.multi["http"]["web"]
        self.assertEqual({"web": ADDED}, self.installed("http"))
        self.assertIs(ours, self.multi["http"]["web"])
        self.make("http", "web")
        self.assertEqual({"web": ADDED}, self.installed("http"))
        self.assertEqual(
            "http_ranges", self.multi["http"]["web"]["store_entry"]
        )

    def test_back(self) -> None:
        self.make("http", "web")
        before = type(self.multi["http"]["web"]["store"])
        self.installed("http")
        self.assertEqual({"web": NONE}, self.installed())
        info = self.multi["http"]["web"]
        self.assertIs(before, type(info["store"]))
        self.assertEqual("http", info["store_entry"])
        self.assertEqual({"web": ADDED}, self.installed("http"))

    def test_not_as_expected(self) -> None:
        """What is not known stays as it is, and one line tells so."""
        reason = f"its driver is {__name__}.Unknown"
        for name in ("web", "mirror"):
            info = {"store": Unknown(), "store_entry": "http"}
            self.multi["http"] = {name: info}
            with self.logged("WARNING") as logged:
                for _ in range(2):
                    self.assertEqual(
                        (stores.StoreAccess(name, "http", NONE, reason),),
                        stores.install(["http"]),
                    )
            self.assertEqual(
                [f"Store {name} has no random access: {reason}."],
                [each.getMessage() for each in logged.records],
            )
            self.assertIs(info, self.multi["http"][name])

    def test_not_to_be_made(self) -> None:
        self.make("http", "web")
        entry_points = {"http": "missing_ranges"}
        with mock.patch.dict(installation.ENTRY_POINTS, entry_points):
            with self.logged("DEBUG") as logged:
                [found] = stores.install(["http"])
        self.assertEqual(NONE, found.access)
        self.assertRegex(
            found.reason,
            r"\Aits driver cannot be replaced \(.*missing_ranges.*\)\Z",
        )
        debug, warning = logged.output
        self.assertIn("Traceback", debug)
        self.assertIn(found.reason, warning)
        self.assertEqual("http", self.multi["http"]["web"]["store_entry"])

    def test_no_stores(self) -> None:
        nothing: tuple[Any, ...] = ({}, {"glance_store.location": None})
        with mock.patch.object(installation, "LOG") as log:
            for modules in nothing:
                fake = types.SimpleNamespace(modules=modules)
                with mock.patch.object(installation, "sys", fake):
                    self.assertEqual((), stores.install(["http"]))
            self.assertEqual((), stores.install([], is_serving=True))
            self.assertEqual([], log.mock_calls)
            for modules in nothing:
                fake = types.SimpleNamespace(modules=modules)
                with mock.patch.object(installation, "sys", fake):
                    for _ in range(2):
                        found = stores.install(["http"], is_serving=True)
                        self.assertEqual((), found)
        log.info.assert_called_once()
        self.assertIn("has no effect", log.info.call_args.args[0])
