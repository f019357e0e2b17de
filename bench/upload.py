# SPDX-License-Identifier: Apache-2.0

"""What inspection costs an upload."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import apps, effort, figures, goals, measure, table, uploads
from glance_filters.tests.fixtures import disk_files, http_client, real_glance

_MIB = 2**20


def _row(name: str, size: int, found: measure.Pair) -> list[str]:
    return [
        name,
        f"{figures.size(size / found.base)}/s",
        f"{figures.size(size / (found.base + found.added))}/s",
        figures.digits(found.throughput),
    ]


def _goal(where: str, value: float) -> goals.Goal:
    return goals.Goal(
        f"Upload: throughput with inspection, as a part of that without; "
        f"{where}",
        0.9,
        value,
        at_most=False,
    )


def bare(rounds: int, size: int) -> tuple[list[list[str]], list[goals.Goal]]:
    """Measure an application that reads the data and drops them."""
    rows = []
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        for disk_format in ("raw", "qcow2", "vhd"):
            path = Path(folder) / disk_format
            uploads.write_image(path, disk_format, size)
            core = uploads.UploadCore(disk_format)
            app = apps.filtered(
                "disk_format_validator", core, inspect="enforce"
            )
            found = measure.compare(
                measure.prepared(uploads.from_socket(core, path)),
                measure.prepared(uploads.from_socket(app, path)),
                rounds,
            )
            rows.append(
                _row(f"{disk_format}, over a socket, dropped", size, found)
            )
            ratios.append(found.throughput)
    core = uploads.UploadCore("raw")
    app = apps.filtered("disk_format_validator", core, inspect="enforce")
    found = measure.compare(
        measure.timed(uploads.from_memory(core, size)),
        measure.timed(uploads.from_memory(app, size)),
        rounds,
    )
    rows.append(_row("raw, one block of memory, dropped", size, found))
    where = "bare app, over a socket (worst of raw, qcow2, fixed VHD)"
    return rows, [_goal(where, min(ratios))]


def real(rounds: int, size: int) -> tuple[list[list[str]], list[goals.Goal]]:
    """Measure real Glance with its file store."""
    rows = []
    ratios = []
    with real_glance.RealGlance(is_validated=False) as glance:
        options = {"disk_format_validator": {"inspect": "enforce"}}
        app = glance.app(("disk_format_validator",), options)
        plain = glance.client()
        for disk_format, head in (
            ("raw", b""),
            ("qcow2", disk_files.qcow2()),
        ):
            data = head.ljust(size, b"\0")
            found = measure.compare(
                _glance_side(plain, glance.client(), disk_format, data),
                _glance_side(plain, glance.client(app), disk_format, data),
                rounds,
            )
            rows.append(
                _row(f"{disk_format}, to Glance's file store", size, found)
            )
            ratios.append(found.throughput)
    return rows, [
        _goal("real Glance, file store (worst of raw, qcow2)", min(ratios))
    ]


def _glance_side(
    plain: http_client.Client,
    client: http_client.Client,
    disk_format: str,
    data: bytes,
) -> measure.Turn:
    """Return a turn of one upload; the image before it is deleted."""
    images: list[str] = []

    def prepare() -> Callable[[], object]:
        while images:
            plain.request("DELETE", f"/v2/images/{images.pop()}")
        images.append(plain.create_image(disk_format=disk_format))
        return lambda: _upload(client, images[0], data)

    return measure.prepared(prepare)


def _upload(client: http_client.Client, image_id: str, data: bytes) -> None:
    answer = client.upload(image_id, data)
    if answer.status != 204:
        raise RuntimeError(f"no upload: {answer}")


def sections(how: effort.Effort) -> list[table.Section]:
    """Measure."""
    size = how.of(256, 16) * _MIB
    rows, verdicts = bare(how.of(25, 3), size)
    glance_size = how.of(64, 4) * _MIB
    more_rows, more_verdicts = real(how.of(15, 2), glance_size)
    return [
        table.Section(
            "Uploads",
            f"{figures.size(size)} to an application that drops them, "
            f"{figures.size(glance_size)} to real Glance; with "
            "disk_format_validator and inspect = enforce. The socket is fed "
            "by another process. One block of memory, again and again, is no "
            "work to read, so there the filter's own time per piece shows.",
            ("", "without", "with inspection", "throughput"),
            rows + more_rows,
            verdicts + more_verdicts,
        )
    ]
