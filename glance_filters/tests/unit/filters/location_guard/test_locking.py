# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os
import tempfile
import threading
import time
import unittest
from typing import Any
from unittest import mock

from oslo_config import cfg

from glance_filters import errors, locks
from glance_filters.filters import configuration, counters
from glance_filters.filters.location_guard import locking, options
from glance_filters.glance_api import calls, images, matching, request
from glance_filters.tests.unit import fakes

DEFAULT_PLACE = f"file://{tempfile.gettempdir()}/glance-filters-{os.geteuid()}"


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

    def configure(self, url: str, timeout: float = 0.05) -> None:
        values = counters.without(
            {opt.dest: opt.default for opt in options.OPTS}
        )
        values.update(coordination_url=url, lock_timeout=timeout)
        self.locking.configure(options.LocationGuardSettings(**values))

    def hold(
        self,
        image_id: str,
        is_required: bool = True,
        project: str | None = None,
        is_patch: bool = True,
    ) -> locking.HeldImage:
        environ = fakes.environ_of("PATCH", f"/v2/images/{image_id}")
        if project:
            environ["HTTP_X_PROJECT_ID"] = project
        match = self.matcher.match(environ)
        assert match is not None
        glance = fakes.Glance({"GET": fakes.image("active")})
        made = request.Request(glance, environ, match, "x")
        held = self.locking.hold(made, is_required, is_patch)
        self.addCleanup(held.release)
        return held

    def test_one_at_a_time(self) -> None:
        self.configure(self.url)
        held = self.hold("a")
        self.assertEqual("active", held.image.status)
        for is_required in (True, False):
            with self.assertRaises(errors.ImageBusy) as caught:
                self.hold("a", is_required)
            self.assertIn("Image a is", str(caught.exception))
        self.hold("b")
        held.release()
        held.release()
        self.hold("a").release()
        held.acquire_again()
        with self.assertRaises(errors.ImageBusy):
            self.hold("a")

    def test_one_stranger_at_a_time_is_in_the_way(self) -> None:
        self.configure(self.url, 30)
        waiting: list[str] = []
        acquire = self.locking.made.acquire

        def watched(name: str, *rest: Any) -> locks.Held:
            waiting.append(name)
            return acquire(name, *rest)

        def stranger() -> None:
            self.hold("a", project="other", is_patch=False).release()

        held = self.hold("a")
        with mock.patch.object(self.locking.made, "acquire", watched):
            threads = [threading.Thread(target=stranger) for _ in range(4)]
            for thread in threads:
                thread.start()
            while waiting.count("a stranger") < 4 or "a" not in waiting:
                time.sleep(0.001)
            # All but one of them wait for each other.
            self.assertEqual(1, waiting.count("a"))
            held.release()
            # They get it all the same.
            for thread in threads:
                thread.join()
        self.assertEqual(4, waiting.count("a"))
        self.hold("a").release()

    def test_all_waits_of_a_request_have_one_end(self) -> None:
        self.configure(self.url, 30)
        deadlines: list[Any] = []
        acquire = self.locking.made.acquire

        def watched(name: str, patient: bool, deadline: Any) -> locks.Held:
            deadlines.append(deadline)
            return acquire(name, patient, deadline)

        held = self.locking.made.acquire("a")
        with mock.patch.object(self.locking.made, "acquire", watched):
            thread = threading.Thread(
                target=lambda: self.hold(
                    "a", project="other", is_patch=False
                ).release()
            )
            thread.start()
            while len(deadlines) < 2:
                time.sleep(0.001)
            held.release()
            thread.join()
        self.assertEqual(1, len(set(deadlines)))
        self.assertIsNotNone(deadlines[0])

    def test_the_end_of_an_upload_does_not_ask_all_the_time(self) -> None:
        """Whatever lock_timeout is: it would keep all others from running."""
        waits: list[float] = []

        def acquire(name: str, patient: bool, deadline: float) -> Any:
            waits.append(deadline - time.monotonic())
            if len(waits) < 3:
                raise locks.LockTimeout("held")
            return mock.MagicMock()

        for timeout, longest in ((0, 10), (3, 10), (60, 60)):
            vars(self.locking).pop("made", None)
            self.configure(self.url, timeout)
            held = self.hold("a")
            held.release()
            waits.clear()
            with mock.patch.object(self.locking.made, "acquire", acquire):
                with self.assertLogs(level="WARNING"):
                    held.acquire_again()
            # However long the machine stops in between.
            self.assertEqual(3, len(waits))
            self.assertTrue(all(longest / 2 < wait for wait in waits), waits)

    def test_no_lock_is_left(self) -> None:
        """Whatever Glance answers."""
        self.configure(self.url)
        for answer, error in (
            (fakes.Answer("404 Not Found"), images.ImageHidden),
            (fakes.Answer("500 Error"), errors.ImageUnknown),
        ):
            environ = fakes.environ_of("PATCH", "/v2/images/a")
            match = self.matcher.match(environ)
            assert match is not None
            glance = fakes.Glance({"GET": answer})
            made = request.Request(glance, environ, match, "x")
            with self.assertRaises(error):
                self.locking.hold(made, True, is_patch=True)
            # Nor of one for which it had to wait.
            hidden = fakes.Glance({"GET": fakes.image("active")})
            calls_ = iter([fakes.image("active"), answer])

            def app(
                environ: Any,
                start_response: Any,
                hidden: Any = hidden,
                calls_: Any = calls_,
            ) -> Any:
                hidden.answers["GET"] = next(calls_)
                return hidden(environ, start_response)

            made = request.Request(app, environ, match, "x")
            with mock.patch.object(
                self.locking, "try_acquire", return_value=None
            ):
                with self.assertRaises(error):
                    self.locking.hold(made, True, is_patch=True)
            self.hold("a").release()

    def test_no_lock_to_be_had(self) -> None:
        with open(f"{self.folder.name}/locks", "w"):
            pass
        with self.assertLogs(level="WARNING"):
            self.configure(self.url)
        with self.assertLogs(locking.LOG.logger, "DEBUG"):
            with self.assertRaises(errors.LocksUnavailable):
                self.hold("a")
            held = self.hold("a", False)
            self.assertEqual("active", held.image.status)
            held.acquire_again()

    def test_too_many_who_try(self) -> None:
        self.configure(self.url)
        with mock.patch.object(
            self.locking.made,
            "try_acquire",
            side_effect=locks.LockTimeout("too many"),
        ):
            self.assertIsNone(self.locking.try_acquire("a"))

    def test_wrong_url(self) -> None:
        for url in ("nonsense", "file://relative/path", "nonsense://host"):
            with self.assertRaisesRegex(ValueError, "coordination_url"):
                self.configure(url, 1)

    def test_configured_once(self) -> None:
        """Those that are held must stay valid."""
        with mock.patch.object(locks, "ImageLocks") as made:
            self.configure(self.url, 1)
            self.configure("", 2)
            self.assertEqual(1, made.call_count)

    def place(self, url: str = options.DEFAULT_URL) -> str:
        with mock.patch.object(locks, "ImageLocks") as made:
            self.configure(url, 1)
        place: str = made.call_args.args[0]
        return place

    def test_default_folder(self) -> None:
        self.assertEqual(DEFAULT_PLACE, self.place())

    def test_capitals(self) -> None:
        for url, expected in (
            ("FILE://", DEFAULT_PLACE),
            ("File:///Locks", "file:///Locks"),
            ("REDIS://:Secret@Host", "redis://:Secret@Host"),
        ):
            with self.subTest(url):
                vars(self.locking).pop("made", None)
                self.assertEqual(expected, self.place(url))

    def test_default_folder_of_a_service_with_locks(self) -> None:
        opt = cfg.StrOpt("lock_path", default="/var/lib/x")
        self.conf.register_opt(opt, "oslo_concurrency")
        self.assertEqual("file:///var/lib/x/glance-filters", self.place())

    def test_database(self) -> None:
        with self.assertRaisesRegex(ValueError, "connection is not set"):
            self.configure(options.DATABASE_URL)
        self.conf.register_opt(cfg.StrOpt("connection"), "database")
        for connection, expected in (
            ("mysql+pymysql://u:p@h/glance", "mysql+pymysql://u:p@h/glance"),
            ("sqlite:////var/lib/glance.sqlite", DEFAULT_PLACE),
        ):
            self.conf.set_override("connection", connection, "database")
            vars(self.locking).pop("made", None)
            self.assertEqual(expected, self.place(options.DATABASE_URL))
