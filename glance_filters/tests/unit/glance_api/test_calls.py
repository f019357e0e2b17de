# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import ast
import unittest
from importlib import util
from pathlib import Path

from glance_filters.glance_api import calls, matching
from glance_filters.tests.fixtures import optional

CALLS = {
    name: value
    for name, value in vars(calls).items()
    if isinstance(value, calls.ApiCall)
}

# Not in all of the releases that these tests run on.
NEWER = (calls.ADD_LOCATION,)


def glance_calls() -> set[tuple[str, str]]:
    """Return the method and the path of each call in Glance's router."""
    spec = util.find_spec("glance.api.v2.router")
    assert spec is not None and spec.origin is not None
    found = set()
    for node in ast.walk(ast.parse(Path(spec.origin).read_text())):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        named = {each.arg: each.value for each in node.keywords}
        if "conditions" in named:
            conditions = ast.literal_eval(named["conditions"])
            path = ast.literal_eval(node.args[0])
            found |= {(method, path) for method in conditions["method"]}
    return found


class CallsTest(unittest.TestCase):
    def test_names(self) -> None:
        """In counters and logs they are named as they are here."""
        for name, call in CALLS.items():
            self.assertEqual(name.lower(), call.action)

    @optional.needs("glance", "Glance")
    def test_each_is_a_call_of_glance(self) -> None:
        known = glance_calls()
        for call in CALLS.values():
            if call.method == calls.ANY_METHOD or call in NEWER:
                continue
            # Glance answers HEAD by a refusal, at the same path.
            method = "GET" if call.method == "HEAD" else call.method
            self.assertIn((method, call.path), known)

    def test_newer_ones(self) -> None:
        self.assertEqual("POST", calls.ADD_LOCATION.method)
        path = "/images/{image_id}/locations"
        self.assertEqual(path, calls.ADD_LOCATION.path)

    def test_those_outside_version_2(self) -> None:
        matcher = matching.CallMatcher(list(CALLS.values()))
        self.assertIn(calls.SHOW_VERSIONS.path, matcher.paths)
