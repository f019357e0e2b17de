# SPDX-License-Identifier: Apache-2.0

"""Tests for the look at a path before the router is asked."""

from __future__ import annotations

import testtools

from glance_filters.filters import (
    disk_format_validator,
    location_guard,
    metadef_overlay,
    range_translator,
)
from glance_filters.glance_api import api_calls, prefilter

IMAGE = "/v2/images/71c675ab-d94f-49cd-a114-e12490b328d9"


class PathFilterTest(testtools.TestCase):
    routes = prefilter.PathFilter(
        (
            ("POST", "/images"),
            ("GET", "/schemas/image"),
            ("GET", "/schemas/images"),
            ("GET", "/images/{image_id}/file"),
            ("PATCH", "/images/{image_id}"),
        )
    )

    def test_marks(self) -> None:
        self.assertEqual(
            {
                "POST": ("/images",),
                "GET": ("/schemas/", "/file"),
                "PATCH": ("/images/",),
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
            self.assertFalse(self.routes.may_match(method, path), path)

    def test_each_call_of_a_filter_holds_a_mark(self) -> None:
        for filter_class in (
            disk_format_validator.DiskFormatValidator,
            location_guard.LocationGuard,
            metadef_overlay.MetadefOverlay,
            range_translator.RangeTranslator,
        ):
            marks = api_calls.CallMatcher(filter_class.calls).marks
            for call in filter_class.calls:
                held = [m for m in marks[call.method] if m in call.path]
                self.assertNotEqual([], held, call)
