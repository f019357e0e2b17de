# SPDX-License-Identifier: Apache-2.0

"""What Glance reads from real stores, and what whole downloads cost it.

By itself, ``python -m bench.stores FILE`` writes the tables of the
documentation's page on stores.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bench import effort, figures, goals, measure, table
from glance_filters import stores
from glance_filters.tests.fixtures import (
    auth,
    relay,
    store_servers,
    web_server,
)

_MIB = 2**20

_SEGMENT = "swift_store_large_object_chunk_size"

# The smallest piece that any of the drivers reads at a time.
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True)
class _Column:
    """A kind of stores.

    :ivar name: its name in the tables
    :ivar type: the type of the store
    :ivar options: its options, where they differ from those of the tests
    """

    name: str
    type: str
    options: Mapping[str, str]


_COLUMNS = (
    _Column("``rbd``", "rbd", {"rbd_store_chunk_size": "8"}),
    _Column("``s3``", "s3", {}),
    _Column("``swift``", "swift", {"swift_store_large_object_size": "5120"}),
    _Column(
        "``swift``, segments",
        "swift",
        {_SEGMENT: "10"},
    ),
    _Column("``http``", "http", {}),
)

_ALONE = "Glance alone"
_EMPTY = "``random_access_stores`` empty"
_WITH = "with random access"


class _Side:
    """A Glance with a store.

    :param column: the store
    :param name: one of ``_ALONE``, ``_EMPTY`` and ``_WITH``
    :param settled: how long nothing is read when a request has ended, in
        seconds
    """

    def __init__(
        self,
        stack: contextlib.ExitStack,
        column: _Column,
        name: str,
        settled: float,
    ) -> None:
        self._settled = settled
        self.column = column
        self.name = name
        self.cloud = stack.enter_context(
            store_servers.StoreGlance(
                column.type,
                stores.TYPES if name == _WITH else (),
                is_filtered=name != _ALONE,
                options=column.options,
                is_validated=False,
            )
        )

    def take(self) -> relay.Traffic:
        """Return what was read from the store since this was called last.

        Glance may read on after a client has gone, and Ceph counts a session
        a moment later: it is waited until nothing is read any more.
        """
        found = relay.Traffic()
        while True:
            time.sleep(self._settled)
            more = self.cloud.server.take()
            if not (more.received or more.connections):
                return found
            found.received += more.received
            found.connections += more.connections
            found.methods += more.methods

    def create(self, data: bytes, disk_format: str = "raw") -> str:
        """Create an image with data in the store, and return its id.

        What gets into segments of Swift is sent in chunks: in glance_store
        5.2 to 5.7, the last one gets there only if the size is not told.
        """
        cloud = self.cloud
        image_id = cloud.client.create_image(disk_format=disk_format)
        if isinstance(cloud.server, web_server.WebServer):
            # There it takes the place of the last one.
            return cloud.refer(image_id, cloud.server.put(data))
        fields = {
            "Content-Type": "application/octet-stream",
            "X-Image-Meta-Store": self.column.type,
            auth.HEADER: auth.MEMBER,
        }
        pieces = [data[i : i + _MIB] for i in range(0, len(data), _MIB)]
        is_chunked = _SEGMENT in self.column.options
        if not is_chunked:
            fields["Content-Length"] = str(len(data))
        client = http.client.HTTPConnection("127.0.0.1", cloud.glance.port)
        with contextlib.closing(client):
            path = f"/v2/images/{image_id}/file"
            client.request(
                "PUT", path, iter(pieces), fields, encode_chunked=is_chunked
            )
            answer = client.getresponse()
            if answer.status != 204:
                raise RuntimeError(f"no upload: {answer.read()!r}")
        return image_id

    def url(self, image_id: str) -> str:
        """Return the URL of an image's data."""
        return f"{self.cloud.glance.url}/v2/images/{image_id}/file"

    def download(self, image_id: str, text: str | None) -> bytes:
        """Return the answer to a download.

        :raises RuntimeError: if it is an error
        """
        found = self.cloud.get(image_id, text)
        if found.status != (200 if text is None else 206):
            raise RuntimeError(f"{self.column.name}: {found}")
        return found.body


