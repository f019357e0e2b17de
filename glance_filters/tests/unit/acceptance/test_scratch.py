# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import testtools

from glance_filters.acceptance import scratch, service
from glance_filters.tests.fixtures import raw_upstream
from glance_filters.tests.fixtures.raw_upstream import Conversation


class ScratchTest(testtools.TestCase):
    """What is made is deleted, whatever happened to it."""

    def run_scratch(self, status: int, on_delete: int) -> list[str]:
        """Make an image by an answer; return what was asked, and is left."""
        asked = []

        def answer(client: Conversation) -> None:
            method, path, _ = client.read_head().decode().split(" ", 2)
            asked.append((method, path))
            code = on_delete if method == "DELETE" else status
            if code:
                client.answer(b"", f"{code} x")

        upstream = self.useFixture(raw_upstream.RawUpstream(answer))
        made = scratch.Scratch(service.Service(upstream.url, "x"))
        try:
            with made:
                image_id = made.image()
        except (scratch.NotTried, service.Unreachable):
            image_id = ""
        self.assertEqual("POST", asked[0][0])
        self.assertEqual("DELETE", asked[1][0])
        if image_id:
            self.assertEqual(f"/v2/images/{image_id}", asked[1][1])
        return made.left

    def test_deleted(self) -> None:
        for status, on_delete, left in (
            (201, 204, 0),
            (403, 404, 0),
            # The answer is lost: there may be an image.
            (0, 204, 0),
            (201, 409, 1),
            (201, 0, 1),
        ):
            self.assertEqual(left, len(self.run_scratch(status, on_delete)))
