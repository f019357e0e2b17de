# SPDX-License-Identifier: Apache-2.0

"""Real Glance, with all filters, on what fails: disk, database, processes."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import resource
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path

import fixtures
import testtools

from glance_filters.filters import registry
from glance_filters.locks import process
from glance_filters.tests import nightly
from glance_filters.tests.fixtures import (
    auth,
    glance_config,
    glance_databases,
    http_client,
    image_requests,
    lock_servers,
    real_glance,
)

FILTERS = tuple(each.name for each in registry.FILTERS)
MEGABYTE = 2**20
# Of what no client, server or socket keeps a half.
BIG = os.urandom(MEGABYTE) * 16
THREADS = 64
LONG_SECONDS = 60


def open_files(pid: int | str = "self") -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


class FullDiskTest(testtools.TestCase):
    """A file can only grow to a size that is less than the data's."""

    LIMIT = 8 * MEGABYTE

    def setUp(self) -> None:
        super().setUp()
        self.glance = self.useFixture(real_glance.RealGlance())
        if os.environ.get(glance_config.STORES_KEY) is not None:
            self.skipTest("the data is not in files")

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        former = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.LIMIT, former[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, former)

    def test_uploads(self) -> None:
        alone = self.glance.client()
        filtered = self.glance.client(self.glance.app(FILTERS))
        data = bytes(self.LIMIT + 1)
        for name in ("file", "stage"):
            seen = []
            # Old releases leave a file to the garbage collector.
            left = [0]
            for client in (alone, filtered):
                image_id = client.create_image()
                before = open_files()
                with self.full_disk():
                    answer = client.upload(image_id, data, name)
                left.append(open_files() - before)
                self.assertEqual(0, process.count())
                self.assertTrue(client is alone or left[-1] <= max(left[:-1]))
                image = client.show(image_id).json
                files = self.glance.folder.root.glob(f"stores/**/{image_id}*")
                text = answer.body.replace(image_id.encode(), b"")
                seen.append(
                    (answer.status, text, image["status"], len(list(files)))
                )
                # There is room again.
                if image["status"] == "queued":
                    answer = client.upload(image_id, b"data")
                    self.assertEqual(204, answer.status, str(answer))
            self.assertEqual(seen[0], seen[1])
            self.assertEqual(413, seen[0][0])


@nightly
class LockedDatabaseTest(testtools.TestCase):
    """Glance waits for its database in vain, and with it a filter."""

    def setUp(self) -> None:
        super().setUp()
        if not glance_databases.is_sqlite():
            self.skipTest("it is not SQLite")
        self.glance = self.useFixture(real_glance.RealGlance())
        self.client = self.glance.client(self.glance.app(FILTERS))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        file = self.glance.folder.sqlite_file
        with contextlib.closing(sqlite3.connect(file)) as database:
            database.execute("BEGIN EXCLUSIVE")
            yield
            database.rollback()

    def test_each(self) -> None:
        new, full = self.client.create_image(), self.client.create_image(b"x")
        space = "/v2/metadefs/namespaces/OS::Compute::Hypervisor"
        requests: tuple[Callable[[], http_client.Response], ...] = (
            lambda: image_requests.rename(self.client, new),
            lambda: image_requests.add_tag(self.client, new),
            lambda: image_requests.upload(self.client, new),
            lambda: self.client.request("DELETE", f"/v2/images/{full}"),
            lambda: self.client.download(full, "bytes=0-0"),
            lambda: self.client.request("GET", space),
        )
        with futures.ThreadPoolExecutor(len(requests)) as pool:
            with self.locked():
                answers = list(pool.map(lambda send: send(), requests))
        self.assertLessEqual({each.status for each in answers}, {500, 503})
        self.assertEqual(0, process.count())
        image = self.client.show(new).json
        self.assertEqual(
            ("test", [], "queued"),
            (image["name"], image["tags"], image["status"]),
        )
        found = [send().status for send in requests[:3]]
        self.assertEqual([200, 204, 204], found)
        self.assertEqual(206, requests[4]().status)


