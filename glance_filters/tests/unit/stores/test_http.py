# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import random
import threading
import unittest
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from oslo_config import cfg

from glance_filters.tests.fixtures import http_answers, http_data, optional

driver = optional.module("glance_filters.stores.http")
glance_store = optional.module("glance_store")

SIZE = 5_000_000
DATA = random.Random(1).randbytes(SIZE)

ANSWERS = {
    "/part": http_answers.send_part,
    "/later": http_answers.send_later_part,
    "/short": http_answers.send_short_part,
    "/unnamed": http_answers.send_unnamed_part,
    "/short-whole": http_answers.send_short_whole,
    "/416": http_answers.refuse_range,
    "/to-part": http_answers.redirect("/part"),
    "/303": http_answers.redirect("/part", HTTPStatus.SEE_OTHER),
    "/500": http_answers.redirect("", HTTPStatus.INTERNAL_SERVER_ERROR),
    "/circle": http_answers.redirect("/circle"),
}


@unittest.skipIf(driver is None, "glance_store is not installed")
class HttpStoreTest(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        files = dict.fromkeys((*ANSWERS, "/whole"), DATA)
        self.server = http_data.HttpDataServer(files, ANSWERS)
        self.server.setUp()
        self.addCleanup(self.server.cleanUp)
        self.conf = cfg.ConfigOpts()
        self.conf([])
        self.store = driver.Store(self.conf)
        self.store.configure()

    def get(self, path: str, **part: int | None) -> tuple[Any, Any]:
        return self.get_url(self.server.url(path), **part)

    def get_url(self, url: str, **part: int | None) -> tuple[Any, Any]:
        where = glance_store.location.Location(
            "http", self.store.get_store_location_class(), self.conf, uri=url
        )
        found: tuple[Any, Any] = self.store.get(where, **part)
        return found

    def test_parts(self) -> None:
        cases = (
            ("/part", 5, 5),
            ("/part", 0, 1),
            ("/part", SIZE - 1, 1),
            ("/part", SIZE - 7, None),
            ("/part", 1, SIZE - 1),
            ("/part", 0, SIZE),
            ("/whole", 5, 5),
            ("/whole", SIZE - 1, 1),
            ("/whole", 0, 1),
            ("/whole", SIZE - 7, None),
            ("/to-part", 5, 5),
        )
        for path, offset, length in cases:
            with self.subTest(f"{path} {offset} {length}"):
                chunks, size = self.get(path, offset=offset, chunk_size=length)
                stop = SIZE if length is None else offset + length
                self.assertEqual(DATA[offset:stop], b"".join(chunks))
                self.assertIn(size, (length, stop - offset))

    def test_whole(self) -> None:
        for path in ("/part", "/whole", "/to-part"):
            with self.subTest(path):
                chunks, size = self.get(path)
                self.assertEqual(DATA, b"".join(chunks))
                self.assertEqual(SIZE, size)

    def test_refused(self) -> None:
        not_given = glance_store.StoreRandomGetNotSupported
        refused = glance_store.BadStoreUri
        cases = (
            ("/later", 5, 5, not_given, "it sent bytes "),
            ("/unnamed", 5, 5, not_given, "the Content-Range is missing[.]"),
            ("/416", 5, 5, not_given, "the server has less[.]"),
            ("/part", SIZE, 1, not_given, "the server has less[.]"),
            ("/part", SIZE - 5, 6, not_given, "it sent bytes "),
            ("/missing", 5, 5, glance_store.NotFound, ""),
            ("/303", 5, 5, refused, ""),
            ("/500", 5, 5, refused, ""),
            ("/circle", 5, 5, glance_store.MaxRedirectsExceeded, ""),
        )
        for path, offset, length, error, text in cases:
            with self.subTest(f"{path} {offset} {length}"):
                with self.assertRaisesRegex(error, text):
                    self.get(path, offset=offset, chunk_size=length)

    def test_builtin_driver(self) -> None:
        self.assertIsNone(driver.BUILTIN.misfit(driver.builtin.Store))

    def test_broken_off(self) -> None:
        for path in ("/short", "/short-whole"):
            with self.subTest(path):
                chunks, _ = self.get(path, offset=5, chunk_size=SIZE - 5)
                read = b""
                with self.assertRaises(Exception):  # noqa: B017
                    for chunk in chunks:
                        read += chunk
                self.assertTrue(DATA[5:].startswith(read))
                self.assertLess(len(read), SIZE - 5)

    def test_no_server(self) -> None:
        with self.assertRaises(glance_store.RemoteServiceUnavailable):
            self.get_url("http://127.0.0.1:1/", offset=1, chunk_size=1)

    def test_requests_keep_apart(self) -> None:
        """What one request asks for is not on the store that all use."""
        parts = [
            self.get("/part", offset=each, chunk_size=9)[0]
            for each in (3, 1, 2)
        ]
        whole, _ = self.get("/part")
        self.assertEqual(DATA, b"".join(whole))
        self.assertEqual(
            [DATA[each : each + 9] for each in (3, 1, 2)],
            [b"".join(each) for each in parts],
        )

    def test_connections_are_kept(self) -> None:
        connections: list[bool] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                connections.append(True)
                super().setup()

            def do_GET(self) -> None:
                http_answers.send_part(self, DATA)

            def log_message(self, *args: object) -> None: ...

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=[0.01])
            thread.start()
            url = f"http://127.0.0.1:{server.server_address[1]}/"
            for offset in (3, 1, 2):
                chunks, _ = self.get_url(url, offset=offset, chunk_size=9)
                self.assertEqual(DATA[offset : offset + 9], b"".join(chunks))
            self.store.session.close()
            server.shutdown()
            thread.join()
        self.assertEqual([True], connections)
