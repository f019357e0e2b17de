# SPDX-License-Identifier: Apache-2.0

"""Tests. HYPOTHESIS_PROFILE says how long they may take.

With ``quick`` they are a few minutes' work. With ``long`` there are many more
examples and trials, and those tests that are only for the nightly run.

If GLANCE_FILTERS_TEST_PROXIED is set, all filters of the tests stand in front
of a plain Glance in another process, and end in the proxy.
"""

import os
import unittest
from collections.abc import Callable
from typing import Any

import hypothesis

from glance_filters.tests import strictness

# Neither a deadline nor a look at the clock while examples are made: on a busy
# machine these fail what is right.
_ANY_SPEED = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile(
    "quick", parent=_ANY_SPEED, max_examples=200, derandomize=True
)
hypothesis.settings.register_profile(
    "long", parent=_ANY_SPEED, max_examples=20000, print_blob=True
)
_PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
hypothesis.settings.load_profile(_PROFILE)
IS_LONG = _PROFILE == "long"

#: Decorates tests that are only for the nightly run.
nightly = unittest.skipUnless(IS_LONG, "only with HYPOTHESIS_PROFILE=long")

IS_PROXIED = "GLANCE_FILTERS_TEST_PROXIED" in os.environ


def in_process(reason: str) -> Callable[[Any], Any]:
    """Decorate what is about filters in the process of Glance.

    :param reason: why it cannot hold in front of another process
    """
    return unittest.skipIf(IS_PROXIED, f"not through the proxy: {reason}")


strictness.install()
