# SPDX-License-Identifier: Apache-2.0

"""range_translator on very large images, which nobody stores."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import testtools

from glance_filters.filters import range_translator
from glance_filters.tests.fixtures import http_client, legacy_glance
from glance_filters.wsgi import bodies


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
