# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import dataclasses
import importlib
import unittest
from unittest import mock

from glance_filters import stores
from glance_filters.tests.fixtures import optional

ADDED, OWN, NONE = (
    stores.Access.ADDED,
    stores.Access.OWN,
    stores.Access.NONE,
)


@unittest.skipIf(
    optional.module("glance_store") is None, "glance_store is not installed"
)
class SurveyTest(unittest.TestCase):
    def test_survey(self) -> None:
        backends = {
            "fast": "file",
            "web": "http",
            "ceph": "rbd",
            "other": "unknown",
        }
        found = stores.survey(backends, ["http"])
        left_out = "random_access_stores does not name its type"
        expected = (
            ("fast", "file", OWN, ""),
            ("web", "http", ADDED, ""),
            ("ceph", "rbd", NONE, left_out),
        )
        self.assertEqual(
            tuple(stores.StoreAccess(*each) for each in expected), found[:3]
        )
        self.assertEqual(
            ("other", "unknown", NONE),
            (found[3].name, found[3].type, found[3].access),
        )
        self.assertRegex(
            found[3].reason, r"\Aits driver cannot be loaded \(.*unknown.*\)\Z"
        )

    def test_drivers_that_cannot_be_loaded(self) -> None:
        name = "glance_filters.stores.rbd"
        with mock.patch.dict("sys.modules", {name: None}):
            [found] = stores.survey({"ceph": "rbd"}, ["rbd"])
        self.assertEqual(NONE, found.access)
        self.assertRegex(
            found.reason,
            rf"\Aits driver cannot be loaded \(.*{name}.*\)\Z",
        )

    def test_drivers_of_glance_store(self) -> None:
        module = importlib.import_module("glance_filters.stores.survey")
        for kind, expected in (("file", True), ("http", False)):
            self.assertIs(expected, module._is_capable(kind))

    def test_what_there_is_no_driver_for(self) -> None:
        module = importlib.import_module("glance_filters.stores.survey")
        with mock.patch.object(module, "_is_capable", return_value=False):
            [found] = stores.survey({"other": "unknown"}, ["http"])
        self.assertEqual(
            (NONE, "there is no driver with random access for it"),
            (found.access, found.reason),
        )

    def test_survey_of_another_driver(self) -> None:
        module = optional.module("glance_filters.stores.http")
        other = dataclasses.replace(module.BUILTIN, methods={"gone": ()})
        with mock.patch.object(module, "BUILTIN", other):
            [found] = stores.survey({"web": "http"}, ["http"])
        self.assertEqual(NONE, found.access)
        self.assertEqual("its driver has no gone", found.reason)