@dataclass(frozen=True)
class _Request:
    """A download.

    :ivar name: its name in the tables
    :ivar text: of the Range field; None if there is none
    :ivar parts: what it asks for, as first and last bytes
    """

    name: str
    text: str | None
    parts: Sequence[tuple[int, int]]


def _requests(size: int) -> Iterator[_Request]:
    """Yield the downloads of an image of a multiple of 64 bytes."""
    late = size // 4 * 3
    for name, text, parts in (
        ("``bytes=-7``", "-7", [(size - 7, size - 1)]),
        (
            f"100 bytes that end at {figures.size(late)}",
            f"{late - 100}-{late - 1}",
            [(late - 100, late - 1)],
        ),
        (
            f"the last {figures.size(size // 64 * 7)}",
            f"{size - size // 64 * 7}-",
            [(size - size // 64 * 7, size - 1)],
        ),
        (
            "two parts, of 2 and 10 bytes",
            f"0-1,{late - 10}-{late - 1}",
            [(0, 1), (late - 10, late - 1)],
        ),
    ):
        yield _Request(name, f"bytes={text}", parts)
    yield _Request("the whole image", None, [(0, size - 1)])


def _read(
    side: _Side, image_id: str, data: bytes, request: _Request
) -> tuple[relay.Traffic, int]:
    """Return what was read from the store, and how many bytes were sent.

    :raises RuntimeError: if the answer is wrong
    """
    side.take()
    body = side.download(image_id, request.text)
    traffic = side.take()
    for first, last in request.parts:
        part = data[first : last + 1]
        if part not in body or (len(request.parts) == 1 and part != body):
            raise RuntimeError(f"{side.column.name}: wrong {request.name}")
    return traffic, len(body)


def _cost(traffic: relay.Traffic) -> str:
    """Return the connections and requests of one download."""
    connections = str(traffic.connections)
    return ": ".join(filter(None, (connections, " ".join(traffic.methods))))


def _client_commands(
    url: str, raw_bytes: int
) -> Iterator[tuple[str, list[str]]]:
    """Yield the programs that download an image, but for qemu-img."""
    token = f"{auth.HEADER}: {auth.MEMBER}"
    middle = raw_bytes // 2
    yield (
        "``curl -r``, 100 bytes from the middle",
        ["curl", "-sf", "-H", token, "-r", f"{middle}-{middle + 99}", url],
    )
    yield (
        "``aria2c -x8``",
        [
            *("aria2c", "-x8", "-s8", "-k1M", "--allow-overwrite=true"),
            *("-o", "all", f"--header={token}", url),
        ],
    )
    yield (
        "``wget -c``, a half is there",
        ["wget", "-q", "-c", f"--header={token}", url],
    )


def _qemu_img(url: str) -> list[str]:
    """Return the program that copies an image of the format qcow2."""
    source = {
        "driver": "qcow2",
        "file": {
            "driver": "http",
            "url": url,
            "cookie": f"{auth.COOKIE}{auth.MEMBER}",
            # For what reads a half of the image for each of its requests.
            "timeout": 600,
        },
    }
    # With several requests at a time, qemu-img 7.2 hangs now and then, in
    # front of any server that is slow.
    return [
        *("qemu-img", "convert", "-m", "1", "-O", "raw"),
        *("json:" + json.dumps(source), "copy"),
    ]


def _run(side: _Side, command: list[str], half: bytes) -> str:
    """Return what a program had Glance read.

    :param half: the half of the image that is there
    """
    side.take()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "file").write_bytes(half)
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "no_proxy": "127.0.0.1"},
            capture_output=True,
        )
    read = figures.size(side.take().received)
    return read if done.returncode == 0 else f"fails; {read}"


