# SPDX-License-Identifier: Apache-2.0

"""Races that destroy data in Glance alone, and that the guard ends.

The window of each race is held open: a request that changes an image stops
before Glance saves it, and a second one is sent meanwhile.
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator
from typing import Any

import fixtures
import glance.db
import testtools

from glance_filters import tests
from glance_filters.tests.fixtures import (
    auth,
    glance_databases,
    http_client,
    http_data,
    image_requests,
    real_glance,
)
from glance_filters.tests.fixtures.image_requests import (
    DATA,
    WEB_DATA,
    Request,
    Send,
    add_tag,
    deactivate,
    delete_from_store,
    delete_tag,
    rename,
    upload,
)

FILTERS = ("location_guard",)

# How long a second request is given to overtake the first, which it must not.
OVERTAKING_SECONDS = 0.5
LONG_SECONDS = 30

gated = tests.in_process("Glance is stopped where it saves an image")


class SaveGate(fixtures.Fixture):
    """Stops the thread called ``first`` before Glance saves an image.

    :param number: which of the thread's saves, 1 for the first
    :ivar reached: it is there
    :ivar opened: it may go on
    """

    def __init__(self, number: int = 1) -> None:
        super().__init__()
        self._number = number

    def _setUp(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        save = glance.db.ImageRepo.save
        left = self._number

        def gated(repo: Any, *args: Any, **kwargs: Any) -> None:
            nonlocal left
            if threading.current_thread().name == "first":
                left -= 1
            if not left and threading.current_thread().name == "first":
                self.reached.set()
                if not self.opened.wait(LONG_SECONDS):
                    raise TimeoutError("the gate stays closed")
            save(repo, *args, **kwargs)

        self.useFixture(
            fixtures.MockPatchObject(glance.db.ImageRepo, "save", gated)
        )


class RaceCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        files = {"/a": WEB_DATA, "/b": WEB_DATA}
        self.web = self.useFixture(http_data.HttpDataServer(files))
        self.glance = self.useFixture(real_glance.RealGlance())
        self.alone = self.glance.client(token=auth.ADMIN)
        self.guarded = self.glance.client(self.glance.app(FILTERS), auth.ADMIN)

    def race(
        self,
        client: http_client.Client,
        image_id: str,
        one: Send,
        two: Send,
        number: int = 1,
    ) -> tuple[int, int]:
        """Send *two* while *one* is about to save; return their statuses.

        :param number: which of its saves, 1 for the first
        """
        with self.stopped(client, image_id, one, number) as first:
            second = Request(two, client, image_id, "second")
            if client is self.alone:
                second.status()
            else:
                second.join(OVERTAKING_SECONDS)
                self.assertTrue(second.is_alive(), str(second.answer))
        return first.status(), second.status()

    @contextlib.contextmanager
    def stopped(
        self,
        client: http_client.Client,
        image_id: str,
        send: Send = rename,
        number: int = 1,
    ) -> Iterator[Request]:
        """Send a request that is stopped where it is about to save.

        :param number: which of its saves, 1 for the first
        """
        with SaveGate(number) as gate:
            first = Request(send, client, image_id, "first")
            self.assertTrue(gate.reached.wait(LONG_SECONDS))
            yield first
            gate.opened.set()
            first.status()

    def location(self, path: str) -> dict[str, object]:
        return {"url": self.web.url(path), "metadata": {}}

    def change(self, op: str, path: str, web_path: str = "/a") -> Send:
        url = self.web.url(web_path)
        return image_requests.change_locations(op, path, url)

    def two_locations(self) -> str:
        """Return an active image: in a file store, and on the web."""
        image_id = self.alone.create_image(DATA)
        added = self.alone.add_location(image_id, self.web.url("/a"))
        self.assertEqual(200, added.status, str(added))
        return image_id

    def is_readable(self, image_id: str) -> bool:
        answer = self.alone.download(image_id)
        return answer.status == 200 and answer.body in (DATA, WEB_DATA)


@gated
class ReplaceOrUploadTest(RaceCase):
    def run_race(self, client: http_client.Client) -> tuple[str, int, int]:
        image_id = self.alone.create_image()
        replace = self.change("replace", "/locations", "/a")
        return (image_id, *self.race(client, image_id, replace, upload))

    def test_alone_the_upload_is_lost(self) -> None:
        image_id, first, second = self.run_race(self.alone)
        self.assertEqual((200, 204), (first, second))
        self.assertEqual(WEB_DATA, self.alone.download(image_id).body)

    def test_guarded(self) -> None:
        image_id, first, second = self.run_race(self.guarded)
        self.assertEqual((200, 409), (first, second))
        [url] = self.glance.folder.locations(image_id)
        self.assertEqual(self.web.url("/a"), url)
        self.assertTrue(self.is_readable(image_id))


@gated
class PatchOrDeactivateTest(RaceCase):
    def run_race(
        self, client: http_client.Client, patch: Send
    ) -> tuple[tuple[int, int], str]:
        image_id = self.two_locations()
        codes = self.race(client, image_id, patch, deactivate)
        status: str = self.alone.show(image_id).json["status"]
        return codes, status

    def test_each(self) -> None:
        for patch in (rename, self.change("add", "/locations/-", "/b")):
            alone = self.run_race(self.alone, patch)
            self.assertEqual(((200, 204), "active"), alone)
            guarded = self.run_race(self.guarded, patch)
            self.assertEqual(((200, 204), "deactivated"), guarded)


@gated
class TagOrDeactivateTest(RaceCase):
    """Glance saves the whole image, whatever the request changes."""

    def run_race(
        self, client: http_client.Client, tag: Send
    ) -> tuple[tuple[int, int], str, list[str]]:
        image_id = self.alone.create_image(DATA, tags=["old"])
        codes = self.race(client, image_id, tag, deactivate)
        image = self.alone.show(image_id).json
        return codes, image["status"], image["tags"]

    def test_each(self) -> None:
        for tag, tags in ((add_tag, ["new", "old"]), (delete_tag, [])):
            codes, status, _ = self.run_race(self.alone, tag)
            self.assertEqual(((204, 204), "active"), (codes, status))
            codes, status, found = self.run_race(self.guarded, tag)
            self.assertEqual(((204, 204), "deactivated"), (codes, status))
            self.assertEqual(tags, sorted(found))


@gated
class BeginningOfAnUploadTest(RaceCase):
    """A change that has read the image before an upload begins."""

    def run_race(
        self, client: http_client.Client, change: Send
    ) -> tuple[int, str]:
        image_id = self.alone.create_image()
        _, code = self.race(client, image_id, change, upload)
        status: str = self.alone.show(image_id).json["status"]
        return code, status

    def test_each(self) -> None:
        for change in (rename, add_tag):
            # It is told as done, and lost.
            found = self.run_race(self.alone, change)
            self.assertEqual((204, "queued"), found)
            found = self.run_race(self.guarded, change)
            self.assertEqual((204, "active"), found)


@gated
class EndOfAnUploadTest(RaceCase):
    """A change while Glance is about to save that the data is there."""

    # The first is that the image is being saved.
    LAST_SAVE = 2

    def run_race(
        self, client: http_client.Client, change: Send
    ) -> tuple[tuple[int, int], dict[str, Any]]:
        image_id = self.alone.create_image()
        codes = self.race(client, image_id, upload, change, self.LAST_SAVE)
        image: dict[str, Any] = self.alone.show(image_id).json
        return codes, image

    def test_each(self) -> None:
        for change, code, member, value in (
            (rename, 200, "name", "new"),
            (add_tag, 204, "tags", ["new"]),
        ):
            codes, image = self.run_race(self.alone, change)
            self.assertEqual((204, code), codes)
            self.assertNotEqual(value, image[member])
            codes, image = self.run_race(self.guarded, change)
            self.assertEqual((204, code), codes)
            self.assertEqual("active", image["status"])
            self.assertEqual(value, image[member])


@gated
class RemoveOrDeleteFromStoreTest(RaceCase):
    def run_race(self, client: http_client.Client) -> tuple[str, int, int]:
        image_id = self.two_locations()
        remove = self.change("remove", "/locations/1")
        return (
            image_id,
            *self.race(client, image_id, remove, delete_from_store),
        )

    def test_alone_the_data_are_lost(self) -> None:
        image_id, first, second = self.run_race(self.alone)
        self.assertEqual((200, 204), (first, second))
        self.assertFalse(self.is_readable(image_id))

    def test_guarded(self) -> None:
        image_id, first, second = self.run_race(self.guarded)
        # What is the last location now cannot be deleted from its store.
        self.assertEqual((200, 403), (first, second))
        self.assertTrue(self.is_readable(image_id))


@gated
class TwoPatchesTest(RaceCase):
    def run_race(self, client: http_client.Client) -> tuple[str, int, int]:
        image_id = self.two_locations()
        one = self.change("remove", "/locations/1")
        two = self.change("remove", "/locations/0")
        return (image_id, *self.race(client, image_id, one, two))

    def test_alone_the_data_are_lost(self) -> None:
        image_id, first, second = self.run_race(self.alone)
        self.assertEqual((200, 200), (first, second))
        self.assertEqual("active", self.alone.show(image_id).json["status"])
        self.assertFalse(self.is_readable(image_id))

    def test_guarded(self) -> None:
        image_id, first, second = self.run_race(self.guarded)
        self.assertEqual(200, first)
        image = self.alone.show(image_id).json
        # The second came to an image with one location, and took it away or
        # was not allowed to.
        if second == 200:
            self.assertEqual("queued", image["status"])
            self.assertEqual([], self.glance.folder.locations(image_id))
        else:
            self.assertTrue(self.is_readable(image_id))


class WaitingTest(RaceCase):
    @gated
    def test_other_images_do_not_wait(self) -> None:
        image_id, other = self.two_locations(), self.two_locations()
        with self.stopped(self.guarded, image_id) as first:
            for each in (deactivate, delete_from_store):
                answer = each(self.guarded, other)
                self.assertLess(answer.status, 500, str(answer))
            # Nor does what takes no lock.
            self.assertEqual(200, self.guarded.show(image_id).status)
            self.assertTrue(first.is_alive())
        self.assertEqual(200, first.status())

    @gated
    def test_other_spellings_of_the_id(self) -> None:
        image_id = self.two_locations()

        def shout(client: http_client.Client, image_id: str) -> Any:
            return deactivate(client, image_id.upper())

        if not glance_databases.folds_case():
            # Nobody waits for an image that Glance does not show.
            self.assertEqual(404, shout(self.guarded, image_id).status)
            return
        app = self.glance.app(FILTERS, {FILTERS[0]: {"lock_timeout": "0.2"}})
        client = self.glance.client(app, auth.ADMIN)
        with self.stopped(client, image_id) as first:
            self.assertEqual(409, shout(client, image_id).status)
        self.assertEqual(200, first.status())
        self.assertEqual(204, shout(client, image_id).status)

    @gated
    def test_not_for_ever(self) -> None:
        image_id = self.two_locations()
        app = self.glance.app(FILTERS, {FILTERS[0]: {"lock_timeout": "0.2"}})
        client = self.glance.client(app, auth.ADMIN)
        with self.stopped(client, image_id) as first:
            for each in (rename, deactivate, delete_from_store):
                answer = each(client, image_id)
                self.assertEqual(409, answer.status)
                self.assertIn(b"another request", answer.body)
                self.assertEqual("1", answer.header("Retry-After"))
            status = self.alone.show(image_id).json["status"]
            self.assertEqual("active", status)
        self.assertEqual(200, first.status())

    def test_an_upload_lets_go_when_its_data_are_read(self) -> None:
        image_id = self.alone.create_image()
        reading, go_on = threading.Event(), threading.Event()

        class Body(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                reading.set()
                if not go_on.wait(LONG_SECONDS):
                    raise TimeoutError
                return super().read(size)

        def slowly(client: http_client.Client, image_id: str) -> Any:
            environ = http_client.make_environ(
                "PUT",
                f"/v2/images/{image_id}/file",
                {
                    "Content-Type": "application/octet-stream",
                    auth.HEADER: auth.ADMIN,
                },
                DATA,
            )
            environ["wsgi.input"] = Body(DATA)
            app = self.glance.app(FILTERS)
            return http_client.call_wsgi(app, environ)

        first = Request(slowly, self.guarded, image_id)
        self.assertTrue(reading.wait(LONG_SECONDS))
        # Its end would undo that.
        answer = rename(self.guarded, image_id)
        self.assertEqual(409, answer.status)
        self.assertIn(b"is being uploaded", answer.body)
        answer = self.change("replace", "/locations", "/a")(
            self.guarded, image_id
        )
        self.assertEqual(409, answer.status)
        # Another Glance has not begun before it gets the first data.
        word = b"is being uploaded" if tests.IS_PROXIED else b"saving"
        self.assertIn(word, answer.body)
        go_on.set()
        self.assertEqual(204, first.status())
        self.assertTrue(self.is_readable(image_id))
