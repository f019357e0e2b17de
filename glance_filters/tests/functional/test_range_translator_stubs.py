# SPDX-License-Identifier: Apache-2.0

"""range_translator on a Glance that lies, and on very large images."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import testtools

from glance_filters.filters import range_translator
from glance_filters.tests.fixtures import http_client, legacy_glance
from glance_filters.wsgi import bodies


class LyingCoreTest(testtools.TestCase):
    """No client gets wrong bytes under a right header."""

    def ask(
        self,
        status: str,
        fields: dict[str, str],
        body: list[bytes],
        protocol: str = "range",
    ) -> tuple[str, bytes | None]:
        """Ask for bytes 2-3 of 10: (status, body), None if it breaks."""

        def core(
            environ: dict[str, Any], start_response: Callable[..., Any]
        ) -> Iterator[bytes]:
            path = environ["PATH_INFO"]
            if not path.endswith("/file"):
                start_response("200 OK", [])
                return iter([b'{"size": 10, "status": "active"}'])
            if "HTTP_RANGE" in environ or "HTTP_CONTENT_RANGE" in environ:
                start_response(status, list(fields.items()))
                return iter(body)
            start_response("200 OK", [("Content-Length", "10")])
            return iter([b"0123", b"456789"])

        factory = range_translator.RangeTranslator.factory(
            {}, core_protocol=protocol
        )
        environ = http_client.make_environ(
            "GET", "/v2/images/x/file", {"Range": "bytes=2-3"}, b""
        )
        started: list[Any] = []

        def start_response(*args: Any) -> Callable[[bytes], object]:
            started.append(args)
            return lambda data: None

        chunks = factory(core)(environ, start_response)
        try:
            got = b"".join(chunks)
        except bodies.WrongLength:
            return started[-1][0], None
        finally:
            bodies.close(chunks)
        return started[-1][0], got

    def test_ranges(self) -> None:
        right = {"Content-Range": "bytes 2-3/10", "Content-Length": "2"}
        other = {"Content-Range": "bytes 0-1/10"}
        longer = {**right, "Content-Length": "3"}
        whole = {"Content-Length": "10"}
        part, full = "206 Partial Content", "200 OK"
        for name, status, fields, body, expected in (
            ("true", part, right, [b"23"], b"23"),
            ("ignores it", full, whole, [b"0123456789"], b"23"),
            ("another part", part, other, [b"01"], b"23"),
            ("no word of it", part, {}, [b"01"], b"23"),
            ("another length", part, longer, [b"234"], b"23"),
            ("fails", "500 Internal Server Error", {}, [b"x"], b"23"),
            ("no random access", "400 Bad Request", {}, [b"x"], b"23"),
            ("too short", part, right, [b"2"], None),
            ("too long", part, right, [b"23", b"4"], None),
            ("all of it", part, right, [b"01", b"23456789"], None),
        ):
            found = self.ask(status, fields, body)
            self.assertEqual((part, expected), found, name)

    def test_content_ranges(self) -> None:
        for name, status, fields, body, expected in (
            ("true", "200 OK", {"Content-Length": "10"}, [b"2", b"3"], b"23"),
            ("ignores it", "200 OK", {}, [b"0123456789"], None),
            ("too short", "206 Partial Content", {}, [b"2"], None),
            ("refuses", "400 Bad Request", {}, [b"x"], b"23"),
        ):
            found = self.ask(status, fields, body, "content-range")
            self.assertEqual(("206 Partial Content", expected), found, name)


def _start_response(*args: Any) -> Callable[[bytes], object]:
    return lambda data: None


class VirtualImage:
    """Ten gibibytes that nobody stores."""

    def __len__(self) -> int:
        return 10 * 1024**3

    def __getitem__(self, part: slice) -> bytes:
        return bytes(part.stop - part.start)


def _native(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterator[bytes]:
    """A Glance of today, with a very large image."""
    size = len(VirtualImage())
    if not environ["PATH_INFO"].endswith("/file"):
        start_response("200 OK", [])
        yield b'{"size": %d, "status": "active"}' % size
        return
    first, last = map(int, environ["HTTP_RANGE"][len("bytes=") :].split("-"))
    fields = [("Content-Range", f"bytes {first}-{last}/{size}")]
    start_response("206 Partial Content", fields)
    for position in range(first, last + 1, 65536):
        yield bytes(min(65536, last + 1 - position))


class MemoryTest(testtools.TestCase):
    """What passes is not kept, whatever Glance understands."""

    def check(self, core: Any, image_id: str, protocol: str) -> None:
        factory = range_translator.RangeTranslator.factory(
            {}, core_protocol=protocol
        )
        fields = {
            "Range": "bytes=0-33554431,134217728-167772159",
            "X-Auth-Token": "alice:t1:member",
        }
        path = f"/v2/images/{image_id}/file"
        environ = http_client.make_environ("GET", path, fields, b"")
        chunks = factory(core)(environ, _start_response)
        tracemalloc.start()
        try:
            length = sum(map(len, chunks))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            bodies.close(chunks)
        self.assertGreater(length, 2 * 32 * 1024**2)
        self.assertLess(peak, 2 * 1024**2)

    def test_old_releases(self) -> None:
        for protocol in ("content-range", "none"):
            core = legacy_glance.LegacyGlance("ocata")
            image = core.add_image(data=VirtualImage(), checksum="0" * 32)
            self.check(core, image.id, protocol)
            self.assertEqual([], core.open_bodies)

    def test_glance_of_today(self) -> None:
        self.check(_native, "x", "range")
