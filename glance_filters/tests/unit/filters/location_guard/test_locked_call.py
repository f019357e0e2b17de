# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest
from collections.abc import Iterator
from typing import Any

from glance_filters.filters.location_guard import locked_call
from glance_filters.tests.unit import fakes

DATA = b"data" * 100_000


class Lock:
    def __init__(self) -> None:
        self.is_held = True

    def release(self) -> None:
        self.is_held = False


class LockedCallTest(unittest.TestCase):
    def setUp(self) -> None:
        self.lock = Lock()
        self.held: list[bool] = []

    def note(self) -> None:
        self.held.append(self.lock.is_held)

    def call(self, core: Any, is_upload: bool = False, **keys: Any) -> Any:
        app = locked_call.LockedCall(core, self.lock.release, is_upload)
        environ = fakes.environ_of("PUT", "/v2/images/a/file", DATA, **keys)
        return fakes.call(app, environ)

    def test_held_until_the_core_is_done(self) -> None:
        def core(environ: Any, start_response: Any) -> Iterator[bytes]:
            self.note()
            yield b""
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield b"one"
            self.note()
            yield b"two"
            self.note()

        code, _, body = self.call(core)
        self.assertEqual((200, b"onetwo"), (code, body))
        self.assertEqual([True] * 3, self.held)
        self.assertFalse(self.lock.is_held)

    def test_let_go_of_before_the_answer_is_sent(self) -> None:
        core = fakes.Core({"PUT": fakes.Answer(body=b"answer")})
        app = locked_call.LockedCall(core, self.lock.release, False)
        environ = fakes.environ_of("PUT", "/v2/images/a/file", DATA)
        body = app(environ, lambda *args: lambda data: None)
        self.assertFalse(self.lock.is_held)
        self.assertEqual(0, core.open_bodies)
        self.assertEqual(b"answer", b"".join(body))

    def test_core_that_breaks(self) -> None:
        core = fakes.Core({"PUT": fakes.Answer(error=RuntimeError("broken"))})
        with self.assertRaisesRegex(RuntimeError, "broken"):
            self.call(core)
        self.assertFalse(self.lock.is_held)

    def test_upload(self) -> None:
        def core(environ: Any, start_response: Any) -> list[bytes]:
            self.note()
            stream = environ["wsgi.input"]
            pieces = [stream.read(10)]
            self.note()
            pieces += [stream.readline(), stream.read(1000), stream.read()]
            self.assertEqual([10, len(DATA) - 10, 0, 0], [*map(len, pieces)])
            self.assertEqual(DATA, b"".join(pieces))
            start_response("204 No Content", [])
            return []

        self.assertEqual(204, self.call(core, is_upload=True)[0])
        self.assertEqual([True, False], self.held)

    def test_upload_that_is_not_read(self) -> None:
        core = fakes.Core({"PUT": fakes.Answer("409 Conflict")})

        def unread(environ: Any, start_response: Any) -> Any:
            environ = {**environ, "CONTENT_LENGTH": "0"}
            self.note()
            return core(environ, start_response)

        self.assertEqual(409, self.call(unread, is_upload=True)[0])
        self.assertEqual([True], self.held)
        self.assertFalse(self.lock.is_held)
