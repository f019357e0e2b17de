# SPDX-License-Identifier: Apache-2.0

"""Each call of Glance that saves an image is guarded.

The calls are those of Glance's own router, and what they save is read in the
code of its controllers: so a release with another such call fails here.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any
from unittest import mock

import routes
import testtools
from glance.api.v2 import router

from glance_filters import tests
from glance_filters.filters.location_guard import changes
from glance_filters.tests.fixtures import real_glance

WRITING = frozenset(("POST", "PUT", "PATCH", "DELETE"))

# What saves an image's record, or deletes it.
SAVING = ("image_repo.save", "image_repo.remove", "set_property_atomic")

# Writing calls below an image that do not save it.
OTHERS = {
    ("POST", "/images/{image_id}/members"): "a member",
    ("PUT", "/images/{image_id}/members/{member_id}"): "a member",
    ("DELETE", "/images/{image_id}/members/{member_id}"): "a member",
    ("PUT", "/cache/{image_id}"): "the cache of this host",
    ("DELETE", "/cache/{image_id}"): "the cache of this host",
    ("DELETE", "/cached_images/{image_id}"): "the cache of this host",
    ("PUT", "/queued_images/{image_id}"): "the cache of this host",
    ("DELETE", "/queued_images/{image_id}"): "the cache of this host",
}


def writing_calls() -> dict[tuple[str, str], Any]:
    """Return the controller's method of each writing call of an image."""
    mapper = routes.Mapper()
    with mock.patch("glance.api.v2.router.wsgi.Router.__init__"):
        api = router.API.__new__(router.API)
        api.__init__(mapper)
    found = {}
    for route in mapper.matchlist:
        methods = (route.conditions or {}).get("method") or ()
        action = route.defaults.get("action")
        controller = getattr(
            route.defaults.get("controller"), "controller", None
        )
        for method in WRITING.intersection(methods):
            if "image_id" in route.routepath and action != "reject":
                found[method, route.routepath] = getattr(controller, action)
    return found


def saves(method: Any) -> bool:
    """Return True if a method of a controller saves an image."""
    owner = type(method.__self__)
    seen: set[str] = set()

    def calls(name: str) -> Iterator[str]:
        if name in seen or not hasattr(owner, name):
            return
        seen.add(name)
        code = inspect.unwrap(getattr(owner, name))
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
        except TypeError:
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                text = ast.unparse(node.func)
                yield text
                if text.startswith("self."):
                    yield from calls(text[len("self.") :])

    return any(text.endswith(SAVING) for text in calls(method.__name__))


@tests.in_process("it is about the code of Glance")
class GuardedCallsTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        # So that Glance is configured.
        self.useFixture(real_glance.RealGlance())
        self.calls = writing_calls()
        self.guarded = {
            (call.method, call.path): rule
            for call, rule in changes.RULES.items()
        }

    def test_each_is_guarded_or_saves_no_image(self) -> None:
        self.assertGreater(len(self.calls), 10)
        unknown = self.calls.keys() - self.guarded.keys() - OTHERS.keys()
        self.assertEqual(set(), unknown)

    def test_what_is_not_guarded_saves_no_image(self) -> None:
        for call, method in self.calls.items():
            if call not in self.guarded:
                self.assertFalse(saves(method), call)

    def test_what_saves_is_found(self) -> None:
        """Else the test before could not fail."""
        for call in (
            ("PATCH", "/images/{image_id}"),
            ("PUT", "/images/{image_id}/tags/{tag_value}"),
            ("PUT", "/images/{image_id}/file"),
            ("POST", "/images/{image_id}/actions/deactivate"),
        ):
            self.assertTrue(saves(self.calls[call]), call)
