# SPDX-License-Identifier: Apache-2.0

"""Tests for the look at a path before the router is asked."""

from __future__ import annotations

import testtools

from glance_filters.filters import registry
from glance_filters.glance_api import calls, matching, prefilter

IMAGE = "/v2/images/71c675ab-d94f-49cd-a114-e12490b328d9"


class PathFilterTest(testtools.TestCase):
    routes = prefilter.PathFilter(
        (
            ("POST", "/images"),
            ("GET", "/schemas/image"),
            ("GET", "/schemas/images"),
            ("GET", "/images/{image_id}/file"),
            ("PATCH", "/images/{image_id}"),
            ("PUT", "/a/{name}/b/{name}/c"),
        )
    )

    def test_marks(self) -> None:
        self.assertEqual(
            {
                "POST": ("/images",),
                "GET": ("/schemas/", "/file"),
                "PATCH": ("/images/",),
                "PUT": ("/c",),
            },
            self.routes.marks,
        )

    def test_paths_that_may_match(self) -> None:
        for method, path in (
            ("POST", "/v2/images"),
            ("POST", "//v2.9///images\n"),
            ("POST", "/images/"),
            ("GET", "/mount/v2/schemas//image"),
            ("GET", f"{IMAGE}/file\n"),
            ("GET", "http://host/v2/images//ID//file"),
            ("PATCH", IMAGE),
            ("PATCH", f"{IMAGE}\n\n"),
        ):
            self.assertTrue(self.routes.may_match(method, path), path)

    def test_paths_that_cannot_match(self) -> None:
        for method, path in (
            ("POST", f"{IMAGE}/members"),
            ("POST", "/v2/imagesque"),
            ("GET", "/v2/images"),
            ("GET", "/v2/schemas/images/x"),
            ("GET", IMAGE),
            ("DELETE", IMAGE),
        ):
            self.assertIs(False, self.routes.may_match(method, path), path)

    def test_each_call_of_a_filter_holds_a_mark(self) -> None:
        for filter_class in registry.FILTERS:
            marks = matching.CallMatcher(filter_class.api_calls).marks
            for call in filter_class.api_calls:
                if call.method == calls.ANY_METHOD:
                    continue
                held = [m for m in marks[call.method] if m in call.path]
                self.assertNotEqual([], held, call)
