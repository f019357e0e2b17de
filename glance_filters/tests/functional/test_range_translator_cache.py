# SPDX-License-Identifier: Apache-2.0

"""range_translator above Glance's own image cache."""

from __future__ import annotations

import gc
import importlib.util
from pathlib import Path

import fixtures
import testtools
from glance.image_cache import drivers
from oslo_config import cfg

from glance_filters.tests.fixtures import http_data, real_glance

DATA = bytes(range(250)) * 40
# The one of newer releases, which have deprecated the other.
DRIVER = "centralized_db"
if importlib.util.find_spec(f"{drivers.__name__}.{DRIVER}") is None:
    DRIVER = "sqlite"
CACHE = {
    "cache": {
        "paste.filter_factory": "glance.api.middleware.cache:"
        "CacheFilter.factory",
    }
}


class CacheTest(testtools.TestCase):
    """Whole images are cached, and nothing else is."""

    def setUp(self) -> None:
        super().setUp()
        glance = self.useFixture(real_glance.RealGlance())
        self.folder = Path(self.useFixture(fixtures.TempDir()).path)
        for name, value in (
            ("image_cache_dir", str(self.folder)),
            ("image_cache_driver", DRIVER),
            ("worker_self_reference_url", "http://127.0.0.1"),
        ):
            cfg.CONF.set_override(name, value)
            self.addCleanup(cfg.CONF.clear_override, name)
        self.client = glance.client(
            glance.app(("range_translator", "cache"), CACHE)
        )
        self.alone = glance.client()
        # So that there is little for the garbage collector to go through.
        gc.freeze()
        self.addCleanup(gc.unfreeze)

    def cached(self) -> dict[str, bytes]:
        """Return the valid files in the cache: names and contents."""
        return {
            path.name: path.read_bytes()
            for path in self.folder.iterdir()
            if path.is_file() and path.suffix != ".db"
        }

    def check(self, image_id: str) -> None:
        """Ask before and after the image may have come into the cache."""

        def get(text: str | None, method: str = "GET") -> bytes:
            fields = {} if text is None else {"Range": text}
            path = f"/v2/images/{image_id}/file"
            answer = self.client.request(method, path, fields)
            code = 200 if text is None else 206
            self.assertEqual(code, answer.status)
            # What Glance reads from its cache has no ``close()``. Amid a
            # transaction, the garbage collector would end it with a traceback.
            gc.collect()
            return answer.body

        for _ in range(2):
            before = self.cached()
            self.assertEqual(DATA[2:5], get("bytes=2-4"))
            self.assertEqual(DATA[-3:], get("bytes=-3"))
            self.assertIn(DATA[7000:7010], get("bytes=0-1,7000-7009"))
            self.assertEqual(b"", get(None, "HEAD"))
            self.assertEqual(before, self.cached())
            self.assertEqual(DATA, get(None))
            self.assertEqual({image_id: DATA}, self.cached())

    def test_file_store(self) -> None:
        self.check(self.alone.create_image(DATA))

    def test_http_store(self) -> None:
        web = self.useFixture(http_data.HttpDataServer({"/data": DATA}))
        image_id = self.alone.create_image()
        location = {"url": web.url("/data"), "metadata": {}}
        self.alone.patch(
            image_id,
            {"op": "add", "path": "/locations/-", "value": location},
        )
        self.check(image_id)
