# SPDX-License-Identifier: Apache-2.0

"""A running service, as its client sees it: also what it breaks off."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib import parse

# More than any answer here has.
_MAX_BYTES = 16 * 1024 * 1024

# More than that is no time to wait for data.
_MAX_SECONDS = 1e6

# Those of RFC 9110 (15.5); each Python has others.
_PHRASES = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}

_PATCH_TYPE = "application/openstack-images-v2.1-json-patch"


class Unreachable(Exception):
    """The service did not answer."""


@dataclass(frozen=True)
class Answer:
    """An answer, or as much of it as came.

    :ivar status: the status code
    :ivar headers: the header fields, in their order
    :ivar body: what came of the body
    :ivar cut: what the service does where it should send more; empty if it
        sent all
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    cut: str = ""

    def header(self, name: str) -> str | None:
        """Return the value of the first field called *name*, if any."""
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None

    @property
    def is_whole(self) -> bool:
        """Whether the service sent what it promised."""
        return not self.cut

    @property
    def json(self) -> Any:
        """The body as JSON; None if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __str__(self) -> str:
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = ""
        text = f"{self.status} {_PHRASES.get(self.status, phrase)}".strip()
        if self.is_whole:
            return text
        promised = self.header("Content-Length") or "more"
        return (
            f"{text}, promises {promised} bytes, sends {len(self.body)} and "
            f"{self.cut}"
        )


class Service:
    """A service of the Images API.

    :param url: its URL, with or without ``/v2`` at the end
    :param token: whose images are made
    :param context: verifies its certificate; None for the default
    :param timeout: how long it may send nothing, in seconds
    :raises ValueError: if the URL is none, or the token or the time cannot be
        used
    """

    def __init__(
        self,
        url: str,
        token: str,
        context: ssl.SSLContext | None = None,
        timeout: float = 10.0,
    ) -> None:
        wrong = ValueError(f"not a URL of a service: {url!r}")
        try:
            parts = parse.urlsplit(url)
            host, port = parts.hostname or "", parts.port
            # Else each request would fail at them.
            host.encode("idna")
            parts.path.encode("ascii")
        except ValueError as error:
            raise wrong from error
        if parts.scheme not in ("http", "https") or not host:
            raise wrong
        if not url.isprintable() or " " in url:
            raise wrong
        if not token.isascii() or not token.isprintable():
            # It is not told: only its end may be wrong.
            raise ValueError("the token has characters that no token has")
        if not 0 < timeout < _MAX_SECONDS:
            raise ValueError(f"not a time to wait, in seconds: {timeout}")
        self._connect: Callable[[], http.client.HTTPConnection]
        if parts.scheme == "https":
            self._connect = lambda: http.client.HTTPSConnection(
                host, port, timeout=timeout, context=context
            )
        else:
            self._connect = lambda: http.client.HTTPConnection(
                host, port, timeout=timeout
            )
        self._base = parts.path.rstrip("/")
        if self._base.endswith("/v2"):
            self._base = self._base[: -len("/v2")]
        self._token = token

    @contextlib.contextmanager
    def _connection(self) -> Iterator[http.client.HTTPConnection]:
        connection = self._connect()
        try:
            yield connection
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()

    def _fields(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {"X-Auth-Token": self._token, **headers}

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send a request on a connection of its own.

        :param path: below the URL of the service
        :raises Unreachable: if there is no answer
        """
        with self._connection() as connection:
            connection.request(
                method, self._base + path, body, self._fields(headers or {})
            )
            return _read(connection.getresponse())

    def send_json(
        self,
        method: str,
        path: str,
        value: Any,
        content_type: str = "application/json",
    ) -> Answer:
        """Send a request whose body is *value* as JSON."""
        return self.request(
            method,
            path,
            {"Content-Type": content_type},
            json.dumps(value).encode(),
        )

    def patch(self, image_id: str, *operations: Mapping[str, Any]) -> Answer:
        """Change an image by a JSON patch."""
        path = f"/v2/images/{image_id}"
        return self.send_json("PATCH", path, operations, _PATCH_TYPE)

    def upload(self, image_id: str, data: bytes) -> Answer:
        """Upload the data of an image."""
        return self.request(
            "PUT",
            f"/v2/images/{image_id}/file",
            {"Content-Type": "application/octet-stream"},
            data,
        )

    @contextlib.contextmanager
    def slow_upload(
        self, image_id: str, data: bytes
    ) -> Iterator[Callable[[], Answer]]:
        """Begin to upload; yield what sends the rest, for the answer."""
        with self._connection() as connection:
            connection.putrequest(
                "PUT", f"{self._base}/v2/images/{image_id}/file"
            )
            for name, value in self._fields(
                {
                    "Content-Type": "application/octet-stream",
                    "Content-Length": str(len(data)),
                }
            ).items():
                connection.putheader(name, value)
            connection.endheaders()
            half = len(data) // 2
            connection.send(data[:half])

            def finish() -> Answer:
                connection.send(data[half:])
                return _read(connection.getresponse())

            yield finish


def _read(response: http.client.HTTPResponse) -> Answer:
    body = b""
    cut = ""
    try:
        while len(body) < _MAX_BYTES:
            piece = response.read1(65536)
            if not piece:
                break
            body += piece
    except socket.timeout:
        cut = "keeps the client waiting"
    except (OSError, http.client.HTTPException):
        cut = "breaks off"
    # http.client has counted down what was promised.
    if response.length and not cut:
        cut = "breaks off"
    return Answer(response.status, tuple(response.getheaders()), body, cut)
