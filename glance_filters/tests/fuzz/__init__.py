# SPDX-License-Identifier: Apache-2.0

"""Inputs that are made up, against another reading of them.

``make test`` looks at some dozens of each. ``make fuzz`` goes on for as long
as it is told, with other ones each time, and counts them. What it finds
becomes a row in the tests of what was wrong.
"""

from __future__ import annotations

import collections

from glance_filters import tests

#: How many cases were judged, by what they are.
cases: collections.Counter[str] = collections.Counter()


def count(name: str) -> None:
    """Count one case."""
    cases[name] += 1


def examples(quick: int, long: int) -> int:
    """Return how many examples a test takes, in ``make test`` or once here.

    ``make fuzz`` runs it again and again.
    """
    return long if tests.IS_LONG else quick
