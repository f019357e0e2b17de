# SPDX-License-Identifier: Apache-2.0

"""Cores that hold one image, of any size, and count what they are asked.

Its data are one block over and over, so that a core costs little and an image
of 100 GiB needs no more than one of 1 MiB; or those of a file, which is what a
store reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench import apps

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# As Glance's file store reads.
BLOCK = 64 * 1024

_BLOCK_DATA = bytes(BLOCK)
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")


class Core:
    """A core of one active raw image.

    :param size: the image's size in bytes
    :param is_native: whether it understands ``Range``
    :param path: the file with the data; the same block over and over, if None
    :ivar asked: how many requests came
    """

    def __init__(
        self, size: int, is_native: bool, path: Path | None = None
    ) -> None:
        self._size = size
        self._is_native = is_native
        self._path = path
        self.asked = 0

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a download, or with the image's record."""
        self.asked += 1
        if not environ["PATH_INFO"].endswith("/file"):
            return apps.record_answer(
                start_response, status="active", size=self._size
            )
        start, stop, status = 0, self._size, "200 OK"
        headers = [
            ("Content-Type", "application/octet-stream"),
            ("Content-MD5", "0" * 32),
        ]
        text = environ.get("HTTP_RANGE")
        found = _RANGE.fullmatch(text) if text and self._is_native else None
        if found:
            last = int(found[2] or self._size)
            start = int(found[1] or self._size - last)
            stop = min(last + 1, self._size) if found[1] else self._size
            status = "206 Partial Content"
            field = f"bytes {start}-{stop - 1}/{self._size}"
            headers.append(("Content-Range", field))
        headers.append(("Content-Length", str(stop - start)))
        start_response(status, headers)
        if self._path is None:
            return _same_blocks(stop - start)
        return _file_blocks(self._path, start, stop - start)


def _same_blocks(length: int) -> Iterator[bytes]:
    for _ in range(length // BLOCK):
        yield _BLOCK_DATA
    if length % BLOCK:
        yield _BLOCK_DATA[: length % BLOCK]


def _file_blocks(path: Path, start: int, length: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while length:
            data = file.read(min(BLOCK, length))
            length -= len(data)
            yield data


def file_of(folder: str, size: int) -> Path:
    """Return the path of a file of *size* bytes that are not zeros."""
    path = Path(folder) / "image"
    with path.open("wb") as file:
        for _ in range(size // BLOCK):
            file.write(b"\x07" * BLOCK)
    return path
