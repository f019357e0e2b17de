# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest
from unittest import mock

from glance_filters.filters.range_translator import parts_body, sources
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.filters.range_translator import fake_glance
from glance_filters.tests.unit.filters.range_translator.fake_glance import (
    DATA,
    MD5,
    PATH,
    SIZE,
    FakeGlance,
    Reply,
)
from glance_filters.wsgi import bodies

TEXT = "bytes=0-4,190-194"
PARTIAL = "206 Partial Content"


class PartsBodyTest(unittest.TestCase):
    def setUp(self) -> None:
        self.glance = FakeGlance()
        self.app = fake_glance.make_filter(self.glance, max_gap="10")

    def read(self, text: str, stop_after: int | None = None) -> bytes | None:
        """Read a response, to its end or some chunks; None if it breaks."""
        environ = fakes.environ_of("GET", PATH, HTTP_RANGE=text)
        body = self.app(environ, lambda *args: lambda data: None)
        chunks = iter(body)
        got = b""
        log = mock.patch.object(parts_body.LOG, "error")
        try:
            with log as error:
                for number, chunk in enumerate(chunks):
                    if number == stop_after:
                        break
                    got += chunk
        except bodies.WrongLength:
            self.assertEqual(1, error.call_count)
            template, *values = error.call_args.args
            self.logged = template % tuple(values)
            return None
        finally:
            bodies.close(body)
            self.assertEqual(self.glance.opened, self.glance.closed)
        return got

    def test_what_breaks_a_download(self) -> None:
        second = {"Content_Range": f"bytes 190-194/{SIZE}"}
        changed = "the image changed"
        for reason, reply in (
            (
                "the data ended after 4 of 5 bytes",
                Reply(PARTIAL, b"1234", **second),
            ),
            (
                "the data goes on after 5 bytes",
                Reply(PARTIAL, b"12345", b"6", **second),
            ),
            ("Glance answered 403 Forbidden", Reply("403 Forbidden", b"x")),
            ("Glance answered 404 Not Found", Reply("404 Not Found", b"x")),
            ("Glance answered 204 No Content", Reply("204 No Content")),
            (
                "the image became shorter",
                Reply("416 Range Not Satisfiable", b"x"),
            ),
            # It is longer; its data differs.
            (
                changed,
                Reply(PARTIAL, b"12345", Content_Range="bytes 190-194/999"),
            ),
            (
                changed,
                Reply(PARTIAL, b"12345", Content_MD5="0" * 32, **second),
            ),
        ):
            with self.subTest(reason):
                self.glance.replies = [None, reply]
                self.assertIsNone(self.read(TEXT))
                self.assertRegex(
                    self.logged,
                    f"^Aborting the download of image '.+': {reason}$",
                )

    def test_second_part(self) -> None:
        second = {"Content_Range": f"bytes 190-194/{SIZE}"}
        for reply, expected in (
            (None, DATA[190:195]),
            (
                Reply(PARTIAL, b"12", b"345", Content_MD5=MD5, **second),
                b"12345",
            ),
            # No more parts: it is cut out of the whole.
            (Reply("400 Bad Request", b"x"), DATA[190:195]),
            (OSError("x"), DATA[190:195]),
        ):
            self.glance.replies = [None, reply]
            with mock.patch.object(sources, "LOG"):
                self.assertIn(expected, self.read(TEXT) or b"")

    def test_no_further_than_needed(self) -> None:
        for text, chunks, expected in (
            # Nothing is asked for before it is to be sent.
            (TEXT, 0, ["bytes=0-4"]),
            (TEXT, 1, ["bytes=0-4"]),
            (TEXT, None, ["bytes=0-4", "bytes=190-194"]),
        ):
            self.glance.asked.clear()
            self.read(text, chunks)
            with self.subTest(chunks=chunks):
                self.assertEqual(expected, self.glance.asked)

    def test_a_client_that_goes_away(self) -> None:
        self.glance.understands = None
        app = fake_glance.make_filter(self.glance, max_gap=str(SIZE))
        environ = fakes.environ_of("GET", PATH, HTTP_RANGE="bytes=0-20")
        body = app(environ, lambda *args: lambda data: None)
        next(iter(body))
        bodies.close(body)
        # What is left is not read for the cache of Glance.
        self.assertEqual(7, self.glance.taken)
        self.assertEqual(self.glance.opened, self.glance.closed)
