# SPDX-License-Identifier: Apache-2.0

"""Stores get random access whenever Glance makes them."""

from __future__ import annotations

import testtools

from glance_filters.tests.fixtures import (
    eventlet_glance,
    glance_config,
    http_answers,
    http_client,
    http_data,
    random_access,
    real_glance,
)

DATA = b"0123456789"
NAME = "random_access"
OPTIONS = {
    NAME: {
        "paste.filter_factory": random_access.FACTORY,
        random_access.TYPES: "http",
    }
}
TOLD = f"Store {glance_config.WEB_STORE} has random access now."


class StartTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.web = self.useFixture(
            http_data.HttpDataServer(
                {"/data": DATA}, {"/data": http_answers.send_part}
            )
        )

    def check(self, client: http_client.Client) -> None:
        """Check that an image on the web is read in parts."""
        image_id = client.create_image()
        added = client.add_location(image_id, self.web.url("/data"))
        self.assertEqual(200, added.status)
        for _ in range(2):
            found = client.download(image_id, "bytes=2-4")
            self.assertEqual((206, b"234"), (found.status, found.body))

    def test_stores_before_the_pipeline(self) -> None:
        """It is so before the first request, in each worker."""
        glance = self.useFixture(
            real_glance.GlanceServer((NAME,), OPTIONS, workers=2)
        )
        self.assertIn(TOLD, glance.log)
        self.check(glance.client())

    @testtools.skipUnless(
        eventlet_glance.exists(), "this Glance has no server of its own"
    )
    def test_the_pipeline_before_the_stores(self) -> None:
        for workers in (0, 1):
            with self.subTest(workers):
                glance = self.useFixture(
                    eventlet_glance.EventletGlance((NAME,), OPTIONS, workers)
                )
                self.assertNotIn(TOLD, glance.log)
                self.check(glance.client())
                self.assertIn(TOLD, glance.log)
        glance.reload()
        # The old worker may be there for a while.
        for _ in range(100):
            if glance.log.count(TOLD) == 2:
                break
            self.check(glance.client())
        self.assertEqual(2, glance.log.count(TOLD))
