# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any
from unittest import mock

import fixtures
import testtools
from oslo_config import cfg

from glance_filters.filters import (
    config_files,
    configuration,
    in_force,
    location_guard,
    shared,
)
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID

PATH = f"/v2/images/{IMAGE_ID}"
PATCH_TYPE = "application/openstack-images-v2.1-json-patch"
REMOVE = b'[{"op": "remove", "path": "/locations/0"}]'

OPTS = (
    cfg.IntOpt("size", default=1, mutable=True),
    cfg.StrOpt("key", default="", secret=True, mutable=True),
    cfg.StrOpt("url", default="a", secret=True),
    cfg.StrOpt("stats_host", mutable=True),
    cfg.PortOpt("stats_port", mutable=True),
)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class FollowTest(testtools.TestCase):
    """The options follow the files by themselves."""

    def setUp(self) -> None:
        super().setUp()
        folder = self.useFixture(fixtures.TempDir()).path
        self.path = os.path.join(folder, "service.conf")
        self.clock = Clock()
        self.logger = self.useFixture(fixtures.FakeLogger())
        self.prepared: list[Any] = []

    def write(self, text: str, group: str = "a_filter") -> None:
        """Write the file, some time ago."""
        with open(self.path, "w") as file:
            file.write(f"[{group}]\n{text}\n")
        # Each state is another one, and old enough to be taken at once.
        self.written = getattr(self, "written", 0) + 1
        os.utime(self.path, (self.written, self.written))

    def start(self, **section: str) -> in_force.InForce[Mapping[str, Any]]:
        """Return what is in force of a service that has read the file."""
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[self.path], default_config_dirs=[])
        return self.of(conf, **section)

    def of(
        self, conf: cfg.ConfigOpts, **section: str
    ) -> in_force.InForce[Mapping[str, Any]]:
        config = configuration.Configuration("a_filter", OPTS, section, conf)
        config.files = config_files.ConfigFiles(conf, config.opts, self.clock)

        def make(own: Mapping[str, Any]) -> Mapping[str, Any]:
            if own["size"] == 13:
                raise ValueError("size is an unlucky number")
            return own

        def prepare(settings: Mapping[str, Any]) -> None:
            if settings["size"] == 14:
                raise ValueError("size cannot be prepared")
            self.prepared.append(settings)

        made = in_force.InForce("a_filter", config, make, prepare)
        made.start()
        self.addCleanup(lambda: made.counters.close())
        return made

    def later(
        self, made: in_force.InForce[Mapping[str, Any]], seconds: float = 10
    ) -> Any:
        """Return the size that a request sees some time later."""
        self.clock.now += seconds
        if made.is_due():
            made.follow()
        return made.settings["size"]

    def test_follows(self) -> None:
        self.write("size = 2")
        made = self.start()
        self.assertEqual(2, self.later(made))
        prepared = len(self.prepared)
        for text, expected in (
            ("size = 3", 3),
            ("size = 3\nkey = x", 3),
            ("", 1),
            ("size = 4", 4),
        ):
            self.write(text)
            self.assertFalse(made.is_due())
            self.assertEqual(expected, self.later(made), text)
        self.assertEqual(4, len(self.prepared) - prepared)

    def test_what_concerns_others_changes_nothing(self) -> None:
        self.write("size = 2")
        made = self.start()
        self.later(made)
        prepared = list(self.prepared)
        output = self.logger.output
        self.write("size = 2\n[DEFAULT]\ndebug = true")
        self.assertEqual(2, self.later(made))
        self.assertEqual(prepared, self.prepared)
        self.assertEqual(output, self.logger.output)

    def test_what_is_told(self) -> None:
        self.write("size = 2\nkey = secret1\nurl = secret2")
        made = self.start()
        start = (
            "a_filter starts; not the default: [a_filter] size: 1 -> 2; "
            "[a_filter] key:  -> ****; [a_filter] url: a -> ****\n"
        )
        self.assertIn(start, self.logger.output)
        self.write("size = 3\nkey = secret3\nurl = secret2")
        self.later(made)
        self.assertIn(
            "a_filter: options changed: [a_filter] size: 2 -> 3; "
            "[a_filter] key: **** -> ****\n",
            self.logger.output,
        )
        self.write("size = 4", shared.GROUP)
        self.assertEqual(1, self.later(made))
        self.assertNotIn("secret", self.logger.output)

    def test_all_defaults(self) -> None:
        self.write("")
        self.start()
        self.assertIn("not the default: nothing\n", self.logger.output)

    def test_what_cannot_change(self) -> None:
        """It is told once for each change of the file."""
        self.write("url = b")
        made = self.start()
        warning = "a_filter: a change needs a restart: [a_filter] url\n"
        for text, url, times in (
            ("url = c\nsize = 2", "b", 1),
            ("url = c\nsize = 3", "b", 1),
            ("url = b\nsize = 4", "b", 1),
            ("url = d\nsize = 5", "b", 2),
        ):
            self.write(text)
            self.assertEqual(int(text[-1]), self.later(made), text)
            self.assertEqual(url, made.settings["url"])
            self.assertEqual(times, self.logger.output.count(warning), text)

    def test_the_interval_itself_cannot_change(self) -> None:
        self.write("config_check_interval = 10", shared.GROUP)
        made = self.start()
        self.write("config_check_interval = 99", shared.GROUP)
        self.later(made)
        self.assertIn(
            "needs a restart: [glance_filters] config_check_interval",
            self.logger.output,
        )
        self.assertFalse(made.is_due())
        self.clock.now += 10
        self.assertTrue(made.is_due())

    def test_wrong_files(self) -> None:
        """They change nothing, and are told once each."""
        self.write("size = 2")
        made = self.start()
        self.later(made)
        for number, text in enumerate(
            (
                "size = x",
                "size = 13",
                "size = 14",
                "key = y\nsize = 13",
                "what is this",
                "[",
                "size = $melted",
            ),
            1,
        ):
            self.write(text)
            before = made.settings, made.counters
            self.assertEqual(2, self.later(made), text)
            self.assertEqual(before, (made.settings, made.counters))
            self.later(made)
            self.assertIsNotNone(made.refused)
            count = self.logger.output.count("Keeping the former settings")
            self.assertEqual(number, count, text)
        self.write("size = 3")
        self.assertEqual(3, self.later(made))
        self.assertIsNone(made.refused)

    def test_a_file_that_is_gone(self) -> None:
        self.write("size = 2")
        made = self.start()
        os.unlink(self.path)
        self.assertEqual(2, self.later(made))
        self.assertIn(self.path, str(made.refused))
        self.write("size = 2")
        self.assertEqual(2, self.later(made))
        self.assertIsNone(made.refused)

    def test_what_the_service_sets_by_itself_stays(self) -> None:
        self.write("size = 2")
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[self.path], default_config_dirs=[])
        made = self.of(conf)
        conf.set_override("size", 7, "a_filter")
        self.write("size = 3")
        self.assertEqual(7, self.later(made))
        # And what belongs to the service is never touched.
        conf.clear_override("size", "a_filter")
        self.assertEqual(2, conf.a_filter.size)

    def test_the_section_stays(self) -> None:
        self.write("size = 2")
        made = self.start(size="5")
        self.write("size = 3")
        self.assertEqual(5, self.later(made))

    def test_never(self) -> None:
        self.write("config_check_interval = 0", shared.GROUP)
        made = self.start()
        self.write("size = 3")
        self.assertEqual(1, self.later(made, 1e9))

    def test_one_thread_at_a_time(self) -> None:
        """Others go on with what is in force."""
        self.write("size = 2")
        made = self.start()
        self.write("size = 3")
        seen = []

        def follow() -> None:
            made.follow()
            seen.append(made.settings)

        def prepare(settings: Any) -> None:
            thread = threading.Thread(target=follow)
            thread.start()
            thread.join()

        with mock.patch.object(made, "_prepare", prepare):
            self.assertEqual(3, self.later(made))
        [settings] = seen
        self.assertEqual(2, settings["size"])

    def test_fork_while_a_thread_follows(self) -> None:
        self.write("size = 2")
        made = self.start()
        self.write("size = 3")
        made._following[1].acquire()
        self.assertEqual(2, self.later(made))
        with mock.patch("os.getpid", return_value=-1):
            self.assertEqual(3, self.later(made))

    def test_counted(self) -> None:
        self.write("")
        made = self.start()
        made.counters = counted = mock.Mock()
        self.write("size = 13")
        self.later(made)
        counted.gauge.assert_called_once_with("reloads_refused", 1, delta=True)
        with mock.patch(
            "glance_filters.filters.counters.make", return_value=counted
        ):
            self.write("size = 3")
            self.later(made)
        counted.gauge.assert_called_with("reloads", 1, delta=True)

    def test_whole_or_not_at_all(self) -> None:
        self.write("")
        made = self.start()
        before = (made.settings, made.counters, made.drain_timeout)
        for text in ("size = 13", "size = 14", "stats_host = 127.0.0.1"):
            self.write(f"{text}\n[glance_filters]\ndrain_timeout = 1")
            with mock.patch.dict("sys.modules", {"statsd": None}):
                self.later(made)
            self.assertEqual(
                before, (made.settings, made.counters, made.drain_timeout)
            )
        self.write("drain_timeout = 1", shared.GROUP)
        self.later(made)
        self.assertEqual(1.0, made.drain_timeout)


