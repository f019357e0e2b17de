# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from unittest import mock

import fixtures
import testtools
from oslo_config import cfg

from glance_filters import errors
from glance_filters.filters import base, configuration, location_guard
from glance_filters.glance_api import calls
from glance_filters.glance_api.request import Request
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID

PATH = f"/v2/images/{IMAGE_ID}"
PATCH_TYPE = "application/openstack-images-v2.1-json-patch"
REMOVE = b'[{"op": "remove", "path": "/locations/0"}]'


class Unread:
    """A request body that nobody may touch."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} of the request body")


@dataclass(frozen=True)
class FakeSettings:
    enabled: bool
    size: int

    def __post_init__(self) -> None:
        if self.size == 13:
            raise ValueError("size is an unlucky number")


class FakeFilter(base.Filter[FakeSettings]):
    """Does with a request what the test tells it to."""

    name = "fake_filter"
    opts = (
        cfg.BoolOpt("enabled", default=True, mutable=True),
        cfg.IntOpt("size", default=1, mutable=True),
    )
    api_calls = (calls.UPDATE_IMAGE, calls.SHOW_VERSIONS)
    error: Exception | None = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.handled: list[tuple[Request, FakeSettings]] = []
        self.prepared: list[FakeSettings] = []

    @classmethod
    def make_settings(cls, values: Any, config: Any) -> FakeSettings:
        return FakeSettings(**values)

    def prepare(self, settings: FakeSettings) -> None:
        if settings.size == 14:
            raise ValueError("size cannot be prepared")
        self.prepared.append(settings)

    def handle(self, request: Request, settings: FakeSettings) -> Any:
        self.handled.append((request, settings))
        if self.error is not None:
            raise self.error
        return None


def fake_filter(app: Any, **section: str) -> FakeFilter:
    fake = FakeFilter.factory({"here": "/", "debug": "x"}, **section)(app)
    assert isinstance(fake, FakeFilter)
    return fake


class HandleTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.glance = fakes.Glance()
        self.addCleanup(lambda: self.assertEqual(0, self.glance.open_bodies))

    def test_which_requests(self) -> None:
        for method, path, query, ours in (
            ("PATCH", PATH, "", True),
            ("PATCH", f"//v2/images//{IMAGE_ID}", "", True),
            ("GET", PATH, "_method=PATCH", True),
            ("XYZ", PATH, "a=b&_method=patch", True),
            ("PATCH", PATH, "_method=GET", False),
            ("GET", PATH, "", False),
            ("patch", PATH, "", False),
            ("PATCH", "/v2/images", "", False),
        ):
            fake = fake_filter(self.glance)
            environ = fakes.environ_of(method, path, QUERY_STRING=query)
            self.assertEqual(200, fakes.call(fake, environ)[0])
            found = [each.match.variables for each, _ in fake.handled]
            expected = [{"image_id": IMAGE_ID}] if ours else []
            self.assertEqual(expected, found, f"{method} {path} {query}")
        # Each of them was answered by Glance.
        self.assertEqual(8, len(self.glance.asked))

    def test_what_a_server_may_leave_out(self) -> None:
        for method, path, key, ours in (
            ("PATCH", PATH, "QUERY_STRING", True),
            ("GET", PATH, "QUERY_STRING", False),
            # It is the root then, which is about the versions.
            ("PATCH", PATH, "PATH_INFO", True),
            ("XYZ", PATH, "QUERY_STRING", False),
        ):
            passed = mock.Mock()
            fake = FakeFilter.factory({})(passed)
            environ = fakes.environ_of(method, path)
            del environ[key]
            fake(environ, mock.Mock())
            passed.assert_called_once()
            handled = vars(fake)["handled"]
            self.assertEqual(ours, bool(handled), f"{method} {key}")

    def test_settings(self) -> None:
        fake = fake_filter(self.glance, size="7")
        fakes.call(fake, fakes.environ_of("PATCH", PATH))
        ((_, settings),) = fake.handled
        self.assertEqual(FakeSettings(True, 7), settings)
        fake = fake_filter(self.glance, enabled="0")
        fakes.call(fake, fakes.environ_of("PATCH", PATH))
        self.assertEqual([], fake.handled)

    def test_settings_that_contradict_each_other(self) -> None:
        error = self.assertRaises(
            configuration.ConfigurationError,
            fake_filter,
            self.glance,
            size="13",
        )
        self.assertEqual("[fake_filter] size is an unlucky number", str(error))

    def test_refusal(self) -> None:
        fake = fake_filter(self.glance)
        fake.error = errors.BodyTooLarge(7)
        code, _, body = fakes.call(fake, fakes.environ_of("PATCH", PATH))
        self.assertEqual(413, code)
        self.assertIn(b"limit of 7 bytes", body)
        self.assertEqual([], self.glance.asked)

    def test_other_errors_are_the_servers(self) -> None:
        fake = fake_filter(self.glance)
        fake.error = KeyError("a mistake")
        self.assertRaises(
            KeyError, fake, fakes.environ_of("PATCH", PATH), lambda *args: None
        )

    def test_glances_own_errors_are_not_ours(self) -> None:
        def app(environ: Any, start_response: Any) -> Any:
            raise errors.BodyTooLarge(7)

        for method in ("PATCH", "GET"):
            self.assertRaises(
                errors.BodyTooLarge,
                fake_filter(app),
                fakes.environ_of(method, PATH),
                lambda *args: None,
            )


class StartTest(testtools.TestCase):
    def test_twice_in_a_pipeline(self) -> None:
        """The outer one acts; the inner one would wait for its lock."""
        logger = self.useFixture(fixtures.FakeLogger())
        glance = fakes.Glance()
        inner = fake_filter(glance)
        self.assertNotIn("twice", logger.output)
        # However a middleware calls what is behind it.
        names = ("_app", "app", "application", "_application")
        for count, name in enumerate(names, 1):
            made = type("Middleware", (), {"__call__": lambda *_: None})()
            setattr(made, name, inner)
            fake_filter(made)
            self.assertEqual(count, logger.output.count("twice"), name)
        outer = fake_filter(inner)
        self.assertIn("fake_filter is in the pipeline twice", logger.output)
        fakes.call(outer, fakes.environ_of("PATCH", PATH))
        self.assertEqual((1, 0), (len(outer.handled), len(inner.handled)))
        self.assertEqual(1, len(glance.asked))

    def test_pipeline_that_is_a_circle(self) -> None:
        first = fake_filter(fakes.Glance())
        first._app = first
        self.assertEqual(1, len(list(base._behind(first))))

    def test_what_cannot_be_prepared_stops_the_start(self) -> None:
        error = self.assertRaises(
            configuration.ConfigurationError,
            fake_filter,
            fakes.Glance(),
            size="14",
        )
        self.assertEqual("[fake_filter] size cannot be prepared", str(error))


class DrainTest(testtools.TestCase):
    """A client that is still sending has to see the refusal."""

    def left(self, **section: str) -> int:
        fake = fake_filter(fakes.Glance(), **section)
        fake.error = errors.BodyTooLarge(7)
        body = bytes(5_000_000)
        environ = fakes.environ_of("PATCH", PATH, body)
        stream = environ["wsgi.input"]
        self.assertEqual(413, fakes.call(fake, environ)[0])
        return len(body) - int(stream.tell())

    def test_rest_of_the_body_is_read(self) -> None:
        self.assertEqual(0, self.left())

    def test_switched_off(self) -> None:
        self.assertEqual(5_000_000, self.left(drain_timeout="0"))


class FollowTest(testtools.TestCase):
    """Files are looked at on requests of the filter's own, and no others."""

    def setUp(self) -> None:
        super().setUp()
        self.glance = fakes.Glance()

    def follow(self, fake: FakeFilter, is_due: bool = True) -> mock.Mock:
        """Make it time to look, for good; return what is called then."""
        followed = mock.Mock()
        for name, value in (
            ("is_due", mock.Mock(return_value=is_due)),
            ("follow", followed),
        ):
            self.useFixture(
                fixtures.MockPatchObject(fake._in_force, name, value)
            )
        return followed

    def test_which_requests(self) -> None:
        for section in ({}, {"enabled": "false"}):
            for method, path, is_due, times in (
                ("PATCH", PATH, True, 1),
                ("PATCH", PATH, False, 0),
                ("GET", PATH, True, 0),
                # It only looks like one of ours.
                ("PATCH", f"{PATH}/images/x", True, 0),
            ):
                fake = fake_filter(self.glance, **section)
                followed = self.follow(fake, is_due)
                fakes.call(fake, fakes.environ_of(method, path))
                self.assertEqual(times, followed.call_count, f"{path}")
                is_ours = (method, path) == ("PATCH", PATH) and not section
                self.assertEqual(is_ours, bool(fake.handled))

    def test_the_request_has_the_new_settings(self) -> None:
        for section, size in (({}, 2), ({"enabled": "false"}, 3)):
            fake = fake_filter(self.glance, **section)

            def change(fake: FakeFilter = fake, size: int = size) -> None:
                fake._in_force.settings = FakeSettings(True, size)

            self.follow(fake).side_effect = change
            fakes.call(fake, fakes.environ_of("PATCH", PATH))
            [(_, settings)] = fake.handled
            self.assertEqual(FakeSettings(True, size), settings)

    def test_disabled_filter_looks_at_no_request(self) -> None:
        fake = fake_filter(self.glance, enabled="false")
        matcher = fixtures.MockPatchObject(fake, "_matcher")
        self.useFixture(matcher)
        fakes.call(fake, fakes.environ_of("PATCH", PATH))
        matcher.mock.match.assert_not_called()

    def test_disabled_filter_refuses_nothing(self) -> None:
        """Not even what no filter can read."""
        fake = fake_filter(self.glance, enabled="false")
        self.follow(fake)
        environ = fakes.environ_of("PATCH", "/v2/images/\xff")
        self.assertEqual(200, fakes.call(fake, environ)[0])
        fake = fake_filter(self.glance)
        environ = fakes.environ_of("PATCH", "/v2/images/\xff")
        self.assertEqual(400, fakes.call(fake, environ)[0])


