# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os
import tempfile
import unittest
from collections.abc import Callable
from unittest import mock

from oslo_config import cfg

from glance_filters import errors, locks
from glance_filters.filters import configuration
from glance_filters.filters.location_guard import locking, options
from glance_filters.glance_api import calls, matching, request
from glance_filters.tests.unit import fakes


class ImageLockingTest(unittest.TestCase):
    def setUp(self) -> None:
        self.conf = cfg.ConfigOpts()
        self.conf([])
        with mock.patch.object(cfg, "CONF", self.conf):
            config = configuration.Configuration("x", [], {})
        self.locking = locking.ImageLocking(config)
        self.matcher = matching.CallMatcher(
            (calls.UPDATE_IMAGE, calls.DELETE_IMAGE)
        )
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.url = f"file://{self.folder.name}/locks"

    def lock(
        self, image_id: str, is_required: bool = True, method: str = "PATCH"
    ) -> Callable[[], None] | None:
        path = f"/v2/images/{image_id}"
        environ = fakes.environ_of(method, path)
        match = self.matcher.match(environ)
        assert match is not None
        made = request.Request(fakes.Core(), environ, match, "x")
        is_proxied = match.call == calls.DELETE_IMAGE
        release = self.locking.lock(made, is_proxied, is_required)
        if release is not None:
            self.addCleanup(release)
        return release

    def test_one_at_a_time(self) -> None:
        self.locking.configure(self.url, 0.05)
        release = self.lock("a")
        assert release is not None
        for is_required in (True, False):
            with self.assertRaises(errors.ImageBusy) as caught:
                self.lock("a", is_required)
            self.assertIn("Image a is", str(caught.exception))
        self.assertIsNotNone(self.lock("b"))
        release()
        release()
        self.assertIsNotNone(self.lock("a"))

    def test_what_is_refused_leaves_no_lock(self) -> None:
        self.locking.configure(self.url, 0.05)
        release = self.lock("c")
        assert release is not None
        for _ in range(2):
            with self.assertRaises(errors.ImageBusy):
                self.lock("c", method="DELETE")
        release()
        self.assertIsNotNone(self.lock("c", method="DELETE"))
        # It is taken for one that the first waits for.
        self.assertIsNone(self.lock("c", method="DELETE"))

    def test_ids_are_text(self) -> None:
        """They come in the environ's encoding."""
        self.locking.configure(self.url, 0.05)
        name = "\u00e9".encode().decode("latin-1")
        with mock.patch.object(locks.ImageLocks, "acquire") as acquire:
            self.lock(name)
            self.lock("\xff")
        names = [call.args[0] for call in acquire.call_args_list]
        self.assertEqual(["\u00e9", "\ufffd"], names)

    def test_no_lock_to_be_had(self) -> None:
        with open(f"{self.folder.name}/locks", "w"):
            pass
        self.locking.configure(self.url, 0.05)
        with self.assertLogs(locking.LOG.logger, "WARNING"):
            with self.assertRaises(errors.LocksUnavailable):
                self.lock("a")
            for method in ("PATCH", "DELETE"):
                self.assertIsNotNone(self.lock("a", False, method))

    def test_wrong_url(self) -> None:
        for url in ("nonsense", "file://relative/path", "nonsense://host"):
            with self.assertRaisesRegex(ValueError, "coordination_url"):
                self.locking.configure(url, 1)

    def test_configured_once(self) -> None:
        """Those that are held must stay valid."""
        with mock.patch.object(locks, "ImageLocks") as made:
            self.locking.configure(self.url, 1)
            self.locking.configure("", 2)
            self.assertEqual(1, made.call_count)

    def place(self) -> str:
        with mock.patch.object(locks, "ImageLocks") as made:
            self.locking.configure(options.DEFAULT_URL, 1)
        place: str = made.call_args.args[0]
        return place

    def test_default_folder(self) -> None:
        folder = f"{tempfile.gettempdir()}/glance-filters-{os.geteuid()}"
        self.assertEqual(f"file://{folder}", self.place())

    def test_default_folder_of_a_service_with_locks(self) -> None:
        opt = cfg.StrOpt("lock_path", default="/var/lib/x")
        self.conf.register_opt(opt, "oslo_concurrency")
        self.assertEqual("file:///var/lib/x/glance-filters", self.place())
