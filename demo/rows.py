# SPDX-License-Identifier: Apache-2.0

"""The parts of a table of the demonstration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from glance_filters.tests.fixtures import (
    auth,
    glance_folder,
    http_client,
    http_data,
    legacy_glance,
    real_glance,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# Bodies of images in the http store.
WEB_FILES = {f"/data-{number}": bytes(1000) for number in range(3)}


@dataclass(frozen=True)
class Import:
    """What became of an import.

    :ivar task_status: the status of its task
    :ivar message: the message of its task
    """

    task_status: str
    message: str


class Side(Protocol):
    """Glance, alone or behind the filters, and a look behind its API."""

    def client(self, token: str) -> http_client.Client:
        """Return a client of the API."""

    def add_image(self, status: str, locations: int) -> str:
        """Add an image and return its id.

        :param status: the status it is in
        :param locations: how many locations it has, 0 to 2
        """

    def add_data(self, data: bytes, disk_format: str = "raw") -> str:
        """Add an active image with data in a file store; return its id."""

    def spare_url(self) -> str:
        """Return the URL of a location that no image has yet."""

    def image(self, image_id: str) -> tuple[str, int]:
        """Return an image's status and its number of locations."""


class GlanceSide:
    """A side that is a Glance in a process of its own.

    :param glance: the server
    :param web: serves ``WEB_FILES``, to which its locations point, and what
        is imported
    :param token: the owner of its images, who may add locations
    """

    def __init__(
        self,
        glance: real_glance.GlanceServer,
        web: http_data.HttpDataServer,
        token: str,
    ) -> None:
        self._glance = glance
        self._folder: glance_folder.GlanceFolder = glance.folder
        self._web = web
        self._token = token

    def client(self, token: str) -> http_client.Client:
        """Return a client of the API."""
        return self._glance.client(token)

    def add_image(self, status: str, locations: int) -> str:
        """Add an image by the API and set its status in the database."""
        owner = self.client(self._token)
        image_id = owner.create_image()
        for path in list(WEB_FILES)[:locations]:
            answer = owner.add_location(image_id, self._web.url(path))
            if answer.status != HTTPStatus.OK:
                raise RuntimeError(f"no location: {answer}")
        self._folder.set_status(image_id, status)
        return image_id

    @property
    def url(self) -> str:
        """The URL of the server."""
        return self._glance.url

    def add_data(self, data: bytes, disk_format: str = "raw") -> str:
        """Add an image by the API."""
        owner = self.client(self._token)
        return owner.create_image(data, disk_format=disk_format)

    def import_from_web(self, image_id: str, path: str) -> Import:
        """Import what the web server has, and wait for the end of that."""
        owner = self.client(self._token)
        url = self._web.url(path)
        answer = owner.start_import(image_id, name="web-download", uri=url)
        if answer.status != HTTPStatus.ACCEPTED:
            raise RuntimeError(f"no import: {answer}")
        self._folder.wait_for_tasks()
        [task] = owner.request("GET", f"/v2/images/{image_id}/tasks").json[
            "tasks"
        ]
        return Import(task["status"], task["message"])

    def stored_bytes(self, image_id: str) -> int:
        """Return how many bytes are stored under an image's name."""
        files = self._folder.root.glob(f"stores/**/{image_id}*")
        return sum(each.stat().st_size for each in files if each.is_file())

    def spare_url(self) -> str:
        """Return the URL of a location that no image has yet."""
        return self._web.url(list(WEB_FILES)[-1])

    def hold_spare_location(self) -> AbstractContextManager[http_data.Hold]:
        """Hold back answers for the spare location until the hold ends."""
        return self._web.hold(list(WEB_FILES)[-1])

    def image(self, image_id: str) -> tuple[str, int]:
        """Return an image's status and locations, from the database."""
        row = self._folder.image_row(image_id)
        return row["status"], len(self._folder.locations(image_id))


class LegacySide:
    """A side that is the stub of an old Glance, in this process.

    :param stub: the stub
    :param app: the stub, alone or behind the filters
    """

    def __init__(
        self, stub: legacy_glance.LegacyGlance, app: WSGIApplication
    ) -> None:
        self._stub = stub
        self._app = app

    def client(self, token: str) -> http_client.Client:
        """Return a client of the API."""
        return http_client.WsgiClient(self._app, token)

    def add_image(self, status: str, locations: int) -> str:
        """Add an image to the stub, of the project of the demo's users."""
        urls = [legacy_glance.HTTP_URL, f"{legacy_glance.HTTP_URL}?2"]
        project = auth.MEMBER.split(":")[1]
        return self._stub.add_image(status, urls[:locations], owner=project).id

    def add_data(self, data: bytes, disk_format: str = "raw") -> str:
        """Add an image to the stub."""
        project = auth.MEMBER.split(":")[1]
        return self._stub.add_image(
            data=data, disk_format=disk_format, owner=project
        ).id

    def spare_url(self) -> str:
        """Return the URL of a location that no image has yet."""
        return f"{legacy_glance.HTTP_URL}?2"

    def image(self, image_id: str) -> tuple[str, int]:
        """Return an image's status and locations, from the stub's memory."""
        image = self._stub.images[image_id]
        return image.status, len(image.locations)


@dataclass(frozen=True)
class Row:
    """One line of a table.

    :ivar asked: the request, in a few words
    :ivar observe: sends it to a side and returns what was observed, in a few
        words
    :ivar filtered: what must be observed with the filters
    :ivar in_readme: True if the README shows it
    """

    asked: str
    observe: Callable[[Side], str]
    filtered: str
    in_readme: bool = False


@dataclass(frozen=True)
class Section:
    """The rows of one filter.

    :ivar title: what they are about
    :ivar rows: for real Glance
    :ivar legacy_rows: for the stub of an old Glance
    """

    title: str
    rows: Sequence[Row]
    legacy_rows: Sequence[Row]


def describe_status(status: int) -> str:
    """Return a status code with its name."""
    return f"{status} {HTTPStatus(status).phrase}"


def describe_image(status: str, locations: int) -> str:
    """Return an image's state in a few words."""
    plural = "" if locations == 1 else "s"
    return f"{status}, {locations} location{plural}"