class MutateTest(testtools.TestCase):
    """The options follow the files whenever oslo.config mutates them."""

    def setUp(self) -> None:
        super().setUp()
        folder = self.useFixture(fixtures.TempDir()).path
        self.path = os.path.join(folder, "service.conf")
        self.logger = self.useFixture(fixtures.FakeLogger())
        self.glance = fakes.Glance({"GET": fakes.image("saving")})
        self.addCleanup(lambda: self.assertEqual(0, self.glance.open_bodies))

    def write(self, text: str) -> None:
        with open(self.path, "w") as file:
            file.write(f"[location_guard]\n{text}\n")

    def guard(self, **section: str) -> Any:
        factory = location_guard.LocationGuard.factory(
            {}, oslo_config_project="x", oslo_config_file=self.path, **section
        )
        return factory(self.glance)

    def ask(self, guard: Any) -> int:
        environ = fakes.environ_of(
            "PATCH", PATH, REMOVE, CONTENT_TYPE=PATCH_TYPE
        )
        return fakes.call(guard, environ)[0]

    def test_reload(self) -> None:
        self.write("")
        guard = self.guard()
        self.assertEqual(409, self.ask(guard))
        for text, expected in (
            ("enabled = false", 200),
            ("enabled = true", 409),
            ("remove_statuses = saving", 200),
            ("remove_statuses = active", 409),
        ):
            self.write(text)
            guard._config.conf.mutate_config_files()
            self.assertEqual(expected, self.ask(guard), text)

    def test_a_wrong_value_changes_nothing(self) -> None:
        self.write("enabled = false")
        guard = self.guard()
        self.write("enabled = true\nremove_statuses = melted")
        guard._config.conf.mutate_config_files()
        self.assertEqual(200, self.ask(guard))
        # The name alone stands in what oslo.config itself logs.
        self.assertIn(
            "Keeping the former settings: [location_guard] remove_statuses",
            self.logger.output,
        )
        self.write("enabled = true\nremove_statuses = active")
        guard._config.conf.mutate_config_files()
        self.assertEqual(409, self.ask(guard))

    def test_the_section_stays(self) -> None:
        self.write("enabled = true")
        guard = self.guard(enabled="false")
        self.write("enabled = true\nmax_body_size = 7")
        guard._config.conf.mutate_config_files()
        self.assertEqual(200, self.ask(guard))

    def test_a_wrong_value_stops_the_start(self) -> None:
        self.write("add_statuses = melted")
        error = self.assertRaises(configuration.ConfigurationError, self.guard)
        self.assertIn("[location_guard] add_statuses", str(error))
        self.write("")
        for section, words in (
            ({"melted": "1"}, ("'melted'", "max_body_size")),
            ({"add_statuses": "melted"}, ("add_statuses = melted",)),
            ({"add_statuses": "active queued"}, ("add_statuses",)),
            ({"max_body_size": "0"}, ("max_body_size = 0",)),
            ({"max_body_size": "1 MiB"}, ("max_body_size = 1 MiB",)),
            ({"enabled": ""}, ("enabled",)),
        ):
            error = self.assertRaises(
                configuration.ConfigurationError, self.guard, **section
            )
            for word in ("[filter:location_guard]", *words):
                self.assertIn(word, str(error))
