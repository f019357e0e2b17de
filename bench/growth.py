# SPDX-License-Identifier: Apache-2.0

"""How the filters' time and memory grow with what they are given."""

from __future__ import annotations

import functools
import gc
import json
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench import (
    apps,
    cores,
    effort,
    figures,
    measure,
    real_ranges,
    table,
    uploads,
)
from glance_filters.tests.fixtures import http_client, real_glance

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_MIB = 2**20
_GIB = 2**30
_FILE = f"{apps.IMAGE}/file"

# Does the same without the filter and with it.
_Calls = tuple[Callable[[], object], Callable[[], object]]


@dataclass(frozen=True)
class Point:
    """What was measured of one size.

    :ivar amount: the size
    :ivar without: the time without the filter, in seconds
    :ivar with_it: the time with the filter, in seconds
    :ivar peak: the most memory that Python held at a time, with the filter,
        in bytes
    """

    amount: int
    without: float
    with_it: float
    peak: int


@dataclass(frozen=True)
class Curve:
    """Points of growing size.

    :ivar title: what was measured
    :ivar unit: what the size is of
    :ivar points: the points
    :ivar should: how time and memory should grow
    """

    title: str
    unit: str
    points: Sequence[Point]
    should: str


def peak_of(call: Callable[[], object]) -> int:
    """Return the most memory that *call* held at a time, in bytes."""
    # What is made once and kept is not of this call.
    call()
    gc.collect()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _curve(
    title: str,
    unit: str,
    should: str,
    amounts: Sequence[int],
    make: Callable[[int], _Calls],
    rounds: int,
) -> Curve:
    points = []
    for amount in amounts:
        without, with_it = make(amount)
        found = measure.compare(
            measure.timed(without), measure.timed(with_it), rounds
        )
        points.append(
            Point(
                amount,
                found.base,
                found.base + found.added,
                peak_of(with_it),
            )
        )
    return Curve(title, unit, points, should)


def _ranged(size: int, is_native: bool) -> _Calls:
    """Return downloads of the last 64 KiB of an image."""
    core = cores.Core(size, is_native)
    app = apps.filtered("range_translator", core)
    text = f"bytes={size - cores.BLOCK}-{size - 1}"
    environ = apps.environ_of("GET", _FILE, Range=text)
    return (
        functools.partial(apps.send, core, environ),
        functools.partial(apps.send, app, environ),
    )


def _upload(size: int) -> _Calls:
    core = uploads.UploadCore("raw")
    app = apps.filtered("disk_format_validator", core, inspect="enforce")
    return (
        uploads.from_memory(core, size),
        uploads.from_memory(app, size),
    )


