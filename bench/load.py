# SPDX-License-Identifier: Apache-2.0

"""Downloads and uploads of many clients at once, in a process of its own.

It costs as little as it can: what is downloaded is counted and dropped by the
kernel, and what is uploaded comes from a file by sendfile.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from concurrent import futures
from dataclasses import asdict, dataclass
from typing import BinaryIO

_PIECE_BYTES = 2**20
_TIMEOUT_SECONDS = 60


@dataclass
class Load:
    """What all clients of a run did.

    :ivar downloaded: bytes of whole downloads and of the last, cut ones
    :ivar uploaded: bytes of whole uploads
    :ivar refused: how many requests Glance answered with 500, as it does
        where SQLite is asked to write too much at once
    :ivar failed: how many requests failed otherwise
    :ivar seconds: how long it took
    """

    downloaded: int = 0
    uploaded: int = 0
    refused: int = 0
    failed: int = 0
    seconds: float = 0.0


def run(
    port: int, token: str, image_id: str, seconds: float, clients: list[int]
) -> Load:
    """Put load on a server of this host, from another process.

    :param image_id: what is downloaded
    :param clients: how many download, how many upload at a time, and how
        many bytes an upload has
    """
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.load", str(port), token),
            *(image_id, str(seconds), *map(str, clients)),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return Load(**json.loads(done.stdout))


class _Refused(Exception):
    """Glance answered with an error of its own."""


class _Clients:
    """All clients of a run, a thread each."""

    def __init__(self, port: int, token: str, seconds: float) -> None:
        self._port = port
        self._token = token
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self.load = Load()

    def _is_over(self) -> bool:
        return time.monotonic() >= self._end

    def _note(self, what: str, count: int) -> None:
        with self._lock:
            setattr(self.load, what, getattr(self.load, what) + count)

    def _connect(self) -> socket.socket:
        address = ("127.0.0.1", self._port)
        return socket.create_connection(address, _TIMEOUT_SECONDS)

    def _send_head(
        self, sock: socket.socket, method: str, path: str, length: int = 0
    ) -> None:
        kind = "json" if method == "POST" else "octet-stream"
        sock.sendall(
            (
                f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"X-Auth-Token: {self._token}\r\n"
                f"Content-Type: application/{kind}\r\n"
                + (f"Content-Length: {length}\r\n" if length else "")
                + "\r\n"
            ).encode()
        )

    def _read_head(self, sock: socket.socket) -> tuple[int, int, int]:
        """Return status, promised length, and how much of that is there."""
        head = b""
        while b"\r\n\r\n" not in head:
            data = sock.recv(4096)
            if not data:
                raise ConnectionError("no answer")
            head += data
        head, _, body = head.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        return int(head[9:12]), length, len(body)

    def download(self, path: str) -> None:
        """Download until the time is over, on one connection."""
        buffer = bytearray(_PIECE_BYTES)
        try:
            with self._connect() as sock:
                while not self._is_over():
                    self._send_head(sock, "GET", path)
                    status, length, got = self._read_head(sock)
                    if status != 200:
                        raise ConnectionError(str(status))
                    while got < length and not self._is_over():
                        # Of TCP, Linux drops the data then.
                        count = sock.recv_into(
                            buffer,
                            min(_PIECE_BYTES, length - got),
                            socket.MSG_TRUNC,
                        )
                        if not count:
                            raise ConnectionError("cut off")
                        got += count
                    self._note("downloaded", got)
        except OSError:
            self._note("failed", 1)

    def upload(self, file: BinaryIO, size: int) -> None:
        """Make images, upload their data and delete them."""
        while not self._is_over():
            try:
                with self._connect() as sock:
                    self._upload_one(sock, file, size)
                self._note("uploaded", size)
            except _Refused:
                self._note("refused", 1)
            except OSError:
                self._note("failed", 1)

    def _upload_one(
        self, sock: socket.socket, file: BinaryIO, size: int
    ) -> None:
        image_id = str(uuid.uuid4())
        image = json.dumps(
            {
                "id": image_id,
                "disk_format": "raw",
                "container_format": "bare",
            }
        ).encode()
        for method, path, length, expected in (
            ("POST", "/v2/images", len(image), 201),
            ("PUT", f"/v2/images/{image_id}/file", size, 204),
            ("DELETE", f"/v2/images/{image_id}", 0, 204),
        ):
            self._send_head(sock, method, path, length)
            if method == "POST":
                sock.sendall(image)
            if method == "PUT":
                # Who is refused early still gets the answer.
                with contextlib.suppress(
                    BrokenPipeError, ConnectionResetError
                ):
                    sock.sendfile(file, count=size)
            status, length, got = self._read_head(sock)
            while got < length:
                got += len(sock.recv(length - got))
            if status == 500:
                raise _Refused
            if status != expected:
                raise ConnectionError(f"{method}: {status}")


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("token")
    parser.add_argument("image_id")
    parser.add_argument("seconds", type=float)
    parser.add_argument("downloads", type=int)
    parser.add_argument("uploads", type=int)
    parser.add_argument("upload_bytes", type=int)
    asked = parser.parse_args()
    started = time.monotonic()
    clients = _Clients(asked.port, asked.token, asked.seconds)
    path = f"/v2/images/{asked.image_id}/file"
    threads = asked.downloads + asked.uploads
    with tempfile.TemporaryFile() as file:
        file.truncate(asked.upload_bytes)
        with futures.ThreadPoolExecutor(threads) as pool:
            working = [
                pool.submit(clients.download, path)
                for _ in range(asked.downloads)
            ] + [
                pool.submit(clients.upload, file, asked.upload_bytes)
                for _ in range(asked.uploads)
            ]
    for each in working:
        each.result()
    clients.load.seconds = time.monotonic() - started
    print(json.dumps(asdict(clients.load)))


if __name__ == "__main__":
    _main()
