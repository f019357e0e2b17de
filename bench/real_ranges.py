# SPDX-License-Identifier: Apache-2.0

"""What downloads cost real Glance: its calls, its SQL, and processor time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from bench import apps, effort, figures, goals, measure, real, table
from glance_filters.tests.fixtures import (
    http_client,
    http_data,
    real_glance,
)

_MIB = 2**20


def _ranges_side(glance: real_glance.RealGlance, **options: str) -> real.Side:
    """Return a pipeline with range_translator alone."""
    return real.Side(
        glance, ("range_translator",), {"range_translator": options}
    )


def _get(side: real.Side, image_id: str, text: str | None = None) -> None:
    """Ask for an image's data, and read them."""
    side.download(image_id, None if text is None else f"bytes={text}")


@dataclass(frozen=True)
class _Row:
    """A request, and the one that it is compared with.

    :ivar base: what is compared with: by its side, image and text
    """

    name: str
    base: Callable[[], object]
    call: Callable[[], object]
    goal: str = ""
    limit: float = 0.0


def _texts(starts: range, length: int, is_descending: bool = False) -> str:
    order = reversed(starts) if is_descending else starts
    return ",".join(f"{each}-{each + length - 1}" for each in order)


def _measure(row: _Row, rounds: int) -> tuple[list[str], goals.Goal | None]:
    row.call()
    counted = real.count(row.call)
    found = measure.compare(real.cpu(row.base), real.cpu(row.call), rounds)
    cells = [
        row.name,
        str(counted.calls),
        str(counted.statements),
        figures.size(counted.bytes_read),
        figures.duration(found.base),
        figures.duration(found.base * found.ratio),
        figures.digits(found.ratio),
    ]
    goal = None
    if row.goal:
        value = counted.calls if row.goal.endswith("calls") else found.ratio
        goal = goals.Goal(f"Real Glance: {row.goal}", row.limit, value)
    return cells, goal


