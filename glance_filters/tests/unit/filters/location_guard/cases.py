# SPDX-License-Identifier: Apache-2.0

"""What the tests of the guard share."""

from __future__ import annotations

import logging
import unittest
from typing import Any

from glance_filters import locks
from glance_filters.filters import location_guard
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID

PATCH = "application/openstack-images-v2.1-json-patch"
PATH = f"/v2/images/{IMAGE_ID}"

# (operation, request, statuses in which it is allowed), as documented.
TABLE = [
    (
        "remove",
        ("PATCH", PATH, b'[{"op": "remove", "path": "/locations/0"}]'),
        ("active",),
    ),
    (
        "replace",
        (
            "PATCH",
            PATH,
            b'[{"op": "replace", "path": "/locations", "value": []}]',
        ),
        ("active", "queued"),
    ),
    (
        "add",
        (
            "PATCH",
            PATH,
            b'[{"op": "add", "path": "/locations/-", "value": {}}]',
        ),
        ("active", "queued"),
    ),
    ("add", ("POST", f"{PATH}/locations", b'{"url": "x"}'), ("queued",)),
    ("remove", ("DELETE", f"/v2/stores/fast/{IMAGE_ID}", b""), ("active",)),
]


def make_lock_file(url: str) -> None:
    """Let nobody find locks without their file.

    Whoever makes it on a machine that stops for a moment gets no lock at his
    first try.
    """
    locks.ImageLocks(url, 30).acquire("made").release()


class GuardTestCase(unittest.TestCase):
    """Calls the guard in front of a fake Glance."""

    def setUp(self) -> None:
        self.glance = fakes.Glance()
        self.addCleanup(self.check_closed)
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    def check_closed(self) -> None:
        self.assertEqual(0, self.glance.open_bodies)

    def guard(self, **section: str) -> location_guard.LocationGuard:
        # Not the folder of all: another process runs the same tests.
        section = {"coordination_url": "", **section}
        factory = location_guard.LocationGuard.factory({}, **section)
        guard = factory(self.glance)
        assert isinstance(guard, location_guard.LocationGuard)
        return guard

    def send(
        self, request: tuple[str, str, bytes], **keys: Any
    ) -> tuple[int, str, bytes]:
        method, path, body = request
        keys = {"CONTENT_TYPE": PATCH, **keys}
        environ = fakes.environ_of(method, path, body, **keys)
        self.glance.asked.clear()
        return fakes.call(self.guard(), environ)
