# SPDX-License-Identifier: Apache-2.0

"""Tests. The Hypothesis profile is chosen by HYPOTHESIS_PROFILE."""

import os

import hypothesis

hypothesis.settings.register_profile(
    "quick", max_examples=500, deadline=None, derandomize=True
)
hypothesis.settings.register_profile(
    "long", max_examples=20000, deadline=None, print_blob=True
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
