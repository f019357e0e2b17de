# SPDX-License-Identifier: Apache-2.0

"""Uploads: what reads them, and where they come from."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import apps
from glance_filters.tests.fixtures import disk_files

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_PIECE = 64 * 1024
_ZEROS = bytes(_PIECE)


class UploadCore:
    """A core with a queued image, which reads an upload and drops it.

    :param disk_format: of the image
    """

    def __init__(self, disk_format: str) -> None:
        self._disk_format = disk_format

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Read an upload, or answer with the image's record."""
        if environ["REQUEST_METHOD"] != "PUT":
            return apps.record_answer(
                start_response,
                status="queued",
                disk_format=self._disk_format,
                container_format="bare",
            )
        length = int(environ["CONTENT_LENGTH"])
        body = environ["wsgi.input"]
        while length:
            length -= len(body.read(min(_PIECE, length)))
        start_response("204 No Content", [])
        return []


class Zeros:
    """A body of zeros after a head, which is made as it is read."""

    def __init__(self, head: bytes = b"") -> None:
        self._head = head

    def read(self, size: int) -> bytes:
        """Return *size* bytes, at most a piece."""
        head, self._head = self._head, b""
        if head:
            return head.ljust(size, b"\0")[:size]
        return _ZEROS if size >= _PIECE else _ZEROS[:size]


def write_image(path: Path, disk_format: str, size: int) -> None:
    """Write an image file of *size* bytes; what is zero is not on the disk."""
    with path.open("wb") as file:
        file.truncate(size)
        if disk_format == "qcow2":
            file.write(disk_files.qcow2())
        elif disk_format == "vhd":
            # Of a fixed one the footer, at the very end, is all there is.
            footer = disk_files.vhd_footer(disk_files.VHD_FIXED)
            file.seek(size - len(footer))
            file.write(footer)


def put(app: Any, size: int, body: Any) -> None:
    """Upload *size* bytes.

    :raises RuntimeError: if that is refused
    """
    environ = apps.environ_of(
        "PUT", f"{apps.IMAGE}/file", Content_Length=str(size)
    )
    environ["wsgi.input"] = body
    statuses: list[str] = []

    def start(status: str, headers: Any, exc_info: Any = None) -> Any:
        statuses.append(status)
        return apps.ignore

    for _ in app(environ, start):
        pass
    if not statuses[-1].startswith("204"):
        raise RuntimeError(statuses[-1])


@contextlib.contextmanager
def over_a_socket(path: Path) -> Iterator[Any]:
    """Send a file from another process, as a client would."""
    ours, theirs = socket.socketpair()
    with ours, ours.makefile("rb") as stream:
        with theirs:
            sender = subprocess.Popen(
                ["cat", str(path)], stdout=theirs.fileno()
            )
        yield stream
    sender.wait()


def from_socket(app: Any, path: Path) -> Callable[[], Callable[[], object]]:
    """Return what prepares an upload of a file over a socket."""

    def upload() -> None:
        with over_a_socket(path) as stream:
            put(app, path.stat().st_size, stream)

    return lambda: upload


def from_memory(app: Any, size: int) -> Callable[[], object]:
    """Return what uploads *size* bytes that need not be read anywhere."""
    return lambda: put(app, size, Zeros())
