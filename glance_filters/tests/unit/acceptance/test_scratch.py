# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from typing import Any, cast
from unittest import mock

import testtools

from glance_filters.acceptance import scratch, service
from glance_filters.tests.fixtures import raw_upstream
from glance_filters.tests.fixtures.raw_upstream import Conversation
from glance_filters.tests.unit.acceptance.cases import answer


class ScratchTest(testtools.TestCase):
    """What is made is deleted, whatever happened to it."""

    def run_scratch(self, status: int, on_delete: int) -> list[str]:
        """Make an image by an answer; return what was asked, and is left."""
        asked = []

        def script(client: Conversation) -> None:
            method, path, _ = client.read_head().decode().split(" ", 2)
            asked.append((method, path))
            code = on_delete if method == "DELETE" else status
            if code:
                client.answer(b"", f"{code} x")

        upstream = self.useFixture(raw_upstream.RawUpstream(script))
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

    def test_what_is_asked(self) -> None:
        sent: list[tuple[Any, ...]] = []

        class Service:
            def send_json(self, *given: Any) -> service.Answer:
                sent.append(given)
                return answer(201)

            def upload(self, *given: Any) -> service.Answer:
                sent.append(given)
                return answer(204)

            def request(self, *given: Any) -> service.Answer:
                sent.append(given)
                return answer(200, {"status": "active"})

        made = scratch.Scratch(cast(service.Service, Service()))
        first = made.image(disk_format="qcow2")
        second = made.shared(b"data")
        self.assertEqual(second, made.shared(b"data"))
        self.assertNotEqual(first, second)
        plain = {
            "name": "glance-filters-trial",
            "visibility": "private",
            "container_format": "bare",
        }
        self.assertEqual(
            [
                (
                    "POST",
                    "/v2/images",
                    {"id": first, "disk_format": "qcow2", **plain},
                ),
                (
                    "POST",
                    "/v2/images",
                    {"id": second, "disk_format": "raw", **plain},
                ),
                (second, b"data"),
            ],
            sent,
        )
        sent.clear()
        self.assertEqual("active", made.status(first))
        self.assertEqual([("GET", f"/v2/images/{first}")], sent)

    def test_not_tried(self) -> None:
        """What the service does not let the trial do."""
        for status, uploaded, shown, step, text in (
            (403, 204, answer(200, {}), "image", "POST image: 403 Forbidden"),
            (201, 409, answer(200, {}), "image", "PUT file: 409 Conflict"),
            (201, 200, answer(200, {}), "image", "PUT file: 200 OK"),
            (200, 204, answer(200, {}), "image", "POST image: 200 OK"),
            (201, 204, answer(404, {}), "status", "GET image: 404 Not Found"),
            (201, 204, answer(200, []), "status", "GET image: 200 OK"),
        ):
            given = mock.Mock()
            given.send_json.return_value = answer(status)
            given.upload.return_value = answer(uploaded)
            given.request.return_value = shown
            made = scratch.Scratch(given)
            with testtools.ExpectedException(scratch.NotTried, text):
                getattr(made, step)(b"data")

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
