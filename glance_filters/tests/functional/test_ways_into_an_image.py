# SPDX-License-Identifier: Apache-2.0

"""The documentation tells of every way in which data gets into an image.

What Glance's entry points and routers have decides which ways there are; a
release that adds one fails here.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any
from unittest import mock

import routes
import testtools
from glance.api.middleware import cache_manage
from glance.api.v2 import images, router

from glance_filters import tests
from glance_filters.tests.fixtures import list_tables, real_glance

UPLOAD = "``PUT /v2/images/ID/file``"
STAGE = "``PUT /v2/images/ID/stage``"
IMPORT = "``POST /v2/images/ID/import``"
DIRECT = f"{IMPORT}, ``glance-direct``"
WEB = f"{IMPORT}, ``web-download``"
GLANCE = f"{IMPORT}, ``glance-download`` (from 2023.1 on)"
COPY = f"{IMPORT}, ``copy-image``"
TASK = "``POST /v2/tasks``, type ``import`` (administrators)"
PATCH = "``PATCH /v2/images/ID``, locations"
LOCATION = "``POST /v2/images/ID/locations`` (from 2024.2 on)"
CACHE = "``PUT /v2/cache/ID``, ``PUT /v2/queued_images/ID``"

# No data gets into an image that way; a plugin may change what is there.
NONE = ""

ENTRY_POINTS = {
    "glance.flows": {
        "api_image_import": DIRECT,
        "import": TASK,
        "location_import": LOCATION,
    },
    "glance.flows.import": dict.fromkeys(
        ("convert", "introspect", "ovf_process"), TASK
    ),
    "glance.image_import.internal_plugins": {
        "copy_image": COPY,
        "glance_download": GLANCE,
        "web_download": WEB,
    },
    "glance.image_import.plugins": dict.fromkeys(
        (
            *("image_conversion", "image_decompression"),
            *("inject_image_metadata", "no_op"),
        ),
        NONE,
    ),
}
METHODS = {
    "glance-direct": DIRECT,
    "web-download": WEB,
    "glance-download": GLANCE,
    "copy-image": COPY,
}
ROUTES = {
    ("PUT", "/images/{image_id}/file"): UPLOAD,
    ("PUT", "/images/{image_id}/stage"): STAGE,
    ("POST", "/images/{image_id}/import"): DIRECT,
    ("POST", "/tasks"): TASK,
    ("PATCH", "/images/{image_id}"): PATCH,
    ("POST", "/images/{image_id}/locations"): LOCATION,
    ("PUT", "/cache/{image_id}"): CACHE,
    ("PUT", "/v2/queued_images/{image_id}"): CACHE,
    **dict.fromkeys(
        (
            ("POST", "/images"),
            ("POST", "/images/{image_id}/actions/deactivate"),
            ("POST", "/images/{image_id}/actions/reactivate"),
            ("POST", "/images/{image_id}/members"),
            ("PUT", "/images/{image_id}/members/{member_id}"),
            ("PUT", "/images/{image_id}/tags/{tag_value}"),
            ("POST", "/cache/clean"),
            ("POST", "/cache/prune"),
        ),
        NONE,
    ),
}
# Methods that bring nothing.
HARMLESS = ("DELETE", "GET", "HEAD")


def bringing(mapper: Any) -> set[tuple[str, str]]:
    """Return what the routes of a mapper let a client send."""
    return {
        (method, route.routepath)
        for route in mapper.matchlist
        if not route.routepath.startswith("/metadefs")
        for method in (route.conditions or {}).get("method") or ()
        if method not in HARMLESS
    }


class WaysTest(testtools.TestCase):
    def test_entry_points(self) -> None:
        found = metadata.distribution("glance").entry_points
        for group, known in ENTRY_POINTS.items():
            names = {each.name for each in found if each.group == group}
            self.assertNotEqual(set(), names)
            self.assertEqual(set(), names - known.keys(), group)
        groups = {
            each.group
            for each in found
            if each.group.startswith(("glance.flows", "glance.image_import"))
        }
        self.assertEqual(ENTRY_POINTS.keys(), groups)

    def test_import_methods(self) -> None:
        [option] = [
            each
            for each in images.CONF._opts.values()
            if each["opt"].dest == "enabled_import_methods"
        ]
        opt = option["opt"]
        # Older releases take any.
        known = opt.type.item_type.choices or opt.default
        self.assertEqual(set(), set(known) - METHODS.keys())

    @tests.in_process("it is about the code of Glance")
    def test_routes(self) -> None:
        # It has read its configuration, as its controllers expect.
        self.useFixture(real_glance.RealGlance())
        mapper = routes.Mapper()
        router.API(mapper)
        # The controller wants a folder.
        with mock.patch.object(cache_manage.cached_images, "create_resource"):
            managed = cache_manage.CacheManageFilter(None)._mapper
        found = bringing(mapper) | bringing(managed)
        self.assertIn(("PUT", "/images/{image_id}/file"), found)
        self.assertEqual(set(), found - ROUTES.keys())

    def test_each_is_documented(self) -> None:
        ways = {*METHODS.values(), *ROUTES.values()}
        for known in ENTRY_POINTS.values():
            ways.update(known.values())
        rows = list_tables.rows("inspection", "Way")
        self.assertEqual(ways - {NONE}, {row[0] for row in rows})
        self.assertEqual({4}, {len(row) for row in rows})
