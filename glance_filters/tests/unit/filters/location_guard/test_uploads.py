# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any
from unittest import mock

import webob
import webob.exc

from glance_filters import locks
from glance_filters.filters import base, location_guard
from glance_filters.filters.location_guard import locking
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID
from glance_filters.tests.unit.filters.location_guard.cases import (
    PATH,
    GuardTestCase,
    make_lock_file,
)


class UploadTest(GuardTestCase):
    """The lock is held at the beginning and at the end, not between."""

    DATA = b"data" * 100_000

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.url = f"file://{folder.name}/locks"
        make_lock_file(self.url)
        self.glance.answers["GET"] = fakes.image("queued")
        self.held: list[tuple[bool, bool]] = []

    def note(self) -> None:
        """Note whether the image is locked, and an upload under way."""
        others = locks.ImageLocks(self.url, 0)
        found = []
        for name in (IMAGE_ID, f"{IMAGE_ID} upload"):
            free = others.try_acquire(locks.lock_name(name))
            found.append(free is None)
            if free is not None:
                free.release()
        self.held.append((found[0], found[1]))

    def upload(
        self,
        glance: Any,
        keys: Mapping[str, str] | None = None,
        /,
        **section: str,
    ) -> int:
        factory = location_guard.LocationGuard.factory(
            {}, coordination_url=self.url, **section
        )

        def app(environ: Any, start_response: Any) -> Any:
            if environ["REQUEST_METHOD"] == "GET":
                return self.glance(environ, start_response)
            return glance(environ, start_response)

        environ = fakes.environ_of(
            "PUT", f"{PATH}/file", self.DATA, **(keys or {})
        )
        return fakes.call(factory(app), environ)[0]

    def test_locked_at_both_ends(self) -> None:
        def glance(environ: Any, start_response: Any) -> Any:
            self.note()
            stream = environ["wsgi.input"]
            pieces = [stream.read(10)]
            self.note()
            pieces.append(stream.read(1000))
            self.note()
            while piece := stream.read(65536):
                pieces.append(piece)
            self.note()
            self.assertEqual(self.DATA, b"".join(pieces))
            start_response("204 No Content", [])
            return []

        self.assertEqual(204, self.upload(glance))
        self.assertEqual(
            [(True, True), (False, True), (False, True), (True, True)],
            self.held,
        )
        self.note()
        self.assertEqual((False, False), self.held[-1])

    def test_not_read(self) -> None:
        def glance(environ: Any, start_response: Any) -> Any:
            self.note()
            start_response("409 Conflict", [("Content-Type", "a/b")])
            return []

        self.assertEqual(409, self.upload(glance))
        self.note()
        self.assertEqual([(True, True), (False, False)], self.held)

    def test_without_an_end(self) -> None:
        """It is refused, and nothing stays locked."""
        for keys in (
            {"HTTP_TRANSFER_ENCODING": "chunked"},
            {"HTTP_TRANSFER_ENCODING": "gzip"},
            {"CONTENT_LENGTH": "+1"},
        ):
            self.assertEqual(400, self.upload(self.glance, keys))
            self.note()
            self.assertEqual((False, False), self.held.pop())

    def test_second_upload(self) -> None:
        """Glance refuses it; it does not end the first."""
        others = locks.ImageLocks(self.url, 1)
        name = locks.lock_name(f"{IMAGE_ID} upload")
        first = others.try_acquire(name)
        assert first is not None

        def glance(environ: Any, start_response: Any) -> Any:
            start_response("409 Conflict", [("Content-Type", "a/b")])
            return []

        self.assertEqual(409, self.upload(glance))
        self.assertIsNone(others.try_acquire(name))
        first.release()

    def test_end_waits_for_as_long_as_others_hold_it(self) -> None:
        others = locks.ImageLocks(self.url, 1)
        held: list[locks.Held] = []
        timeouts: list[object] = []

        def warn(*arguments: object) -> None:
            timeouts.append(arguments)
            held.pop().release()

        def glance(environ: Any, start_response: Any) -> Any:
            stream = environ["wsgi.input"]
            stream.read(10)
            held.append(others.acquire(IMAGE_ID))
            self.assertEqual(len(self.DATA) - 10, len(stream.read()))
            self.note()
            start_response("204 No Content", [])
            return []

        with (
            mock.patch.object(locking.LOG, "warning", warn),
            mock.patch.object(locking, "_PATIENT_SECONDS", 0),
        ):
            self.assertEqual(204, self.upload(glance, lock_timeout="0"))
        self.assertEqual(1, len(timeouts))
        self.assertEqual([(True, True)], self.held)

    def test_end_without_a_lock_to_be_had(self) -> None:
        def glance(environ: Any, start_response: Any) -> Any:
            stream = environ["wsgi.input"]
            stream.read(10)
            with mock.patch.object(
                locks.ImageLocks, "acquire", side_effect=unavailable
            ):
                try:
                    stream.read()
                except webob.exc.HTTPError as error:
                    # As Glance does it.
                    return error(environ, start_response)
            start_response("204 No Content", [])
            return []

        unavailable = locks.LockUnavailable("no server")
        for section, expected in (
            ({}, 204),
            ({"on_lock_failure": "refuse"}, 503),
        ):
            with mock.patch.object(base.LOG, "info") as info:
                self.assertEqual(expected, self.upload(glance, **section))
            # As any other refusal.
            self.assertEqual(expected == 503, info.called)

    def test_begin_without_a_lock_to_be_had(self) -> None:
        def glance(environ: Any, start_response: Any) -> Any:
            self.assertEqual(self.DATA, environ["wsgi.input"].read())
            start_response("204 No Content", [])
            return []

        error = locks.LockUnavailable("no server")
        for name in ("acquire", "try_acquire"):
            with mock.patch.object(locks.ImageLocks, name, side_effect=error):
                self.assertEqual(204, self.upload(glance))