class PassThroughTest(testtools.TestCase):
    def test_no_body_is_touched(self) -> None:
        """Nor one of a request whose query says it is another."""

        def app(*arguments: Any) -> list[bytes]:
            return [b"x"]

        factory = location_guard.LocationGuard.factory
        for section, method, path, query in (
            ({}, "PUT", f"{PATH}/members/a", ""),
            ({}, "POST", "/v2/images", ""),
            ({}, "PATCH", PATH, "_method=GET"),
            ({}, "GET", "/v2/images", "_method=PATCH"),
            ({"enabled": "false"}, "PATCH", PATH, ""),
            ({"enabled": "false"}, "POST", f"{PATH}/locations", ""),
        ):
            environ = fakes.environ_of(
                method, path, REMOVE, QUERY_STRING=query
            )
            environ["CONTENT_TYPE"] = PATCH_TYPE
            environ["wsgi.input"] = Unread()
            before = dict(environ)
            start_response: Any = object()
            guard = factory({}, **section)(app)
            self.assertEqual([b"x"], guard(environ, start_response))
            self.assertEqual(before, environ)

    def test_nothing_is_touched(self) -> None:
        answer: list[bytes] = [b"x"]
        seen: list[Any] = []

        def app(*arguments: Any) -> list[bytes]:
            seen.append(arguments)
            return answer

        guard = location_guard.LocationGuard.factory({})(app)
        for method, path in (
            ("GET", "/v2/images"),
            ("GET", PATH),
            ("PUT", f"{PATH}/members/a"),
            ("POST", "/v2/images"),
            ("DELETE", f"{PATH}/members/a"),
            ("PATCH", "/v2/metadefs/namespaces/x"),
        ):
            environ: Any = {"REQUEST_METHOD": method, "PATH_INFO": path}
            before = dict(environ)
            start_response: Any = object()
            seen.clear()
            self.assertIs(answer, guard(environ, start_response))
            ((found, start),) = seen
            self.assertIs(environ, found)
            self.assertIs(start_response, start)
            self.assertEqual(before, environ)
