# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import logging
import unittest
from typing import Any

from glance_filters.filters.location_guard import permission
from glance_filters.glance_api import calls, images
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.filters.location_guard.cases import PATCH, PATH

IMAGE = images.parse(b'{"owner": "alice", "name": "n", "status": "active"}')


class OwnTest(unittest.TestCase):
    def test_identities(self) -> None:
        rows: tuple[tuple[dict[str, Any], bool], ...] = (
            ({"HTTP_X_PROJECT_ID": "alice"}, True),
            ({"HTTP_X_TENANT_ID": "alice"}, True),
            ({"HTTP_X_PROJECT_ID": "bob"}, False),
            # The old name counts only without the new one.
            (
                {"HTTP_X_PROJECT_ID": "bob", "HTTP_X_TENANT_ID": "alice"},
                False,
            ),
            ({"HTTP_X_ROLES": "reader, Admin"}, True),
            ({"HTTP_X_ROLES": "administrator"}, False),
            ({}, False),
        )
        for keys, expected in rows:
            request = fakes.request_of(calls.UPDATE_IMAGE, PATH, **keys)
            self.assertIs(expected, permission.is_own(request, IMAGE), keys)


class MayModifyTest(unittest.TestCase):
    def setUp(self) -> None:
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        self.glance = fakes.Glance()

    def ask(self, image: images.Image = IMAGE) -> bool:
        request = fakes.request_of(
            calls.UPDATE_IMAGE, PATH, app=self.glance, CONTENT_TYPE="x/y"
        )
        return permission.may_modify(request, image)

    def test_answers(self) -> None:
        for answer, expected in (
            (fakes.Answer("401 Unauthorized"), False),
            (fakes.Answer("403 Forbidden"), False),
            (fakes.Answer("404 Not Found"), False),
            (fakes.Answer("409 Conflict"), True),
            (fakes.Answer("500 Internal Server Error"), True),
            (fakes.Answer(error=OSError("gone")), True),
        ):
            self.glance.answers["PATCH"] = answer
            self.assertIs(expected, self.ask(), answer)

    def test_a_patch_that_cannot_be_carried_out(self) -> None:
        for name in ("n", None):
            self.ask(images.parse(json.dumps({"name": name}).encode()))
            [(method, path, body)] = self.glance.asked
            [environ] = self.glance.environs
            self.glance.asked.clear()
            self.glance.environs.clear()
            self.assertEqual(("PATCH", PATH), (method, path))
            self.assertEqual(PATCH, environ["CONTENT_TYPE"])
            first, last = json.loads(body)
            replace = {"op": "replace", "path": "/name", "value": name or ""}
            self.assertEqual(replace, first)
            # A property that no image has, another one each time.
            self.assertEqual(
                {**replace, "value": ""}, {**last, "path": "/name"}
            )
            self.assertRegex(last["path"], "^/[0-9a-f]{32}$")
