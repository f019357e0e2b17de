# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import contextlib
import threading
import unittest
from collections.abc import Iterator

from glance_filters.stores import sharing


class SharingTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.events: list[str] = []

    @contextlib.contextmanager
    def opener(self) -> Iterator[str]:
        self.events.append("open")
        try:
            yield "handle"
        finally:
            self.events.append("close")

    def read(self, key: str) -> None:
        with sharing.opened(key, self.opener) as handle:
            self.events.append(handle)

    def test_alone(self) -> None:
        self.read("a")
        self.read("a")
        self.assertEqual(["open", "handle", "close"] * 2, self.events)

    def test_shared(self) -> None:
        shared = sharing.Shared()
        with shared:
            self.read("a")
        with shared:
            self.read("a")
            self.read("b")
        self.assertEqual(
            ["open", "handle", "handle", "open", "handle"], self.events
        )
        shared.close()
        self.assertEqual(["close", "close"], self.events[-2:])
        shared.close()
        self.assertEqual(2, self.events.count("close"))
        # What is closed is not used again.
        self.events.clear()
        with shared:
            self.read("a")
        shared.close()
        self.assertEqual(["open", "handle", "close"], self.events)

    def test_not_used_any_more(self) -> None:
        shared = sharing.Shared()
        with shared:
            pass
        shared.close()
        self.read("a")
        self.assertEqual(["open", "handle", "close"], self.events)

    def test_another_thread(self) -> None:
        """A download shares nothing with another one."""
        shared = sharing.Shared()
        with shared:
            other = threading.Thread(target=self.read, args=("a",))
            other.start()
            other.join()
        self.assertEqual(["open", "handle", "close"], self.events)

    def test_a_failure_to_open_is_not_kept(self) -> None:
        @contextlib.contextmanager
        def failing() -> Iterator[str]:
            self.events.append("fail")
            raise OSError
            yield ""

        shared = sharing.Shared()
        for _ in range(2):
            with shared, self.assertRaises(OSError):
                sharing.opened("a", failing)
        self.assertEqual(["fail", "fail"], self.events)

    def test_a_failure_to_close_is_logged(self) -> None:
        @contextlib.contextmanager
        def failing() -> Iterator[str]:
            yield ""
            raise OSError("gone")

        shared = sharing.Shared()
        with shared:
            self.read("a")
            sharing.opened("b", failing)
        with self.assertLogs(sharing.LOG.logger, "WARNING") as logs:
            shared.close()
        self.assertIn("OSError: gone", logs.output[0])
        self.assertEqual(["open", "handle", "close"], self.events)
