# SPDX-License-Identifier: Apache-2.0

"""range_translator above Glance's own image cache.

All of what clients get, in the pipelines "caching" and "cachemanagement", of
an image that is cached and of one that is not, with both cache drivers.
"""

from __future__ import annotations

import gc
import importlib.util
from pathlib import Path
from typing import Any

import fixtures
from glance.image_cache import drivers
from oslo_config import cfg

from glance_filters import tests
from glance_filters.tests.fixtures import (
    auth,
    counting,
    http_data,
    real_glance,
)
from glance_filters.tests.functional import range_cases
from glance_filters.tests.functional.range_cases import DATA, SIZE

OPTIONS = {
    **counting.OPTIONS,
    "cache": {
        "paste.filter_factory": "glance.api.middleware.cache:"
        "CacheFilter.factory",
    },
    "cachemanage": {
        "paste.filter_factory": "glance.api.middleware.cache_manage:"
        "CacheManageFilter.factory",
    },
}
CACHING = ("range_translator", "counting", "cache")
CACHEMANAGEMENT = (*CACHING, "cachemanage")
# The driver of newer releases, which have deprecated the other.
SQLITE, CENTRALIZED = "sqlite", "centralized_db"
NEWEST = CENTRALIZED
if importlib.util.find_spec(f"{drivers.__name__}.{CENTRALIZED}") is None:
    NEWEST = SQLITE


@tests.in_process("the cache is behind the filters in the pipeline")
class CacheMixin(range_cases.CaseMixin):
    """A pipeline with Glance's cache.

    :cvar filters: what stands in it
    :cvar driver: the cache's driver
    """

    filters: tuple[str, ...] = CACHING
    driver = NEWEST

    def setUp(self) -> None:
        super().setUp()
        self.glance = self.useFixture(real_glance.RealGlance())
        self.folder = Path(self.useFixture(fixtures.TempDir()).path)
        for name, value in (
            ("image_cache_dir", str(self.folder)),
            ("image_cache_driver", self.driver),
            ("worker_self_reference_url", "http://127.0.0.1"),
        ):
            cfg.CONF.set_override(name, value)
            self.addCleanup(cfg.CONF.clear_override, name)
        self.app = self.glance.app(self.filters, OPTIONS)
        self.client = self.glance.client(self.app)
        self.alone = self.glance.client()
        self.image_id = self.alone.create_image(DATA)
        # What Glance reads from its cache has no ``close()``. Amid a
        # transaction, the garbage collector would end it with a traceback: it
        # collects after each request, and only what was made since now.
        gc.freeze()
        self.addCleanup(gc.unfreeze)

    def files(self, folder: str = ".") -> dict[str, bytes]:
        """Return the files in the cache: names and contents."""
        return {
            path.name: path.read_bytes()
            for path in (self.folder / folder).iterdir()
            if path.is_file() and path.suffix != ".db"
        }

    def get(self, *args: Any, **fields: Any) -> Any:
        found = super().get(*args, **fields)
        gc.collect()
        return found

    def check_closed(self) -> None:
        """Nothing: webob reads what the cache answers, and closes it not."""


class TableMixin(
    CacheMixin, range_cases.AnyGlanceMixin, range_cases.ConditionsMixin
):
    """What clients get, of an image that is cached."""

    is_cached = True

    def setUp(self) -> None:
        super().setUp()
        if self.is_cached:
            self.check_data()

    def check_data(self) -> None:
        self.assertEqual(DATA, super().get()[2])
        self.assertEqual({self.image_id: DATA}, self.files())

    def get(self, *args: Any, **fields: Any) -> Any:
        if not self.is_cached:
            for path in self.folder.iterdir():
                if path.name == self.image_id:
                    path.unlink()
        return super().get(*args, **fields)

    def test_what_glance_refuses(self) -> None:
        requests = (
            (None, "GET"),
            (None, "HEAD"),
            ("bytes=0-1", "GET"),
            ("bytes=0-1,9-9", "GET"),
            ("bytes=-1", "GET"),
            (f"bytes={SIZE}-", "GET"),
        )
        member = self.client
        for token, code in ((None, 401), (auth.STRANGER, 404)):
            self.client = self.glance.client(self.app, token)
            for text, method in requests:
                self.assertEqual(code, self.get(text, method)[0])
        self.client = member
        self.glance.folder.set_status(self.image_id, "deactivated")
        for text, method in requests:
            self.assertEqual(403, self.get(text, method)[0])


class CachedTest(TableMixin):
    filters = CACHEMANAGEMENT


class CachedBySqliteTest(TableMixin):
    driver = SQLITE


class NotCachedTest(TableMixin):
    is_cached = False


class NotCachedBySqliteTest(TableMixin):
    driver = SQLITE
    filters = CACHEMANAGEMENT
    is_cached = False


class CacheTest(CacheMixin):
    """Whole images are cached, and nothing else is."""

    def test_file_store(self) -> None:
        for expected in ({}, {self.image_id: DATA}):
            self.check_part(self.get("bytes=2-4"), 2, 5)
            self.check_part(self.get("bytes=-3"), SIZE - 3, SIZE)
            self.check_parts(self.get("bytes=0-1,9-9"), [(0, 2), (9, 10)])
            self.assertEqual(200, self.get(method="HEAD")[0])
            self.assertEqual(expected, self.files())
            self.check_whole_data()
            self.assertEqual({self.image_id: DATA}, self.files())

    def check_whole_data(self) -> None:
        self.assertEqual((200, DATA), self.get()[::2])

    def test_store_without_random_access(self) -> None:
        served = {"/data": DATA}
        web = self.useFixture(http_data.HttpDataServer(served))
        self.image_id = self.alone.create_image()
        self.alone.add_location(self.image_id, web.url("/data"))
        near = {"range_translator": {"random_access_stores": ""}}
        far = {
            "range_translator": {**near["range_translator"], "max_gap": "1000"}
        }
        client, self.client = (
            self.glance.client(
                self.glance.app(self.filters, {**OPTIONS, **each})
            )
            for each in (near, far)
        )
        # The end is too far away to read on: a useless file is left.
        self.check_part(self.get("bytes=2-4"), 2, 5)
        self.assertEqual({}, self.files())
        self.assertEqual([self.image_id], list(self.files("invalid")))
        # It is near: the image is cached.
        self.check_part(self.get(f"bytes=-{SIZE - 5}"), 5, SIZE)
        self.assertEqual({self.image_id: DATA}, self.files())
        self.client = client
        # The next parts come from there.
        served.clear()
        self.check_part(self.get("bytes=2-4"), 2, 5)
        self.check_whole_data()


del TableMixin
