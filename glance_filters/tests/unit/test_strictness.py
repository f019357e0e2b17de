# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
import os
import socket
import threading
import unittest
import warnings
from collections.abc import Callable

import testtools

from glance_filters.tests import strictness


class Fails:
    def __del__(self) -> None:
        raise LookupError("in a destructor")


def leak() -> None:
    os.fdopen(os.open(os.devnull, os.O_RDONLY))


def leak_socket() -> None:
    socket.socket()


def run_thread() -> None:
    def fail() -> None:
        raise LookupError("in a thread")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def warn() -> None:
    module = strictness.__name__
    warnings.warn_explicit("old", DeprecationWarning, "file", 1, module)


class StrictnessTest(unittest.TestCase):
    def outcome(
        self, case: type[unittest.TestCase], body: Callable[[], object]
    ) -> str:
        """Run a test whose body is given; return what went wrong."""

        class Test(case):  # type: ignore[misc, valid-type]
            def test(self) -> None:
                body()

        result = unittest.TestResult()
        Test("test").run(result)
        return "".join(text for _, text in result.errors + result.failures)

    def test_each(self) -> None:
        for case in (unittest.TestCase, testtools.TestCase):
            for body, words in (
                (leak, "ResourceWarning: unclosed file"),
                (leak_socket, "ResourceWarning: unclosed <socket"),
                (run_thread, "LookupError: in a thread"),
                (Fails, "LookupError: in a destructor"),
                (warn, "DeprecationWarning: old"),
            ):
                with self.subTest(case=case, body=body):
                    self.assertIn(words, self.outcome(case, body))

    def test_good_ones_pass(self) -> None:
        for case in (unittest.TestCase, testtools.TestCase):
            self.assertEqual("", self.outcome(case, io.BytesIO))
