# SPDX-License-Identifier: Apache-2.0

"""Options that change while real Glance runs, with several workers."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
import unittest
from collections.abc import Iterator, Mapping
from concurrent import futures
from pathlib import Path
from typing import Any, ClassVar

import testtools

from glance_filters import tests
from glance_filters.filters import registry
from glance_filters.filters.disk_format_validator import inspection
from glance_filters.tests.fixtures import (
    auth,
    class_fixture,
    disk_images,
    glance_config,
    http_client,
    real_glance,
)

WORKERS = 2
# No test takes that long; one that waits in vain ends.
PATIENCE_SECONDS = 60

FILTERS = tuple(each.name for each in registry.FILTERS)
INTERVAL = {"glance_filters": {"config_check_interval": "0.2"}}

Conf = Mapping[str, Mapping[str, str]]


class ConfigChangesCase(testtools.TestCase):
    server: ClassVar[real_glance.Server]
    glance: ClassVar[real_glance.GlanceServer]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.glance = class_fixture.use(
            cls,
            real_glance.GlanceServer(
                FILTERS, workers=WORKERS, server=cls.server, conf=INTERVAL
            ),
        )

    def setUp(self) -> None:
        super().setUp()
        self.client = self.glance.client(auth.ADMIN)
        self.active = self.client.create_image(b"data")
        self.addCleanup(self.write, INTERVAL)

    def write(self, conf: Conf) -> None:
        """Write glance-api.conf anew, as an editor does."""
        folder = self.glance.folder
        text = glance_config.glance_api_conf(
            folder.root, folder.database.url, folder.paste, conf
        )
        new = Path(f"{folder.conf}.new")
        new.write_text(text)
        os.replace(new, folder.conf)

    def change(self, conf: Conf, words: str) -> None:
        """Change options, and wait until each worker has logged *words*."""
        start = len(self.glance.log)
        self.write({**INTERVAL, **conf})
        line = re.compile(rf"(\d+) \w+ glance_filters\..*{re.escape(words)}")
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            workers = set(line.findall(self.glance.log[start:]))
            if len(workers) == WORKERS:
                return
            self.assertLess(time.monotonic(), end, f"{words}: {workers}")
            # Whichever worker it comes to.
            self.ask()

    def replace(self) -> int:
        """Return how a change of locations ends."""
        operation: dict[str, Any] = {
            "op": "replace",
            "path": "/locations",
            "value": [],
        }
        return self.client.patch(self.active, operation).status

    def create(self) -> int:
        """Return how an image in a format of Glance's own is taken."""
        return self.client.send_json(
            "POST", "/v2/images", {"disk_format": "vdi"}
        ).status

    def upload(self) -> int:
        """Return how a qcow2 image is taken for a raw one."""
        image_id = self.client.create_image()
        return self.client.upload(image_id, disk_images.QCOW2).status

    def ask(self) -> tuple[int, int, int]:
        return self.replace(), self.create(), self.upload()

    def all_asked(self) -> set[tuple[int, int, int]]:
        """Return the answers of all workers, most likely."""
        return {self.ask() for _ in range(4)}

    @contextlib.contextmanager
    def traffic(self) -> Iterator[list[http_client.Response]]:
        """Read an image all the time; give what was answered."""
        answers: list[http_client.Response] = []
        done = threading.Event()

        def read() -> None:
            client = self.glance.client(auth.ADMIN)
            while not done.is_set():
                answers.append(client.download(self.active))

        with futures.ThreadPoolExecutor(2) as pool:
            readers = [pool.submit(read) for _ in range(2)]
            try:
                yield answers
            finally:
                done.set()
        for reader in readers:
            reader.result()

    def test_changes(self) -> None:
        """Each worker follows, and no request fails."""
        alone = self.ask()
        with self.traffic() as answers:
            for conf, words, expected in (
                (
                    {"location_guard": {"replace_statuses": "queued"}},
                    "replace_statuses: active,queued -> queued",
                    (409, 201, 204),
                ),
                (
                    {
                        "location_guard": {
                            "replace_statuses": "queued",
                            "enabled": "false",
                        }
                    },
                    "[location_guard] enabled: True -> False",
                    (alone[0], 201, 204),
                ),
                ({}, "[location_guard] enabled: False -> True", alone),
                (
                    {"disk_format_validator": {"disk_formats": "raw,qcow2"}},
                    "-> raw,qcow2",
                    (alone[0], 400, 204),
                ),
                ({}, "raw,qcow2 -> ", alone),
            ):
                self.change(conf, words)
                self.assertEqual({expected}, self.all_asked(), words)
        self.assertEqual(
            {(200, b"data")}, {(each.status, each.body) for each in answers}
        )

    @unittest.skipUnless(
        inspection.is_available(), "the extra inspect is not installed"
    )
    def test_inspection(self) -> None:
        for before, after, expected in (
            ("auto", "enforce", 415),
            ("enforce", "off", 204),
        ):
            self.change(
                {"disk_format_validator": {"inspect": after}},
                f"inspect: {before} -> {after}",
            )
            self.assertEqual(expected, self.upload())

    def test_wrong_values_change_nothing(self) -> None:
        before = self.ask()
        with self.traffic() as answers:
            self.change(
                {
                    "location_guard": {
                        "replace_statuses": "melted",
                        "enabled": "false",
                    }
                },
                "Keeping the former settings: [location_guard] "
                "replace_statuses",
            )
            self.assertEqual({before}, self.all_asked())
            self.change(
                {"location_guard": {"max_body_size": ""}},
                "Keeping the former settings: [location_guard] max_body_size",
            )
            self.assertEqual({before}, self.all_asked())
            self.change(
                {"location_guard": {"coordination_url": "redis://:s3cr3t@x"}},
                "a change needs a restart: [location_guard] coordination_url",
            )
            self.assertEqual({before}, self.all_asked())
        self.assertEqual({200}, {each.status for each in answers})
        self.assertNotIn("s3cr3t", self.glance.log)


@tests.nightly
class GunicornTest(ConfigChangesCase):
    server = real_glance.Server.GUNICORN


class UwsgiTest(ConfigChangesCase):
    server = real_glance.Server.UWSGI


del ConfigChangesCase
