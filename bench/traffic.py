# SPDX-License-Identifier: Apache-2.0

"""Clients that use a Glance as many different clients would, at once."""

from __future__ import annotations

import collections
import http.client
import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from glance_filters.tests.fixtures import (
    auth,
    disk_files,
    glance_config,
    http_client,
    http_data,
    image_requests,
    real_glance,
)

WEB_FILES = {f"/{number}": bytes(2000) for number in range(4)}
_SIZES = (0, 1, 1000, 200_000, 3_000_000)
_QCOW2 = disk_files.qcow2()


@dataclass(frozen=True)
class Failure:
    """A response that is the server's fault, or none at all.

    :ivar status: its status code; 0 if there was no response
    :ivar request_id: the id under which Glance logged it, if it told one
    """

    action: str
    status: int
    request_id: str | None


class Traffic:
    """The clients.

    :param glance: the server
    :param web: serves ``WEB_FILES``
    :param clients: how many threads
    :param seconds: for how long
    :ivar counts: how often each (action, status) came
    :ivar failures: the responses above 499
    """

    def __init__(
        self,
        glance: real_glance.GlanceServer,
        web: http_data.HttpDataServer,
        clients: int,
        seconds: float,
    ) -> None:
        self._glance = glance
        self._web = web
        self._lock = threading.Lock()
        self._end = time.monotonic() + seconds
        self.counts: collections.Counter[tuple[str, int]] = (
            collections.Counter()
        )
        self.failures: list[Failure] = []
        self._threads = [
            threading.Thread(target=self._work, args=[number])
            for number in range(clients)
        ]

    def start(self) -> None:
        """Start the clients."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until they have ended."""
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        client = _Client(self, self._glance, self._web, number)
        while time.monotonic() < self._end:
            client.act()

    def locked_images(self) -> list[str]:
        """Return those of the last images that cannot be changed."""
        client = self._glance.client(auth.ADMIN)
        return [
            image_id
            for image_id in _Client.shared
            if image_requests.rename(client, image_id).status not in (200, 404)
        ]

    def note(self, action: str, answer: http_client.Response | None) -> None:
        """Count a response; None is that the server closed the connection."""
        status = 0 if answer is None else answer.status
        with self._lock:
            self.counts[action, status] += 1
            if answer is None:
                self.failures.append(Failure(action, status, None))
            elif status >= 500:
                told = answer.header("x-openstack-request-id")
                self.failures.append(Failure(action, status, told))