def _ranges(count: int, is_native: bool) -> _Calls:
    """Return requests for *count* ranges: one each, and all in one."""
    size = 100 * _MIB
    core = cores.Core(size, is_native)
    app = apps.filtered("range_translator", core, max_ranges="1000")
    starts = [number * size // count for number in range(count)]
    texts = [f"{start}-{start + 1023}" for start in starts]
    multiple = apps.environ_of("GET", _FILE, Range=f"bytes={','.join(texts)}")
    singles = [
        apps.environ_of("GET", _FILE, Range=f"bytes={text}") for text in texts
    ]
    if not is_native:
        singles = singles[:1]

    def each() -> None:
        for environ in singles:
            apps.send(core, environ)

    return each, functools.partial(apps.send, app, multiple)


def _patch(count: int) -> _Calls:
    """Return patches of *count* operations."""

    def core(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "PATCH":
            # As Glance does, before anything else.
            json.loads(
                environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            )
        return apps.record_answer(start_response, status="active")

    app = apps.filtered("location_guard", core, coordination_url="")
    patch = [
        {"op": "replace", "path": f"/p{number}", "value": "x"}
        for number in range(count)
    ]
    body = json.dumps(patch).encode()
    headers = {"Content-Type": http_client.PATCH_TYPE}

    def send(target: Any) -> None:
        environ = http_client.make_environ("PATCH", apps.IMAGE, headers, body)
        environ["api.version"] = "v2"
        apps.send(target, environ)

    return functools.partial(send, core), functools.partial(send, app)


def _at_a_time(count: int) -> _Calls:
    """Return *count* downloads, all open at a time, in a thread each."""
    size = 2 * _MIB
    core = cores.Core(size, is_native=False)
    app = apps.filtered("range_translator", core)
    # All but one byte, so that as much is read as without the filter.
    text = f"bytes=1-{size - 1}"
    environ = apps.environ_of("GET", _FILE, Range=text)

    def send(target: Any, barrier: threading.Barrier) -> None:
        body = target(environ.copy(), apps.ignore)
        chunks = iter(body)
        next(chunks)
        barrier.wait()
        for _ in chunks:
            # As a socket that is full would, let the others on.
            time.sleep(0)
        body.close()

    def all_of(target: Any) -> None:
        barrier = threading.Barrier(count)
        threads = [
            threading.Thread(target=send, args=(target, barrier))
            for _ in range(count)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return functools.partial(all_of, core), functools.partial(all_of, app)


def curves(how: effort.Effort) -> list[Curve]:
    """Measure."""
    return [*_virtual_curves(how), *_real_curves(how)]


def _real_curves(how: effort.Effort) -> list[Curve]:
    rounds = how.of(7, 1)
    with real_glance.RealGlance(is_validated=False) as glance:
        return [
            _curve(
                "Last 64 KiB, real Glance",
                *("image size, bytes", "flat"),
                how.of([_MIB, 16 * _MIB, 256 * _MIB], [_MIB, 4 * _MIB]),
                functools.partial(real_ranges.last_bytes, glance),
                rounds,
            ),
            _curve(
                "Near ranges, real Glance",
                *("ranges in a request", "nearly flat"),
                how.of([1, 3, 10, 30, 100, 300, 1000], [1, 10]),
                functools.partial(real_ranges.near_ranges, glance),
                rounds,
            ),
        ]


def _virtual_curves(how: effort.Effort) -> list[Curve]:
    rounds = how.of(7, 1)
    sizes = how.of(
        [_MIB, 16 * _MIB, 256 * _MIB, 4 * _GIB, 32 * _GIB, 100 * _GIB],
        [_MIB, 16 * _MIB, 256 * _MIB],
    )
    counts = how.of([1, 3, 10, 30, 100, 300, 1000], [1, 10, 100])
    image, flat = "image size, bytes", "flat"
    linear = "time linear, memory flat"
    return [
        _curve(
            "Last 64 KiB, with Range",
            *(image, flat, sizes),
            functools.partial(_ranged, is_native=True),
            rounds,
        ),
        _curve(
            "Last 64 KiB, without Range",
            *(image, linear, sizes),
            functools.partial(_ranged, is_native=False),
            rounds,
        ),
        _curve("Upload, inspected", image, linear, sizes, _upload, rounds),
        _curve(
            "Ranges, with Range",
            *("ranges in a request", "linear", counts),
            functools.partial(_ranges, is_native=True),
            rounds,
        ),
        _curve(
            "Ranges, without Range",
            *("ranges in a request", "linear", counts),
            functools.partial(_ranges, is_native=False),
            rounds,
        ),
        _curve(
            "PATCH of an image, guarded",
            *("operations in a patch", "linear", [*counts, 10 * counts[-1]]),
            _patch,
            rounds,
        ),
        _curve(
            "Downloads at a time, cut",
            *("requests at a time", "linear"),
            how.of([1, 2, 4, 8, 16, 32, 64, 128], [1, 4, 16]),
            _at_a_time,
            rounds,
        ),
    ]


def section_of(found: Sequence[Curve]) -> table.Section:
    """Return the ends of the curves as a table."""
    rows = []
    for curve in found:
        for point in (curve.points[0], curve.points[-1]):
            is_bytes = curve.unit.endswith("bytes")
            amount = figures.size(point.amount) if is_bytes else point.amount
            rows.append(
                (
                    curve.title,
                    str(amount),
                    figures.duration(point.without),
                    figures.duration(point.with_it),
                    figures.size(point.peak),
                    curve.should,
                )
            )
    return table.Section(
        "Growth",
        "The smallest and the largest of each curve. Images are virtual: one "
        "block of 64 KiB, again and again. A stand-in that does not "
        "understand Range, alone, sends the whole. Memory is the peak of what "
        "Python held during one call with the filter, answers and threads of "
        "the benchmark included.",
        ("", "size", "without", "with", "peak memory", "should be"),
        rows,
    )
