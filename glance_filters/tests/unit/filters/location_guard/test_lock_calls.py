# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
import tempfile
import threading
from typing import Any

import webob
import webob.exc

from glance_filters import locks
from glance_filters.filters import location_guard
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID
from glance_filters.tests.unit.filters.location_guard.cases import (
    PATCH,
    GuardTestCase,
    make_lock_file,
)


class LockTest(GuardTestCase):
    """While Glance changes an image, it is locked."""

    def guard(self, **section: str) -> location_guard.LocationGuard:
        statuses = {"location_api_statuses": "active"}
        return super().guard(**statuses, **section)

    def setUp(self) -> None:
        super().setUp()
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.url = f"file://{self.folder.name}/locks"
        self.glance.answers["GET"] = fakes.image("active")

    def call_while_held(
        self, method: str, path: str, body: bytes = b"", **section: str
    ) -> tuple[int, str]:
        """Call the guard while the image is locked by another."""
        others = locks.ImageLocks(self.url, 1)
        guard = self.guard(
            coordination_url=self.url, lock_timeout="0.05", **section
        )
        with others.acquire(IMAGE_ID):
            environ = fakes.environ_of(method, path, body, CONTENT_TYPE=PATCH)
            request = webob.Request(environ)
            status, headers, chunks = request.call_application(guard)
            b"".join(chunks)
            getattr(chunks, "close", list)()
        return int(status[:3]), dict(headers).get("Retry-After", "")

    def test_which_calls_are_locked(self) -> None:
        patch = b'[{"op": "replace", "path": "/name", "value": "x"}]'
        image = f"/v2/images/{IMAGE_ID}"
        asked = ("GET", image, b"")
        for method, path, body in (
            ("PATCH", image, patch),
            ("PUT", f"{image}/tags/a", b""),
            ("DELETE", f"{image}/tags/a", b""),
            ("PATCH", image, b""),
            ("DELETE", image, b""),
            ("PUT", f"{image}/file", b"data"),
            ("PUT", f"{image}/stage", b"data"),
            ("POST", f"{image}/import", b"{}"),
            ("POST", f"{image}/locations", b"{}"),
            ("POST", f"{image}/actions/deactivate", b""),
            ("POST", f"{image}/actions/reactivate", b""),
            ("DELETE", f"/v2/stores/fast/{IMAGE_ID}", b""),
        ):
            with self.subTest(f"{method} {path}"):
                self.glance.asked.clear()
                found = self.call_while_held(method, path, body)
                self.assertEqual((409, "1"), found)
                self.assertEqual([asked], self.glance.asked)
                # Nobody holds it: Glance is reached, and it is let go of.
                guard = self.guard(coordination_url=self.url)
                for _ in range(2):
                    environ = fakes.environ_of(
                        method, path, body, CONTENT_TYPE=PATCH
                    )
                    self.assertEqual(200, fakes.call(guard, environ)[0])

    def test_which_are_not(self) -> None:
        image = f"/v2/images/{IMAGE_ID}"
        for method, path in (
            ("GET", image),
            ("GET", f"{image}/file"),
            ("POST", f"{image}/members"),
            ("POST", "/v2/images"),
            ("PATCH", f"/v2/images/{IMAGE_ID[:-1]}0"),
        ):
            code, _ = self.call_while_held(method, path)
            self.assertEqual(200, code, path)

    def test_method_that_the_query_overrides(self) -> None:
        image = f"/v2/images/{IMAGE_ID}"
        guard = self.guard(coordination_url=self.url, lock_timeout="0.05")
        with locks.ImageLocks(self.url, 1).acquire(IMAGE_ID):
            for method, query, code in (
                ("GET", "_method=DELETE", 409),
                ("DELETE", "_method=GET", 200),
            ):
                environ = fakes.environ_of(method, image, QUERY_STRING=query)
                self.assertEqual(code, fakes.call(guard, environ)[0], query)

    def test_refused_ones_let_go(self) -> None:
        self.glance.answers["GET"] = fakes.image("saving")
        guard = self.guard(coordination_url=self.url, lock_timeout="0.05")
        for _ in range(2):
            environ = fakes.environ_of(
                *("PATCH", f"/v2/images/{IMAGE_ID}"),
                b'[{"op": "remove", "path": "/locations/0"}]',
                CONTENT_TYPE=PATCH,
            )
            code, _, body = fakes.call(guard, environ)
            self.assertEqual(409, code)
            self.assertIn(b"saving", body)

    def test_no_lock_to_be_had(self) -> None:
        with open(f"{self.folder.name}/locks", "w"):
            pass
        remove = b'[{"op": "remove", "path": "/locations/0"}]'
        rename = b'[{"op": "replace", "path": "/name", "value": "x"}]'
        image = f"/v2/images/{IMAGE_ID}"
        for section, body, code in (
            ({}, remove, 503),
            ({}, rename, 200),
            ({"on_lock_failure": "proceed"}, rename, 200),
            ({"on_lock_failure": "refuse"}, rename, 503),
        ):
            guard = self.guard(coordination_url=self.url, **section)
            environ = fakes.environ_of(
                "PATCH", image, body, CONTENT_TYPE=PATCH
            )
            self.assertEqual(code, fakes.call(guard, environ)[0])

    def test_a_body_is_read_before(self) -> None:
        """Nobody may keep an image locked by sending a body slowly."""
        guard = self.guard(coordination_url=self.url, lock_timeout="0.05")
        others = locks.ImageLocks(self.url, 0.05)

        class Body(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                others.acquire(IMAGE_ID).release()
                return super().read(size)

        image = f"/v2/images/{IMAGE_ID}"
        for method, path in (
            ("PATCH", image),
            ("POST", f"{image}/locations"),
            ("POST", f"{image}/import"),
            ("POST", f"{image}/actions/deactivate"),
        ):
            environ = fakes.environ_of(method, path, b"{}", CONTENT_TYPE=PATCH)
            environ["wsgi.input"] = Body(b"{}")
            with self.subTest(path):
                self.assertEqual(200, fakes.call(guard, environ)[0])

    def test_response_is_read_under_the_lock(self) -> None:
        """Not what is longer than any: it may be sent slowly."""
        for size, is_read in ((2**20, True), (2**20 + 1, False)):
            self.glance.answers["DELETE"] = fakes.Answer(body=bytes(size))
            environ = fakes.environ_of("DELETE", f"/v2/images/{IMAGE_ID}")
            request = webob.Request(environ)
            guard = self.guard(coordination_url=self.url)
            _, _, chunks = request.call_application(guard)
            self.assertEqual(is_read, self.glance.open_bodies == 0)
            self.assertEqual(bytes(size), b"".join(chunks))
            getattr(chunks, "close", list)()

    def test_glance_that_hangs(self) -> None:
        """Over the image, or the call: what is in its way is told so."""
        make_lock_file(self.url)
        for hanging in ("GET", "DELETE"):
            asked, goes_on = threading.Event(), threading.Event()

            def app(
                environ: Any,
                start_response: Any,
                hanging: str = hanging,
                asked: threading.Event = asked,
                goes_on: threading.Event = goes_on,
            ) -> Any:
                method = environ["REQUEST_METHOD"]
                if method == hanging and not asked.is_set():
                    asked.set()
                    goes_on.wait(30)
                return self.glance(environ, start_response)

            guard = self.guard(coordination_url=self.url, lock_timeout="0.05")
            guard._app = app

            def delete(
                image_id: str = IMAGE_ID,
                guard: location_guard.LocationGuard = guard,
            ) -> int:
                path = f"/v2/images/{image_id}"
                return fakes.call(guard, fakes.environ_of("DELETE", path))[0]

            codes: list[int] = []
            thread = threading.Thread(
                target=lambda delete=delete, codes=codes: codes.append(
                    delete()
                )
            )
            thread.start()
            self.assertTrue(asked.wait(30))
            with self.subTest(hanging):
                self.assertEqual(409, delete())
                self.assertEqual(200, delete(f"{IMAGE_ID[:-1]}0"))
                goes_on.set()
                thread.join(30)
                self.assertEqual([200], codes)
                self.assertEqual(200, delete())

    def test_what_is_hidden_stays_hidden(self) -> None:
        """Whether it is locked by somebody or not."""
        self.glance.answers["GET"] = fakes.Answer("404 Not Found")
        self.glance.answers["PATCH"] = fakes.Answer("404 Not Found")
        image = f"/v2/images/{IMAGE_ID}"
        self.assertEqual((404, ""), self.call_while_held("PATCH", image))
        self.assertEqual(["GET", "PATCH"], self.glance.methods)

    def test_id_is_that_of_glance(self) -> None:
        """Some databases find an image by other spellings of its id."""
        document = b'{"id": "%s", "status": "active"}' % IMAGE_ID.encode()
        self.glance.answers["GET"] = fakes.Answer(body=document)
        image = f"/v2/images/{IMAGE_ID.upper()}"
        self.assertEqual((409, "1"), self.call_while_held("PATCH", image))
        # Others keep them apart: that is another image.
        body = document.replace(IMAGE_ID.encode(), IMAGE_ID.upper().encode())
        self.glance.answers["GET"] = fakes.Answer(body=body)
        self.assertEqual((200, ""), self.call_while_held("PATCH", image))
        # Where Glance does not tell, all of them are one.
        self.glance.answers["GET"] = fakes.image("active")
        self.assertEqual((409, "1"), self.call_while_held("PATCH", image))

    def test_a_stranger_does_not_lock(self) -> None:
        document = b'{"owner": "alice", "status": "active"}'
        self.glance.answers["GET"] = fakes.Answer(body=document)
        path = f"/v2/images/{IMAGE_ID}"
        for headers, patch, expected in (
            ({"HTTP_X_PROJECT_ID": "alice"}, 200, 1),
            ({"HTTP_X_TENANT_ID": "alice"}, 200, 1),
            ({"HTTP_X_ROLES": "reader, Admin"}, 200, 1),
            # Glance says that he may not: it is left to say so again.
            ({"HTTP_X_PROJECT_ID": "bob"}, 403, 0),
            ({"HTTP_X_PROJECT_ID": "bob"}, 404, 0),
            # A policy lets him.
            ({"HTTP_X_PROJECT_ID": "bob"}, 409, 1),
            ({"HTTP_X_PROJECT_ID": "bob"}, 500, 1),
        ):
            self.glance.answers["PATCH"] = fakes.Answer(f"{patch} X")
            self.glance.asked.clear()
            guard = self.guard(coordination_url=self.url)
            held: list[bool] = []
            locks_of = guard._locking.made
            glance = guard._app

            def app(
                environ: Any,
                start_response: Any,
                locks_of: Any = locks_of,
                glance: Any = glance,
                held: Any = held,
            ) -> Any:
                if environ["REQUEST_METHOD"] == "PATCH":
                    free = locks_of.try_acquire(locks.lock_name(IMAGE_ID))
                    held.append(free is None)
                    if free is not None:
                        free.release()
                return glance(environ, start_response)

            guard._app = app
            environ = fakes.environ_of(
                "PATCH", path, b"[]", CONTENT_TYPE=PATCH, **headers
            )
            with self.subTest(headers, patch=patch):
                self.assertEqual(patch, fakes.call(guard, environ)[0])
                self.assertEqual(bool(expected), held[-1])
                # The question itself is not asked under the lock.
                self.assertFalse(any(held[:-1]))
