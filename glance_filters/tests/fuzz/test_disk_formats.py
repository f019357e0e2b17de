# SPDX-License-Identifier: Apache-2.0

"""Hostile heads of disk images: what inspecting them may cost, and do."""

from __future__ import annotations

import gc
import io
import struct
import sys
import tracemalloc
import unittest
from collections.abc import Sequence
from typing import Any

import hypothesis
import webob.exc
from hypothesis import strategies as st

from glance_filters import errors
from glance_filters.filters.disk_format_validator import inspection
from glance_filters.glance_api import images
from glance_filters.tests import fuzz
from glance_filters.tests.fixtures import disk_files, judged_images
from glance_filters.tests.fixtures.judged_images import (
    DISGUISED,
    SAFE,
    UNSAFE,
    changed,
)
from glance_filters.tests.fixtures.judging import cut, detection, judge
from glance_filters.wsgi import input_streams

KIB = disk_files.KIB
MIB = disk_files.MIB
BLOCK = 64 * KIB

# How much memory the inspection of one image may take, in bytes.
LIMIT = 4 * MIB

SEEDS = sorted(
    {
        *(data for kind in UNSAFE for data in kind.images),
        *(data for _, data in SAFE),
        *(data for _, data, _ in DISGUISED),
    }
)
DECLARED = (
    *("raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso", "ploop", "qed"),
    *("ami", "luks", "gpt", "other", None),
)

# Numbers that are too large, too small or on an edge, in either order.
_NUMBERS = st.builds(
    struct.pack,
    st.sampled_from(("<I", ">I", "<Q", ">Q")),
    st.one_of(
        st.sampled_from((0, 1, 2, 3, 4, 0x7FFFFFFF, 0xFFFFFFFF)),
        st.integers(0, 0xFFFFFFFF),
    ),
)
_CHANGES = st.lists(
    st.tuples(
        st.one_of(
            st.integers(0, 600),
            st.integers(0, 2 * MIB),
            st.sampled_from(
                [
                    start + field
                    for start in (
                        *disk_files.VHDX_HEADERS,
                        *disk_files.VHDX_TABLES,
                        *(MIB, MIB + 32, 32 * KIB, 34 * KIB),
                    )
                    for field in range(0, 64, 4)
                ]
            ),
        ),
        st.one_of(_NUMBERS, st.binary(min_size=1, max_size=64)),
    ),
    max_size=6,
)


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """Draw the head of an image, mostly one of a known format."""
    data = draw(st.sampled_from(SEEDS))
    if draw(st.booleans()):
        data = draw(st.sampled_from(SEEDS))[: draw(st.integers(0, 70_000))]
    for start, new in draw(_CHANGES):
        if start < len(data):
            data = changed(data, start, new)
    if draw(st.integers(0, 3)) == 0:
        data = data[: draw(st.integers(0, len(data)))]
    return data


class Pieces(io.RawIOBase):
    """A server's stream that gives pieces of these sizes, then the rest."""

    def __init__(self, data: bytes, sizes: Sequence[int]) -> None:
        super().__init__()
        self._rest = io.BytesIO(data)
        self._sizes = list(reversed(sizes))

    def read(self, size: int | None = -1) -> bytes:
        most = self._sizes.pop() if self._sizes else size
        return self._rest.read(max(1, min(size or 0, most or 0)))


def upload(
    data: bytes,
    image: images.Image,
    sizes: Sequence[int] = (),
    length: int | None = None,
) -> tuple[str | None, bytes]:
    """Upload data: why it is refused, if it is; and what Glance read of it.

    :param sizes: those in which a server gives it, and Glance reads it
    :param length: that of the body, if it is told
    """
    refused: list[errors.FilterError] = []
    stream = inspection.InspectedStream(
        input_streams.BodyStream(Pieces(data, sizes), length),
        inspection.UploadInspection("ID", image, length, enforce=True),
        refused.append,
    )
    read = bytearray()
    try:
        stream.read_head(detection.MAX_HEAD)
        for size in (*sizes, None):
            read += stream.read(size)
    except (errors.ContentMismatch, errors.UnsafeContent) as error:
        return str(error), b""
    except webob.exc.HTTPException:
        return str(refused[0]), bytes(read)
    return None, bytes(read)


