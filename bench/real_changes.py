# SPDX-License-Identifier: Apache-2.0

"""What requests other than downloads of ranges cost real Glance."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench import apps, effort, figures, measure, real, table
from glance_filters.tests.fixtures import (
    auth,
    glance_config,
    http_client,
    http_data,
    image_requests,
    real_glance,
)

_MIB = 2**20
_DATA = bytes(10_000)

TITLE = "Changes and other requests on real Glance"

# Makes an image for one request, and returns its id.
_Prepare = Callable[[], str]


@dataclass(frozen=True)
class _Row:
    """A request, which is sent to Glance alone and through the filters.

    :ivar name: what it is
    :ivar prepare: makes the image that one request is about
    :ivar send: sends the request
    :ivar status: the status code of the response
    :ivar base: what is sent to Glance alone, where that is something else
    """

    name: str
    prepare: _Prepare
    send: image_requests.Send
    status: int
    base: image_requests.Send | None = None


class Requests:
    """The requests that are measured, and the images that they need.

    :param glance: the Glance
    :param web: serves ``/data``
    """

    def __init__(
        self, glance: real_glance.RealGlance, web: http_data.HttpDataServer
    ) -> None:
        self._folder = glance.folder
        self._plain = glance.client(token=auth.ADMIN)
        self._url = web.url("/data")

    def rows(self) -> Iterator[_Row]:
        """Yield the requests."""
        active = self._kept(_DATA)
        etag = f'"{self._plain.show(active()).json["checksum"]}"'
        yield _Row("GET image", active, http_client.Client.show, 200)
        yield _Row("GET file, 10 kB", active, _download, 200)
        yield _Row(
            "GET file, not modified (beside GET file)",
            *(active, functools.partial(_download, etag=etag), 304),
            base=_download,
        )
        yield _Row(
            "HEAD file (beside GET image)",
            *(active, functools.partial(_download, method="HEAD"), 200),
            base=http_client.Client.show,
        )
        yield _Row("POST image", _nothing, _create, 201)
        yield _Row("PATCH name", active, image_requests.rename, 200)
        for op, path, prepare in (
            ("replace", "/locations", self._queued),
            ("add", "/locations/-", self._queued),
            ("remove", "/locations/1", self._with_two_locations),
        ):
            send = image_requests.change_locations(op, path, self._url)
            yield _Row(f"PATCH {op} location", prepare, send, 200)
        yield _Row("PUT tag", self._active, image_requests.add_tag, 204)
        yield _Row("DELETE tag", self._tagged, image_requests.delete_tag, 204)
        upload = http_client.Client.upload
        for size in (len(_DATA), 8 * _MIB):
            send = functools.partial(upload, data=bytes(size))
            yield _Row(
                f"PUT file, {figures.size(size)}", self._queued, send, 204
            )
        yield _Row(
            "PUT stage, 10 kB",
            self._queued,
            functools.partial(upload, data=_DATA, what="stage"),
            204,
        )
        yield _Row(
            "POST import (glance-direct), and its task",
            *(self._staged, self._to_the_end(_import), 202),
        )
        yield _Row(
            "POST locations, and its task",
            *(self._queued, self._to_the_end(self._add_location), 202),
        )
        yield _Row(
            "DELETE from a store",
            self._with_two_locations,
            image_requests.delete_from_store,
            204,
        )
        yield _Row(
            "POST deactivate", self._active, image_requests.deactivate, 204
        )
        yield _Row("POST reactivate", self._deactivated, _reactivate, 204)
        yield _Row("DELETE image", self._active, image_requests.delete, 204)

    def _to_the_end(self, send: image_requests.Send) -> image_requests.Send:
        def wait(
            client: http_client.Client, image_id: str
        ) -> http_client.Response:
            answer = send(client, image_id)
            self._folder.wait_for_tasks()
            return answer

        return wait

    def _add_location(
        self, client: http_client.Client, image_id: str
    ) -> http_client.Response:
        path = f"/v2/images/{image_id}/locations"
        return client.send_json("POST", path, {"url": self._url})

    def _kept(self, data: bytes) -> _Prepare:
        image_id = self._plain.create_image(data)
        return lambda: image_id

    def _queued(self) -> str:
        return self._plain.create_image()

    def _active(self) -> str:
        return self._plain.create_image(_DATA)

    def _tagged(self) -> str:
        return self._plain.create_image(_DATA, tags=["old"])

    def _staged(self) -> str:
        image_id = self._queued()
        self._plain.upload(image_id, _DATA, "stage")
        return image_id

    def _deactivated(self) -> str:
        image_id = self._active()
        image_requests.deactivate(self._plain, image_id)
        return image_id

    def _with_two_locations(self) -> str:
        image_id = self._active()
        self._plain.add_location(image_id, self._url)
        return image_id


def _nothing() -> str:
    return ""


def _create(client: http_client.Client, image_id: str) -> http_client.Response:
    image = {"disk_format": "raw", "container_format": "bare"}
    return client.send_json("POST", "/v2/images", image)


def _download(
    client: http_client.Client,
    image_id: str,
    method: str = "GET",
    etag: str | None = None,
) -> http_client.Response:
    fields = {} if etag is None else {"If-None-Match": etag}
    return client.request(method, f"/v2/images/{image_id}/file", fields)


def _import(client: http_client.Client, image_id: str) -> http_client.Response:
    store = glance_config.DEFAULT_STORE
    return client.start_import(image_id, store, name="glance-direct")


def _reactivate(
    client: http_client.Client, image_id: str
) -> http_client.Response:
    path = f"/v2/images/{image_id}/actions/reactivate"
    return client.request("POST", path)


def _measure(
    row: _Row, alone: real.Side, ours: real.Side, rounds: int
) -> Sequence[str]:
    def call_of(
        client: real.Side, send: image_requests.Send, status: int | None
    ) -> Callable[[], object]:
        image_id = row.prepare()

        def call() -> None:
            answer = send(client, image_id)
            if status not in (None, answer.status):
                raise RuntimeError(f"{row.name}: {answer}")

        return call

    base = functools.partial(
        call_of,
        *(alone, row.base or row.send, None if row.base else row.status),
    )
    side = functools.partial(call_of, ours, row.send, row.status)
    before, after = (real.count(prepare()) for prepare in (base, side))
    found = measure.compare(
        real.prepared_cpu(base), real.prepared_cpu(side), rounds
    )
    return (
        row.name,
        str(after.calls),
        str(before.statements),
        str(after.statements),
        figures.duration(found.base),
        figures.duration(found.base * found.ratio),
        figures.digits(found.ratio),
        figures.duration(found.added),
    )


def sections(how: effort.Effort) -> list[table.Section]:
    """Measure."""
    with contextlib.ExitStack() as stack:
        glance = stack.enter_context(
            real_glance.RealGlance(is_validated=False)
        )
        web = http_data.HttpDataServer({"/data": _DATA})
        stack.enter_context(web)
        alone = real.Side(glance, token=auth.ADMIN)
        ours = real.Side(glance, tuple(apps.FILTERS), token=auth.ADMIN)
        rows = [
            _measure(row, alone, ours, how.of(25, 1))
            for row in Requests(glance, web).rows()
        ]
    return [
        table.Section(
            TITLE,
            "All four filters in the pipeline of real Glance, in this "
            "process, with file stores and locks of files. Beside the same "
            "request to Glance alone, or to what is said. Times are those of "
            "the processor. Glance alone is one call each.",
            (
                "",
                "Glance calls",
                "SQL alone",
                "SQL with",
                "time alone",
                "time with",
                "ratio",
                "added",
            ),
            rows,
        )
    ]