class _Client:
    """One of the clients, which has some images and shares some."""

    shared: collections.deque[str] = collections.deque(maxlen=20)

    def __init__(
        self,
        traffic: Traffic,
        glance: real_glance.GlanceServer,
        web: http_data.HttpDataServer,
        number: int,
    ) -> None:
        self._traffic = traffic
        self._glance = glance
        self._web = web
        self._random = random.Random(number)
        self._client = glance.client(auth.ADMIN)
        self._images: list[str] = []
        self._actions: list[Callable[[], object]] = [
            *(self._create, self._upload, self._upload_qcow2),
            *(self._part, self._part, self._parts, self._whole, self._head),
            *(self._change, self._rename, self._deactivate, self._stores),
            *(self._metadefs, self._schema, self._listing),
            *(self._vanish_in_upload, self._vanish_in_download),
        ]

    def act(self) -> None:
        """Do one thing."""
        if len(self._images) > 10:
            image_id = self._images.pop(0)
            self._ask("delete", "DELETE", f"/v2/images/{image_id}")
        self._random.choice(self._actions)()

    def _ask(
        self,
        action: str,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> http_client.Response | None:
        answer: http_client.Response | None
        try:
            answer = self._client.request(method, path, headers, body)
        except (OSError, http.client.HTTPException):
            # A refused upload may be cut off before it was sent.
            is_upload = method == "PUT"
            answer = http_client.Response(499, [], b"") if is_upload else None
        self._traffic.note(action, answer)
        return answer

    def _image(self) -> str:
        """Return the path of an image, of this client or of another."""
        known = [*self._images[-3:], *list(self.shared)[-5:]]
        return f"/v2/images/{self._random.choice(known or ['none'])}"

    def _create(self, disk_format: str = "raw") -> str | None:
        image = {"disk_format": disk_format, "container_format": "bare"}
        answer = self._client.send_json("POST", "/v2/images", image)
        self._traffic.note("create", answer)
        if answer.status != 201:
            return None
        image_id: str = answer.json["id"]
        self._images.append(image_id)
        self.shared.append(image_id)
        return image_id

    def _put(self, image_id: str | None, action: str, data: bytes) -> None:
        fields = {"Content-Type": "application/octet-stream"}
        path = f"/v2/images/{image_id}/file"
        self._ask(action, "PUT", path, fields, data)

    def _upload(self) -> None:
        data = self._random.randbytes(self._random.choice(_SIZES))
        self._put(self._create(), "upload", data)

    def _upload_qcow2(self) -> None:
        declared = self._random.choice(("raw", "qcow2"))
        self._put(self._create(declared), f"upload as {declared}", _QCOW2)

    def _part(self) -> None:
        start = self._random.randrange(1200)
        ranges = f"bytes={start}-{start + 500}"
        self._ask("part", "GET", f"{self._image()}/file", {"Range": ranges})

    def _parts(self) -> None:
        ranges = "bytes=0-9,500-600,-5"
        self._ask("parts", "GET", f"{self._image()}/file", {"Range": ranges})

    def _whole(self) -> None:
        self._ask("download", "GET", f"{self._image()}/file")

    def _head(self) -> None:
        self._ask("head", "HEAD", f"{self._image()}/file")

    def _change(self) -> None:
        url = self._web.url(self._random.choice(list(WEB_FILES)))
        value = {"url": url, "metadata": {}}
        patch = self._random.choice(
            (
                {"op": "add", "path": "/locations/-", "value": value},
                {"op": "replace", "path": "/locations", "value": [value]},
                {"op": "remove", "path": "/locations/0"},
            )
        )
        answer = self._client.patch(self._image().rpartition("/")[2], patch)
        self._traffic.note(f"{patch['op']} location", answer)

    def _rename(self) -> None:
        image_id = self._image().rpartition("/")[2]
        answer = image_requests.rename(self._client, image_id)
        self._traffic.note("rename", answer)

    def _deactivate(self) -> None:
        action = self._random.choice(("deactivate", "reactivate"))
        self._ask(action, "POST", f"{self._image()}/actions/{action}")

    def _stores(self) -> None:
        image_id = self._image().rpartition("/")[2]
        store = glance_config.DEFAULT_STORE
        self._ask("from store", "DELETE", f"/v2/stores/{store}/{image_id}")

    def _metadefs(self) -> None:
        path = "/v2/metadefs/namespaces/OS::Compute::Hypervisor/properties"
        self._ask("metadefs", "GET", path)

    def _schema(self) -> None:
        self._ask("schema", "GET", "/v2/schemas/image")

    def _listing(self) -> None:
        self._ask("list", "GET", "/v2/images?limit=5")

    def _vanish_in_upload(self) -> None:
        image_id = self._create()
        self._vanish(f"PUT /v2/images/{image_id}/file", b"x" * 50_000)

    def _vanish_in_download(self) -> None:
        self._vanish(f"GET {self._image()}/file", b"")

    def _vanish(self, request: str, data: bytes) -> None:
        """Send a request, and close the connection in the middle of it."""
        address = ("127.0.0.1", self._glance.port)
        length = 1_000_000 if data else 0
        head = (
            f"{request} HTTP/1.1\r\nHost: x\r\n{auth.HEADER}: {auth.ADMIN}\r\n"
            "Content-Type: application/octet-stream\r\n"
            f"Content-Length: {length}\r\n\r\n"
        )
        with socket.create_connection(address) as connection:
            connection.sendall(head.encode() + data)
            if not data:
                connection.recv(100)
        name = "vanish in upload" if data else "vanish in download"
        self._traffic.note(name, http_client.Response(499, [], b""))
