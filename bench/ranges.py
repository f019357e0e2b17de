# SPDX-License-Identifier: Apache-2.0

"""What range_translator costs, on stand-ins with and without ranges."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench import apps, cores, effort, figures, goals, measure, table

_MIB = 2**20
_FILE = f"{apps.IMAGE}/file"
_HEAD = ("", "alone", "with the filter", "added", "requests to Glance")


def _get(**headers: str) -> dict[str, Any]:
    return apps.environ_of("GET", _FILE, **headers)


def native(rounds: int) -> table.Section:
    """Measure requests to a core that understands ``Range``."""
    size = 100 * _MIB
    rows = []
    verdicts: list[goals.Goal] = []
    for name, method, headers in (
        ("1 KiB of the middle", "GET", {"Range": "bytes=5000000-5001023"}),
        (
            "from a position to the end",
            "GET",
            {"Range": f"bytes={size - 99}-"},
        ),
        ("the last 1 KiB", "GET", {"Range": "bytes=-1024"}),
        ("HEAD", "HEAD", {}),
        ("GET of all, not read", "GET", {}),
    ):
        core = cores.Core(size, is_native=True)
        app = apps.filtered("range_translator", core)
        bare = apps.environ_of("GET", _FILE, **headers)
        environ = apps.environ_of(method, _FILE, **headers)
        send = apps.send if headers else apps.send_unread
        found = measure.compare(
            measure.timed(partial(send, core, bare), 100),
            measure.timed(partial(send, app, environ), 100),
            rounds,
        )
        core.asked = 0
        send(app, environ)
        rows.append(_row(name, found, core.asked))
        if not verdicts:
            verdicts = [
                goals.Goal(
                    "Ranges: added to one range, stand-in that understands "
                    "Range",
                    20e-6,
                    found.added,
                    write=figures.duration,
                ),
                goals.Goal(
                    "Ranges: requests to Glance for one range, same stand-in",
                    1,
                    core.asked,
                ),
            ]
    return table.Section(
        "Ranges: a stand-in that understands Range",
        "An image of 100 MiB whose data costs nothing. The stand-in alone "
        "sends the same bytes.",
        _HEAD,
        rows,
        verdicts,
    )


def _row(name: str, found: measure.Pair, asked: int) -> Sequence[str]:
    return (
        name,
        figures.duration(found.base),
        figures.duration(found.base + found.added),
        figures.duration(found.added),
        str(asked),
    )


def cutting(rounds: int, size: int) -> table.Section:
    """Measure ranges that are cut out of the whole.

    :param size: the image's size in bytes
    """
    rows = []
    verdicts: list[goals.Goal] = []
    with tempfile.TemporaryDirectory() as folder:
        for source, path in (
            ("a file", cores.file_of(folder, size)),
            ("one block of memory", None),
        ):
            for place, start in (
                ("in the middle", size // 2),
                ("at the end", size - cores.BLOCK),
            ):
                found = _cut(path, size, start, rounds)
                rows.append(
                    (
                        f"64 KiB {place}, from {source}",
                        figures.duration(found.base),
                        figures.duration(found.base + found.added),
                        figures.digits(found.throughput),
                    )
                )
                if path is not None and place == "at the end":
                    verdicts.append(
                        goals.Goal(
                            "Ranges: throughput when cutting from a stand-in "
                            "that reads a file, as a part of that alone",
                            0.95,
                            found.throughput,
                            at_most=False,
                        )
                    )
    return table.Section(
        "Ranges: a stand-in that does not",
        f"An image of {figures.size(size)}, of which a range is cut out. The "
        "data of the stand-in alone is iterated to the same byte, in blocks "
        "of 64 KiB. "
        "To iterate the same block of memory is no work at all, so there the "
        "filter's own time per block shows.",
        ("", "alone", "with the filter", "throughput"),
        rows,
        verdicts,
    )


def _cut(
    path: Path | None, size: int, start: int, rounds: int
) -> measure.Pair:
    stop = start + cores.BLOCK
    core = cores.Core(size, is_native=False, path=path)
    app = apps.filtered("range_translator", core)
    plain = _get()
    ranged = _get(Range=f"bytes={start}-{stop - 1}")

    def iterate() -> None:
        body = iter(core(plain, apps.ignore))
        for _ in range(stop // cores.BLOCK):
            next(body)

    return measure.compare(
        measure.timed(iterate),
        measure.timed(partial(apps.send, app, ranged)),
        rounds,
    )


def several(rounds: int) -> table.Section:
    """Measure requests for several ranges beside as many requests for one."""
    size = 100 * _MIB
    length = 1024
    rows = []
    for count in (1, 2, 10, 100):
        starts = [number * size // count for number in range(count)]
        texts = [f"{start}-{start + length - 1}" for start in starts]
        native_core = cores.Core(size, is_native=True)
        singles = [_get(Range=f"bytes={text}") for text in texts]
        multiple = _get(Range=f"bytes={','.join(texts)}")
        cells = [f"{count} of 1 KiB"]
        for core in (native_core, cores.Core(size, is_native=False)):
            app = apps.filtered("range_translator", core)
            base = partial(_send_each, native_core, singles)
            if core is not native_core:
                base = partial(_iterate_to, core, starts[-1] + length)
            found = measure.compare(
                measure.timed(base, 10),
                measure.timed(partial(apps.send, app, multiple), 10),
                rounds,
            )
            core.asked = 0
            apps.send(app, multiple)
            cells += [figures.duration(found.added), str(core.asked)]
        rows.append(cells)
    return table.Section(
        "Ranges: several in one request",
        "Of 100 MiB, spread over the image. Added: to as many requests for "
        "one range on a stand-in that understands Range; to iterating the "
        "whole as far as needed on one that does not.",
        (
            "",
            "Range: added",
            "requests to Glance",
            "no Range: added",
            "requests to Glance",
        ),
        rows,
    )


def _send_each(core: cores.Core, environs: Sequence[dict[str, Any]]) -> None:
    for environ in environs:
        apps.send(core, environ)


def _iterate_to(core: cores.Core, stop: int) -> None:
    length = 0
    for chunk in core(_get(), apps.ignore):
        length += len(chunk)
        if length >= stop:
            return


def sections(how: effort.Effort) -> list[table.Section]:
    """Measure."""
    return [
        native(how.of(150, 5)),
        cutting(how.of(60, 3), how.of(256, 16) * _MIB),
        several(how.of(60, 3)),
    ]
