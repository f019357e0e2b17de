# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import dataclasses
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
        self.assertEqual(
            [OWN, ADDED, NONE, NONE], [each.access for each in found]
        )
        self.assertEqual(list(backends), [each.name for each in found])
        self.assertIn("cannot be loaded", found[3].reason)

    def test_survey_of_another_driver(self) -> None:
        module = optional.module("glance_filters.stores.http")
        other = dataclasses.replace(module.BUILTIN, methods={"gone": ()})
        with mock.patch.object(module, "BUILTIN", other):
            [found] = stores.survey({"web": "http"}, ["http"])
        self.assertEqual(NONE, found.access)
        self.assertEqual("its driver has no gone", found.reason)
