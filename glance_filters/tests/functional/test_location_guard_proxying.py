# SPDX-License-Identifier: Apache-2.0

"""Requests that one real Glance sends on to another, and their retries."""

from __future__ import annotations

import contextlib
from pathlib import Path

import fixtures
import testtools

from glance_filters import tests
from glance_filters.tests.fixtures import (
    auth,
    gate_filter,
    glance_config,
    http_client,
    http_data,
    image_requests,
    real_glance,
    server_process,
)

DATA = b"staged on one host"
LONG_SECONDS = 60
# Longer than all that goes on meanwhile.
LOCK_SECONDS = 50
GUARD = "location_guard"


def start_import(
    client: http_client.Client, image_id: str
) -> http_client.Response:
    store = glance_config.DEFAULT_STORE
    return client.start_import(image_id, store, name="glance-direct")


@tests.nightly
@tests.in_process("Glance hosts ask each other past the proxy")
class TwoHostsTest(testtools.TestCase):
    """Two Glances with one database, one store and staged data of their own.

    ``there`` has the data, ``here`` sends requests on to it.
    """

    def prepare(self, method: str) -> None:
        self.root = Path(self.useFixture(fixtures.TempDir()).path)
        self.log = self.root / "log"
        self.web = self.useFixture(
            http_data.HttpDataServer(
                {
                    f"/{moment}{number}": b"go"
                    for moment in ("begin", "end")
                    for number in range(9)
                }
            )
        )
        self.shared = {
            # Glance looks for its URL, and asks nobody there.
            "keystone_authtoken": {
                "auth_type": "password",
                "auth_url": "http://127.0.0.1/identity",
                "username": "glance",
                "password": "none",
            },
            "database": {"connection": f"sqlite:///{self.root}/sqlite"},
            glance_config.DEFAULT_STORE: {
                "filesystem_store_datadir": str(self.root / "store")
            },
        }
        (self.root / "store").mkdir()
        gate = gate_filter.section(self.log, self.web.url("/"), method)
        self.there = self.host((GUARD, gate_filter.NAME), gate)
        self.here = self.host((GUARD,), gate)

    def host(
        self, filters: tuple[str, ...], gate: dict[str, str]
    ) -> real_glance.GlanceServer:
        port = server_process.free_port()
        guard = {
            "coordination_url": f"file://{self.root}/locks/images",
            "lock_timeout": str(LOCK_SECONDS),
        }
        own = {"worker_self_reference_url": f"http://127.0.0.1:{port}"}
        glance = real_glance.GlanceServer(
            filters,
            {GUARD: guard, gate_filter.NAME: gate},
            port=port,
            conf={"DEFAULT": own, **self.shared},
        )
        if not (self.root / "sqlite").exists():
            real_glance.copy_database(self.root / "sqlite")
        return self.useFixture(glance)

    def staged(self) -> str:
        """Return the id of an image whose data is ``there``."""
        client = self.there.client(auth.ADMIN)
        image_id = client.create_image()
        answer = client.upload(image_id, DATA, "stage")
        self.assertEqual(204, answer.status)
        return image_id

    def check(
        self, method: str, send: image_requests.Send, first_status: int
    ) -> None:
        self.prepare(method)
        image_id = self.staged()
        here, there = (
            glance.client(auth.ADMIN) for glance in (self.here, self.there)
        )
        with contextlib.ExitStack() as stack:
            gate, gate_of_retry, end = (
                stack.enter_context(self.web.hold(path))
                for path in ("/begin1", "/begin2", "/end1")
            )
            first = image_requests.Request(send, here, image_id)
            self.assertTrue(gate.asked.wait(LONG_SECONDS))
            # It gets to the other host, as the first one did: no deadlock.
            retry = image_requests.Request(send, here, image_id)
            self.assertTrue(gate_of_retry.asked.wait(LONG_SECONDS))
            # Neither runs without the lock.
            renames = [
                image_requests.Request(image_requests.rename, client, image_id)
                for client in (here, there)
            ]
            # The third place is the last one.
            self.assertEqual(409, send(here, image_id).status)
            gate.ended.set()
            self.assertTrue(end.asked.wait(LONG_SECONDS))
            end.ended.set()
            # The retry is still under way.
            gate_of_retry.ended.set()
            self.assertEqual(first_status, first.status())
            # The other host refuses it, which Glance tells as an error.
            self.assertEqual(500, retry.status())
            for rename in renames:
                self.assertIn(rename.status(), (200, 404, 409))
        lines = self.log.read_text().splitlines()
        if "begin PATCH" in lines:
            before = lines[: lines.index("begin PATCH")]
            self.assertEqual(2, before.count(f"end {method}"))
        self.assertNotIn("is unlocked while", self.here.log + self.there.log)

    def test_import(self) -> None:
        self.check("POST", start_import, 202)

    def test_deletion(self) -> None:
        self.check("DELETE", image_requests.delete, 204)