def _clients(side: _Side, data: bytes, qcow2: bytes) -> list[tuple[str, str]]:
    """Return the programs, and what they had Glance read."""
    found = []
    image_id = side.create(data)
    half = data[: len(data) // 2]
    for name, command in _client_commands(side.url(image_id), len(data)):
        found.append((name, _run(side, command, half)))
    command = _qemu_img(side.url(side.create(qcow2, "qcow2")))
    name = "``qemu-img convert`` of qcow2"
    return [*found, (name, _run(side, command, b""))]


def _qcow2(data: bytes) -> bytes:
    """Return an image of the format qcow2."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "raw").write_bytes(data)
        subprocess.run(
            [*("qemu-img", "convert", "-O", "qcow2"), "raw", "qcow2"],
            cwd=folder,
            check=True,
        )
        return Path(folder, "qcow2").read_bytes()


def _cpu(side: _Side, image_id: str) -> measure.Turn:
    """Return a turn of a whole download, in processor time of the worker."""
    master = side.cloud.glance.process.pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text()
    [worker] = map(int, children.split())
    # Linux's clock of the processor time of a process, with all threads that
    # it had: see clock_getcpuclockid(3).
    clock = (~worker << 3) | 2

    def turn() -> float:
        started = time.clock_gettime(clock)
        side.download(image_id, None)
        return time.clock_gettime(clock) - started

    return turn


class _Tables:
    """The figures of all stores, as rows of cells."""

    def __init__(self, how: effort.Effort) -> None:
        self._how = how
        self.size = how.of(64, 8) * _MIB
        self.whole_size = how.of(16, 4) * _MIB
        self.client_size = how.of(8, 4) * _MIB
        self.columns: list[str] = []
        self._rows: dict[str, dict[str, list[str]]] = {}
        self.goals: dict[str, list[goals.Goal]] = {READS: [], WHOLE: []}

    def rows(self, title: str) -> list[list[str]]:
        """Return the rows of a table."""
        found = self._rows.get(title, {})
        return [[name, *cells] for name, cells in found.items()]

    def _add(self, title: str, row: str, cell: str) -> None:
        self._rows.setdefault(title, {}).setdefault(row, []).append(cell)

    def measure(self, column: _Column, is_short: bool) -> None:
        """Measure the column of a store.

        :param is_short: whether only what is read is measured
        """
        self.columns.append(column.name)
        settled = self._how.of(1.0, 0.1)
        with contextlib.ExitStack() as stack:
            empty, ours = (
                _Side(stack, column, name, settled) for name in (_EMPTY, _WITH)
            )
            self._measure_reads(empty, ours)
            if not is_short:
                self._measure_whole(empty, ours)
                alone = _Side(stack, column, _ALONE, settled)
                self._measure_clients((alone, empty, ours))

    def _measure_reads(self, empty: _Side, ours: _Side) -> None:
        name = ours.column.name
        data = random.Random(1).randbytes(self.size)
        # On HTTP the one would take the place of the other.
        images = {each.name: each.create(data) for each in (empty, ours)}
        above = 0.0
        for request in _requests(self.size):
            before, _ = _read(empty, images[_EMPTY], data, request)
            after, sent = _read(ours, images[_WITH], data, request)
            extra = (after.received - sent) / len(request.parts)
            above = max(above, extra)
            read = figures.size(before.received), _exact(after.received)
            self._add(READS, request.name, ", then ".join(read))
            cost = _cost(before), _cost(after)
            self._add(COSTS, request.name, ", then ".join(cost))
        self.goals[READS].append(
            goals.Goal(
                f"Store {name}: read above what is sent, for each range",
                _CHUNK_BYTES,
                above,
                write=figures.size,
            )
        )

    def _measure_whole(self, empty: _Side, ours: _Side) -> None:
        name = ours.column.name
        data = bytes(self.whole_size)
        found = measure.compare(
            _cpu(empty, empty.create(data)),
            _cpu(ours, ours.create(data)),
            self._how.of(61, 2),
        )
        for row, cell in (
            ("before", figures.duration(found.base)),
            ("after", figures.duration(found.side)),
            ("throughput", figures.digits(found.throughput)),
        ):
            self._add(WHOLE, row, cell)
        self.goals[WHOLE].append(
            goals.Goal(
                f"Store {name}: throughput of whole downloads, as a part of "
                "that before",
                0.98,
                found.throughput,
                at_most=False,
                write="{:.3f}".format,
            )
        )

    def _measure_clients(self, sides: Sequence[_Side]) -> None:
        data = random.Random(2).randbytes(self.client_size)
        qcow2 = _qcow2(data)
        found = [_clients(side, data, qcow2) for side in sides]
        for programs in zip(*found):
            for side, (name, cell) in zip(sides, programs):
                self._add(CLIENTS, f"{name}: {side.name}", cell)


def _exact(count: int) -> str:
    """Return a number of bytes, exactly if it is not large."""
    if count < 8 * _MIB:
        return f"{count:_} bytes".replace("_", " ")
    return figures.size(count)


READS = "Bytes read from stores"
COSTS = "Connections and requests of one download"
WHOLE = "Whole downloads from stores"
CLIENTS = "Bytes read from stores for programs"


def _measured(
    how: effort.Effort, types: Sequence[str], is_short: bool
) -> Iterator[_Tables]:
    """Measure the stores that this machine has servers of, one by one."""
    tables = _Tables(how)
    for column in _COLUMNS:
        if column.type not in types:
            continue
        reason = store_servers.SERVERS[column.type].missing()
        if reason is not None:
            print(f"No figures of {column.name}: {reason}.\n")
            continue
        print(f"Measuring {column.name}: some minutes.\n", flush=True)
        tables.measure(column, is_short)
        yield tables


def _sections(tables: _Tables) -> list[table.Section]:
    head = ("", *tables.columns)
    release = metadata.version("glance")
    image = figures.size(tables.size)
    notes = {
        READS: f"What Glance {release} reads for an image of {image}, without "
        "and with random access; range_translator is in the pipeline both "
        "times. Header fields of HTTP, and what Ceph reads of an image's own "
        "data, count in.",
        CLIENTS: f"What the programs have Glance {release} read, for an image "
        f"of {figures.size(tables.client_size)}. Glance alone refuses "
        "parts of these images, and HEAD.",
        COSTS: "Connections to the store, and the requests of HTTP, without "
        "and with random access. Tokens for Swift do not count.",
        WHOLE: f"Processor time of Glance {release} for an image of "
        f"{figures.size(tables.whole_size)}.",
    }
    return [
        table.Section(
            title,
            note,
            head,
            tables.rows(title),
            tables.goals.get(title, ()),
        )
        for title, note in notes.items()
        if tables.rows(title)
    ]


def sections(how: effort.Effort) -> list[table.Section]:
    """Measure."""
    found: list[table.Section] = []
    # Programs, and servers of other stores, take minutes.
    types = how.of(stores.TYPES, ("http",))
    for tables in _measured(how, types, is_short=how.is_quick):
        found = _sections(tables)
    return found


def main() -> None:
    """Print the tables, or write them for the documentation."""
    parser = argparse.ArgumentParser(prog="bench.stores", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--short", action="store_true", help="only what is read"
    )
    parser.add_argument("--types", nargs="+", default=list(stores.TYPES))
    parser.add_argument("file", nargs="?", type=Path)
    arguments = parser.parse_args()
    how = effort.Effort(arguments.quick)
    for tables in _measured(how, arguments.types, arguments.short):
        found = _sections(tables)
        for section in found:
            print(f"{table.section_text(section)}\n", flush=True)
        if arguments.file is None:
            continue
        parts = [".. Made by python -m bench.stores; do not edit."]
        for section in found:
            parts += [section.note, table.as_rst(section.head, section.rows)]
        arguments.file.write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
