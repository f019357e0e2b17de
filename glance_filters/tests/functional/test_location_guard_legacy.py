# SPDX-License-Identifier: Apache-2.0

"""location_guard in front of Glance as old as Newton and Ocata.

These are stubs that answer as real Glance was recorded. Where those
would carry out what the image's status should forbid, the guard does not let
them; where they would not, their own answer stays.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import testtools

from glance_filters.filters import location_guard
from glance_filters.glance_api import images as images_api
from glance_filters.tests.fixtures import (
    http_client,
    legacy_glance,
)

TOKEN = "alice:t1:admin"
RELEASES = ("newton", "ocata")
LOCATION = {"url": f"{legacy_glance.HTTP_URL}?2", "metadata": {}}
OPERATIONS: Mapping[str, Mapping[str, Any]] = {
    "add": {"op": "add", "path": "/locations/-", "value": LOCATION},
    "replace": {"op": "replace", "path": "/locations", "value": [LOCATION]},
    "remove": {"op": "remove", "path": "/locations/0"},
}
# In how many rows of the table Glance alone takes a location away; neither
# release knew the status ``uploading``, so nothing is known of it.
LOST_ALONE = {"newton": 6}
ALLOWED = {
    "add": ("active", "queued"),
    "replace": ("active", "queued"),
    "remove": ("active",),
}


# Nobody in front of the guard has said who the user is, so Glance is asked
# whether he may change the image, before it is locked.
ASKED = ["GET", "PATCH", "GET"]


class LegacyGuardTest(testtools.TestCase):
    """The guard's table on a Glance that does not keep to it."""

    def ask(
        self,
        release: str,
        status: str,
        locations: int,
        send: Callable[[http_client.Client, str], http_client.Response],
        guarded: bool,
    ) -> tuple[int, bytes, legacy_glance.Image, list[tuple[str, str]]]:
        """Send a request about a new image: answer, image, core's calls."""
        core = legacy_glance.LegacyGlance(release)
        image = core.add_image(status, ("file", "http")[:locations])
        factory = location_guard.LocationGuard.factory({})
        app = factory(core) if guarded else core
        answer = send(http_client.WsgiClient(app, TOKEN), image.id)
        self.assertEqual([], core.open_bodies)
        body = answer.body.replace(image.id.encode(), b"ID")
        return answer.status, body, image, core.calls

    def test_the_table(self) -> None:
        lost = collections.Counter[str]()
        for release, status, locations, op in itertools.product(
            RELEASES, images_api.STATUSES, (0, 1, 2), OPERATIONS
        ):

            def send(
                client: http_client.Client, image_id: str, op: str = op
            ) -> http_client.Response:
                return client.patch(image_id, OPERATIONS[op])

            row = (release, status, locations, op)
            arguments = (release, status, locations, send)
            alone = self.ask(*arguments, guarded=False)
            code, body, image, calls = self.ask(*arguments, guarded=True)
            if status in ALLOWED[op] or status == "deleted":
                self.assertEqual(alone[:2], (code, body), str(row))
                methods = [method for method, _ in calls]
                asked = ["GET"] if status == "deleted" else ASKED
                self.assertEqual([*asked, "PATCH"], methods)
                continue
            self.assertEqual(409, code, str(row))
            self.assertIn(b"Statuses in which it is allowed", body)
            self.assertEqual(ASKED, [method for method, _ in calls])
            self.assertEqual(locations, len(image.locations), str(row))
            self.assertEqual(status, image.status)
            if len(alone[2].locations) < locations:
                lost[release] += 1
        self.assertEqual(LOST_ALONE, lost)

    def test_calls_that_came_later(self) -> None:
        """An unknown call stays Glance's to answer, with 404."""

        def add(
            client: http_client.Client, image_id: str
        ) -> http_client.Response:
            path = f"/v2/images/{image_id}/locations"
            return client.send_json("POST", path, LOCATION)

        def delete(
            client: http_client.Client, image_id: str
        ) -> http_client.Response:
            return client.request("DELETE", f"/v2/stores/fast/{image_id}")

        for release, send in itertools.product(RELEASES, (add, delete)):
            arguments = (release, "saving", 2, send)
            alone = self.ask(*arguments, guarded=False)
            code, body, _, _ = self.ask(*arguments, guarded=True)
            self.assertEqual(404, code)
            self.assertEqual(alone[:2], (code, body))
