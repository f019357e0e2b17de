# SPDX-License-Identifier: Apache-2.0

"""The health check of oslo.middleware, in front of real Glance."""

from __future__ import annotations

import shutil
import weakref
from pathlib import Path

import fixtures
import oslo_middleware
import testtools

from glance_filters.filters import base
from glance_filters.tests.fixtures import http_client, real_glance


class HealthTest(testtools.TestCase):
    def test_lock_folder(self) -> None:
        glance = self.useFixture(real_glance.RealGlance())
        # Those of other tests may lack what they need by now.
        self.useFixture(
            fixtures.MockPatchObject(base, "RUNNING", weakref.WeakSet())
        )
        folder = Path(self.useFixture(fixtures.TempDir()).path, "locks")
        app = glance.app(
            ("location_guard",),
            {"location_guard": {"coordination_url": f"file://{folder}"}},
        )
        client = http_client.WsgiClient(
            oslo_middleware.Healthcheck(app, {"backends": "glance_filters"})
        )
        answer = client.request("GET", "/healthcheck")
        self.assertEqual((200, b"OK"), (answer.status, answer.body))
        # It is in front of Glance, which answers all else.
        self.assertEqual(200, client.request("GET", "/v2/images").status)
        shutil.rmtree(folder)
        folder.write_text("in the way")
        answer = client.request("GET", "/healthcheck")
        self.assertEqual(503, answer.status)
        self.assertIn(
            b"location_guard: images cannot be locked: ", answer.body
        )
        folder.unlink()
        self.assertEqual(200, client.request("GET", "/healthcheck").status)
