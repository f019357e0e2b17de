# SPDX-License-Identifier: Apache-2.0

"""Errors that unittest does not see fail the test in which they happen.

These are: a warning about this package's code, something that was not closed
(ResourceWarning), an exception in a destructor, and one that ends a thread.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
import unittest
import warnings
from typing import Any

from glance_filters.tests.fixtures import glance_config

# The files of Glance's stores, and those in which webob keeps a form, are left
# to the garbage collector. So is the response of a store's HTTP server whose
# data nobody reads; the socket is closed then, but Python 3.13 warns.
_NOT_OURS = (
    r"unclosed (file <_io\.(BufferedReader .*/stores/"
    r"|(BufferedRandom|FileIO) name=\d)|<socket\.socket \[closed\])"
)

_unseen: list[str] = []


def install() -> None:
    """Make tests strict, in this process."""
    sys.unraisablehook = _note
    threading.excepthook = _note
    # The base of each setUp: what it registers is cleaned up last.
    unittest.TestCase.setUp = _watch  # type: ignore[assignment, method-assign]


def _watch(test: unittest.TestCase) -> None:
    # What a test runner sets comes before what was set on import.
    filters = warnings.catch_warnings()
    filters.__enter__()
    warnings.filterwarnings("error", module="glance_filters")
    warnings.simplefilter("error", ResourceWarning)
    warnings.filterwarnings("ignore", _NOT_OURS, ResourceWarning)
    if glance_config.STORES_KEY in os.environ:
        # Nor does the driver of S3 close what Glance does not read.
        warnings.filterwarnings("ignore", "unclosed <socket", ResourceWarning)
    test.addCleanup(_check)
    test.addCleanup(filters.__exit__, None, None, None)


def _note(told: Any) -> None:
    if told.exc_type is SystemExit:
        return
    lines = traceback.format_exception(
        told.exc_type, told.exc_value, told.exc_traceback
    )
    subject = getattr(told, "object", None) or getattr(told, "thread", None)
    _unseen.append(f"{subject!r}:\n{''.join(lines)}")


def _check() -> None:
    unseen = "\n".join(_unseen)
    _unseen.clear()
    if unseen:
        raise AssertionError(f"Not seen by the test:\n{unseen}")