@unittest.skipIf(detection is None, "the extra inspect is not installed")
class VerdictTest(unittest.TestCase):
    @hypothesis.settings(max_examples=fuzz.examples(quick=40, long=1000))
    @hypothesis.given(
        heads(),
        st.sampled_from(DECLARED),
        st.sampled_from(("bare", "aki", "ova")),
        st.lists(st.integers(0, 3 * BLOCK), max_size=8),
        st.booleans(),
    )
    def test_an_upload(
        self,
        data: bytes,
        declared: str | None,
        container: str,
        sizes: list[int],
        is_told: bool,
    ) -> None:
        """Neither cuts nor a length that is told change what is refused."""
        fuzz.count("uploads")
        image = images.Image(disk_format=declared, container_format=container)
        length = len(data) if is_told else None
        why, read = upload(data, image)
        again, other = upload(data, image, sizes, length)
        self.assertEqual(why, again)
        if why is None:
            self.assertEqual(data, read)
            self.assertEqual(data, other)
        else:
            self.assertTrue(data.startswith(read))
            self.assertTrue(data.startswith(other))
        verdict = judge(declared, [data], container)
        self.assertEqual(why is None, verdict == "matches")

    @hypothesis.settings(max_examples=fuzz.examples(quick=40, long=1000))
    @hypothesis.given(
        heads(),
        st.sampled_from(DECLARED),
        st.sampled_from(("bare", "aki", "ova")),
        st.lists(st.integers(0, 3 * BLOCK), max_size=8),
        st.integers(0, 70_000),
    )
    def test_it_does_not_depend_on_the_cuts(
        self,
        data: bytes,
        declared: str | None,
        container: str,
        sizes: list[int],
        extra: int,
    ) -> None:
        fuzz.count("heads")
        whole = judge(declared, [data], container)
        pieces = cut(data, sizes)
        self.assertEqual(whole, judge(declared, pieces, container))
        # Nor on what comes behind the last byte that is read.
        pieces.append(bytes(extra))
        told = judge(declared, pieces, container, size=len(data))
        self.assertEqual(whole, told)


def lines(line: bytes, size: int) -> bytes:
    return line * (size // len(line))


def hostile(size: int) -> list[tuple[str, bytes]]:
    """Return what costs most, by format, of about *size* bytes."""
    descriptor = disk_files.VMDK_DESCRIPTOR
    table = bytearray(disk_files.vhdx(disk_files.VHDX_DISK_SIZE))
    struct.pack_into("<I", table, disk_files.VHDX_TABLES[0] + 8, 2047)
    struct.pack_into("<H", table, MIB + 10, 2047)
    behind = bytes(max(0, size - len(table)))
    stream = disk_files.vmdk(footer=disk_files.vmdk_header())
    return [
        ("raw", bytes(size)),
        ("raw", lines(judged_images.NOISE, size)),
        ("vhd", lines(judged_images.NOISE, size)),
        ("vhd", disk_files.vhd() + bytes(size)),
        ("raw", lines(b"\n", size)),
        ("vmdk", lines(b"createTyp\n", size)),
        ("vmdk", lines(b"# a comment, which a descriptor may have\n", size)),
        *(
            (
                "vmdk",
                disk_files.vmdk(
                    descriptor + lines(line, min(size, 60_000)),
                    sectors=size // 512,
                ),
            )
            for line in (
                *(b"\n", b"a=b\n", b"#\r", b" " * 100, b"RW 1 SPARSE"),
                *(b"encoding=\n", b"ddb.parent=-\n", b"=" * 100 + b"\n"),
            )
        ),
        ("vmdk", stream[:-1536] + bytes(size) + stream[-1536:]),
        ("vhdx", bytes(table) + behind),
        # The metadata is far away.
        ("vhdx", disk_files.vhdx(metadata=MIB) + bytes(size)),
        ("vhdx", disk_files.vhdx(disk_files.VHDX_DISK_SIZE)[:MIB] + behind),
    ]


def memory(declared: str | None, data: bytes, size: int) -> int:
    """Return what an inspection takes at its peak, in bytes.

    :param size: of the pieces; they are there before
    """
    pieces = [
        data[start : start + size] for start in range(0, len(data), size)
    ]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        judge(declared, pieces)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def calls(declared: str, data: bytes) -> int:
    """Return how many functions an inspection calls, Python's and C's."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    pieces = [
        data[start : start + BLOCK] for start in range(0, len(data), BLOCK)
    ]
    # The end of what other tests have left is none of its work.
    gc.disable()
    sys.setprofile(note)
    try:
        judge(declared, pieces)
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


@unittest.skipIf(detection is None, "the extra inspect is not installed")
class BoundsTest(unittest.TestCase):
    def test_memory(self) -> None:
        for size in (BLOCK, 1000, 8 * MIB):
            for number, (declared, data) in enumerate(hostile(3 * MIB)):
                taken = memory(declared, data, size)
                self.assertLess(taken, LIMIT, f"{number} {declared}")

    @hypothesis.settings(max_examples=fuzz.examples(quick=25, long=500))
    @hypothesis.given(heads(), st.sampled_from(DECLARED))
    def test_memory_of_any_head(
        self, data: bytes, declared: str | None
    ) -> None:
        fuzz.count("heads")
        self.assertLess(memory(declared, data, BLOCK), LIMIT)

    def test_work_grows_as_the_data_does(self) -> None:
        """Four times the data takes at most four times the work."""
        small, large = hostile(3 * MIB), hostile(12 * MIB)
        for number, ((declared, less), (_, more)) in enumerate(
            zip(small, large)
        ):
            bound = 4 * calls(declared, less) + 100
            self.assertLessEqual(
                calls(declared, more), bound, f"{number} {declared}"
            )