def _rows(
    glance: real_glance.RealGlance, client: http_client.Client, size: int
) -> Iterator[_Row]:
    alone = real.Side(glance)
    ours = real.Side(glance, tuple(apps.FILTERS))
    small = client.create_image(bytes(8 * _MIB))
    image = client.create_image(bytes(size))
    one = partial(_get, ours, image, "0-0")
    plain = partial(_get, alone, image)
    last = partial(_get, alone, image, f"{size - 1024}-")
    yield _Row(
        "GET of 8 MiB",
        partial(_get, alone, small),
        partial(_get, ours, small),
    )
    yield _Row(
        f"GET of {figures.size(size)}", plain, partial(_get, ours, image)
    )
    yield _Row(
        "HEAD (beside one byte)",
        partial(_get, alone, image, "0-0"),
        partial(ours.request, "HEAD", f"/v2/images/{image}/file"),
    )
    yield _Row("one range", partial(_get, alone, image, "0-0"), one)
    yield _Row(
        "a suffix of 1 KiB",
        last,
        partial(_get, ours, image, "-1024"),
        "a suffix, beside Glance alone",
        1.2,
    )
    for count in (2, 10, 100):
        yield _Row(
            f"{count} near ranges of 1 byte (beside one)",
            one,
            partial(_get, ours, image, _texts(range(0, 2 * count, 2), 1)),
            "100 near ranges, beside one" if count == 100 else "",
            1.5,
        )
    yield _Row(
        "the same 100, from the last to the first",
        one,
        partial(_get, ours, image, _texts(range(0, 200, 2), 1, True)),
    )
    step = size // 100
    all_but = _texts(range(0, step * 100, step), step - 1)
    yield _Row(
        "100 ranges, all but a byte between two (beside GET)",
        plain,
        partial(_get, ours, image, all_but),
        "100 ranges that make up the image, beside GET",
        1.5,
    )
    yield _Row(
        "4 far ranges of 1 byte (beside one)",
        one,
        partial(_get, ours, image, _texts(range(0, size, size // 4), 1)),
    )
    yield _Row(
        "a range that is not there",
        partial(_get, alone, image, f"{size}-"),
        partial(_get, ours, image, f"{size}-"),
        "a range that is not there, calls",
        2,
    )


def downloads(
    glance: real_glance.RealGlance, how: effort.Effort
) -> table.Section:
    """Measure downloads from a store with random access."""
    rows, verdicts = [], []
    size = how.of(256, 16) * _MIB
    for row in _rows(glance, glance.client(), size):
        cells, goal = _measure(row, how.of(15, 2))
        rows.append(cells)
        if goal:
            verdicts.append(goal)
    return table.Section(
        "Ranges on real Glance",
        "All four filters in the pipeline of real Glance, in this process; an "
        f"image of {figures.size(size)} in a file store. Beside the same "
        "request to Glance alone, or to what is said. Times are those of the "
        "processor.",
        ("", "Glance calls", "SQL", "data read", "beside", "time", "ratio"),
        rows,
        verdicts,
    )


def gaps(glance: real_glance.RealGlance, how: effort.Effort) -> table.Section:
    """Measure two ranges: what is between them read, or asked anew."""
    client = glance.client()
    anew = _ranges_side(glance, max_gap="0")
    through = _ranges_side(glance, max_gap=str(2**40))
    image = client.create_image(bytes(how.of(128, 16) * _MIB))
    rows = []
    for gap in how.of([1, 4, 16, 64, 127], [1, 15]):
        text = f"0-0,{gap * _MIB}-{gap * _MIB}"
        found = measure.compare(
            real.cpu(partial(_get, anew, image, text)),
            real.cpu(partial(_get, through, image, text)),
            how.of(15, 2),
        )
        rows.append(
            (
                f"{gap} MiB",
                figures.duration(found.base),
                figures.duration(found.base * found.ratio),
                figures.digits(found.ratio),
            )
        )
    return table.Section(
        "Two ranges on real Glance, and what is between them",
        "A store of files in memory: the least that reading can cost. From a "
        "store behind a network of 1 Gbit/s 4 MiB take 34 ms besides.",
        ("between them", "asked anew", "read through", "ratio"),
        rows,
    )


def cutting(
    glance: real_glance.RealGlance, how: effort.Effort
) -> table.Section:
    """Measure ranges of an image in a store without random access."""
    size = how.of(32, 4) * _MIB
    client = glance.client()
    ours = _ranges_side(glance)
    rows = []
    with http_data.HttpDataServer({"/data": bytes(size)}) as web:
        image = client.create_image()
        client.add_location(image, web.url("/data"))
        starts = range(size - 200, size, 2)
        for name, text in (
            ("one range at the end", f"{size - 1}-{size - 1}"),
            ("100 ranges at the end, ascending", _texts(starts, 1)),
            ("100 ranges at the end, descending", _texts(starts, 1, True)),
        ):
            row = _Row(
                name,
                partial(_get, ours, image),
                partial(_get, ours, image, text),
            )
            rows.append(_measure(row, how.of(7, 1))[0])
    return table.Section(
        "Ranges on real Glance, of a store without random access",
        f"An image of {figures.size(size)} behind an HTTP server of this "
        "process. Beside GET of all.",
        ("", "Glance calls", "SQL", "data read", "beside", "time", "ratio"),
        rows,
    )


def near_ranges(
    glance: real_glance.RealGlance, count: int
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return requests for near ranges: one each, and all in one."""
    image = glance.client().create_image(bytes(_MIB))
    alone = real.Side(glance)
    ours = _ranges_side(glance, max_ranges="1000")
    starts = range(0, 1000 * count, 1000)

    def each() -> None:
        for start in starts:
            _get(alone, image, f"{start}-{start}")

    return each, partial(_get, ours, image, _texts(starts, 1))


def last_bytes(
    glance: real_glance.RealGlance, size: int
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return requests for the last 64 KiB: by position, and as a suffix."""
    image = glance.client().create_image(bytes(size))
    length = 64 * 1024
    return (
        partial(_get, real.Side(glance), image, f"{size - length}-"),
        partial(_get, _ranges_side(glance), image, f"-{length}"),
    )


def sections(how: effort.Effort) -> list[table.Section]:
    """Measure."""
    with real_glance.RealGlance(is_validated=False) as glance:
        return [
            downloads(glance, how),
            gaps(glance, how),
            cutting(glance, how),
        ]
