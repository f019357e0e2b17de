# SPDX-License-Identifier: Apache-2.0

"""Glance, its child requests or the client fail, in each call of each filter.

What a client gets from Glance alone is what it has to get through a filter.
"""

from __future__ import annotations

import itertools
import logging
import tempfile
import threading
import unittest
from collections.abc import Iterator
from concurrent import futures
from typing import Any

from glance_filters.filters import base, registry
from glance_filters.glance_api import calls
from glance_filters.locks import process
from glance_filters.tests.unit.faults import (
    BODIES,
    CHILD_FAULTS,
    DATA,
    FAULTS,
    Fault,
    Glance,
    Seen,
    Stream,
    environ_of,
    serve,
)

WAIT_SECONDS = 30
THREADS = 64


class FaultsCase(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.sections = {
            "location_guard": {
                # Not the folder of all: other processes run the same tests.
                "coordination_url": f"file://{folder.name}/locks",
                "lock_timeout": "0.05",
            }
        }

    def made(self, kind: type[base.Filter[Any]], app: Any) -> Any:
        return kind.factory({}, **self.sections.get(kind.name, {}))(app)

    def each(self) -> Iterator[tuple[type[base.Filter[Any]], calls.ApiCall]]:
        for kind in registry.FILTERS:
            for call in kind.api_calls:
                yield kind, call

    def check_clean(self, glance: Glance) -> None:
        self.assertEqual(set(), glance.bodies)
        self.assertEqual(0, process.count())


class GlanceFaultsTest(FaultsCase):
    def test_each(self) -> None:
        for (kind, call), name in itertools.product(self.each(), FAULTS):
            with self.subTest(kind.name, call=call.action, fault=name):
                self.check(kind, call, FAULTS[name])

    def check(
        self, kind: type[base.Filter[Any]], call: calls.ApiCall, fault: Fault
    ) -> None:
        seen = []
        for is_alone in (True, False):
            glance = Glance(call, fault)
            app: Any = glance if is_alone else self.made(kind, glance)
            environ = environ_of(call)
            found = serve(app, environ)
            if call.method == "HEAD":
                found = found._replace(data=b"")
            seen.append(found)
            self.check_clean(glance)
            self.assertEqual([BODIES.get(call.method, b"")], glance.got)
        self.assertEqual(*seen)


class ChildFaultsTest(FaultsCase):
    """Glance fails over a question of a filter's own."""

    def test_each(self) -> None:
        for (kind, call), name in itertools.product(self.each(), CHILD_FAULTS):
            with self.subTest(kind.name, call=call.action, fault=name):
                self.check(kind, call, CHILD_FAULTS[name])

    def check(
        self, kind: type[base.Filter[Any]], call: calls.ApiCall, fault: Fault
    ) -> None:
        """Check that the request is carried out, or refused in order."""
        glance = Glance(call, child=fault)
        found = serve(self.made(kind, glance), environ_of(call))
        if glance.got:
            self.assertEqual([BODIES.get(call.method, b"")], glance.got)
            data = b"" if call.method == "HEAD" else DATA
            self.assertEqual(Seen("200", "10", data), found)
        else:
            self.assertIn(found.status, ("403", "404", "409", "503"))
        self.check_clean(glance)


class InputFaultsTest(FaultsCase):
    """The body of a request breaks off."""

    def test_each(self) -> None:
        error = OSError("the client is gone")
        for kind, call in self.each():
            body = BODIES.get(call.method, b"")
            if not body:
                continue
            for name, pieces in (
                ("raises", (error,)),
                ("raises in the middle", (body[:2], error)),
                ("ends early", (body[:2],)),
                ("is empty", ()),
            ):
                with self.subTest(kind.name, call=call.action, fault=name):
                    self.check(kind, call, pieces)

    def check(
        self,
        kind: type[base.Filter[Any]],
        call: calls.ApiCall,
        pieces: tuple[Any, ...],
    ) -> None:
        """Check that Glance is told of it, or the client is."""
        seen = []
        for is_alone in (True, False):
            glance = Glance(call)
            app: Any = glance if is_alone else self.made(kind, glance)
            environ = environ_of(call)
            environ["wsgi.input"] = Stream(*pieces)
            seen.append((serve(app, environ), glance.got))
            self.check_clean(glance)
        found, got = seen[1]
        if found.status != "400":
            self.assertEqual(*seen)
        else:
            self.assertEqual([], got)


class BlockedInputTest(FaultsCase):
    """A client that stops in the middle is alone with that."""

    def test_each(self) -> None:
        for kind, call in self.each():
            if call.method in BODIES:
                with self.subTest(kind.name, call=call.action):
                    self.check(kind, call)

    def check(self, kind: type[base.Filter[Any]], call: calls.ApiCall) -> None:
        asked, goes_on = threading.Event(), threading.Event()
        body = BODIES[call.method]

        class Blocked(Stream):
            def read(self, size: int = -1) -> bytes:
                asked.set()
                goes_on.wait(WAIT_SECONDS)
                return super().read(size)

        glance = Glance(call)
        app = self.made(kind, glance)
        seen: list[Seen] = []
        environ = environ_of(call, **{"wsgi.input": Blocked(body)})
        thread = threading.Thread(
            target=lambda: seen.append(serve(app, environ))
        )
        thread.start()
        self.assertTrue(asked.wait(WAIT_SECONDS))
        seen.append(serve(app, environ_of(call)))
        self.assertEqual(1, len(seen))
        goes_on.set()
        thread.join(WAIT_SECONDS)
        self.assertEqual([Seen("200", "10", DATA)] * 2, seen)
        self.assertEqual([body] * 2, glance.got)
        self.check_clean(glance)


class ManyThreadsTest(FaultsCase):
    def test_one_image(self) -> None:
        """All calls of a filter at once, by which they are in the way."""
        for kind in registry.FILTERS:
            with self.subTest(kind.name):
                self.check(kind)

    def check(self, kind: type[base.Filter[Any]]) -> None:
        glance = Glance(kind.api_calls[0])
        app = self.made(kind, glance)
        start = threading.Barrier(THREADS)

        def send(call: calls.ApiCall) -> str:
            start.wait(WAIT_SECONDS)
            return serve(app, environ_of(call)).status

        sent = itertools.islice(itertools.cycle(kind.api_calls), THREADS)
        with futures.ThreadPoolExecutor(THREADS) as pool:
            seen = list(pool.map(send, sent))
        self.assertEqual(THREADS, seen.count("200") + seen.count("409"))
        self.assertEqual(seen.count("200"), len(glance.got))
        self.assertGreater(len(glance.got), 0)
        self.check_clean(glance)