@nightly
class DownloadTest(testtools.TestCase):
    """A client, or the server, that goes in the middle of a download."""

    RANGES = (None, "bytes=1-", "bytes=0-9000000,10000000-16000000")

    def setUp(self) -> None:
        super().setUp()
        self.server = self.useFixture(real_glance.GlanceServer(FILTERS))
        self.image_id = self.server.client().create_image(BIG)

    def worker(self) -> int:
        found = re.findall(r"worker with pid: (\d+)", self.server.log)
        return int(found[-1])

    @contextlib.contextmanager
    def download(self, text: str | None) -> Iterator[http.client.HTTPResponse]:
        """Begin a download, and read a little of it."""
        client = http.client.HTTPConnection(
            "127.0.0.1", self.server.port, timeout=LONG_SECONDS
        )
        fields = {auth.HEADER: auth.MEMBER}
        if text is not None:
            fields["Range"] = text
        path = f"/v2/images/{self.image_id}/file"
        with contextlib.closing(client):
            client.request("GET", path, headers=fields)
            answer = client.getresponse()
            self.assertEqual(200 if text is None else 206, answer.status)
            answer.read(1000)
            yield answer

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + LONG_SECONDS
        while not is_so():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def test_client_gone(self) -> None:
        client = self.server.client()
        for text in self.RANGES:
            # Whatever is opened once.
            client.download(self.image_id)
            with self.download(text):
                pass
            self.wait_until(lambda: not self.data_files())
        before = open_files(self.worker())
        for text in self.RANGES * 3:
            with self.download(text):
                self.assertNotEqual([], self.data_files())
            self.wait_until(lambda: not self.data_files())
        self.wait_until(lambda: open_files(self.worker()) <= before)

    def data_files(self) -> list[str]:
        """Return the files with data of images that the worker has open."""
        found = []
        for link in Path(f"/proc/{self.worker()}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.append(os.readlink(link))
        return [each for each in found if self.image_id in each]

    def test_server_ends_in_order(self) -> None:
        """Who has begun gets it all."""
        with contextlib.ExitStack() as stack:
            answers = [
                stack.enter_context(self.download(text))
                for text in self.RANGES
            ]
            self.server.process.send_signal(signal.SIGTERM)
            self.assertEqual(BIG[1000:], answers[0].read())
            self.assertEqual(BIG[1001:], answers[1].read())
            self.assertEqual(answers[2].length, len(answers[2].read()))
        self.assertEqual(0, self.server.process.wait(LONG_SECONDS))
        self.assertNotIn("Traceback", self.server.log)

    def test_worker_is_killed(self) -> None:
        """Nobody takes what has come for the whole; the next one serves."""
        for text in self.RANGES:
            with self.download(text) as answer:
                os.kill(self.worker(), signal.SIGKILL)
                self.assertRaises(
                    (http.client.IncompleteRead, ConnectionError), answer.read
                )
            with self.download(text) as answer:
                answer.read()


@nightly
class PreloadTest(testtools.TestCase):
    """The filters are made before the server forks its workers."""

    def check(self, url: str) -> None:
        """Check that no change of one image is lost among many."""
        guard = {
            "coordination_url": url,
            "lock_timeout": str(LONG_SECONDS),
            "max_waiters": str(THREADS),
        }
        server = self.useFixture(
            real_glance.GlanceServer(
                FILTERS,
                {"location_guard": guard},
                workers=2,
                threads=THREADS,
                environ={"GUNICORN_CMD_ARGS": "--preload"},
            )
        )
        client = server.client()
        image_id = client.create_image()

        def add(tag: int) -> int:
            path = f"/v2/images/{image_id}/tags/{tag}"
            return client.request("PUT", path).status

        with futures.ThreadPoolExecutor(THREADS) as pool:
            statuses = list(pool.map(add, range(THREADS)))
        self.assertEqual([204] * THREADS, statuses)
        tags = client.show(image_id).json["tags"]
        self.assertEqual(set(map(str, range(THREADS))), set(tags))
        workers = re.findall(r"worker with pid: (\d+)", server.log)
        self.assertEqual(2, len(workers))

    def test_files(self) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        self.check(f"file://{folder}/locks")

    def test_redis(self) -> None:
        redis = self.useFixture(lock_servers.RedisServer())
        self.check(redis.url())
