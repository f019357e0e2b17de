# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import struct
import tracemalloc
import unittest
from collections.abc import Iterable

import hypothesis
import testtools
from hypothesis import strategies as st

from glance_filters.disk_formats import detection
from glance_filters.disk_formats.detection import BLOCK
from glance_filters.tests.fixtures import disk_images
from glance_filters.tests.fixtures.disk_images import BACKED_QCOW2, QCOW2

DATA_FILE = QCOW2[:72] + struct.pack(">Q", 4) + QCOW2[80:]
PLOOP = struct.pack(
    "<16sIIIIIQIIIQ",
    *(b"WithouFreSpacExt", 2, 16, 4, 2048, 4, 8192, 0, 2048, 0, 0),
).ljust(70_000, b"\0")
QED = struct.pack("<4sIIIQ", b"QED\0", 65536, 4, 1, 0).ljust(70_000, b"\0")
VHD_FOOTER = b"conectix".ljust(512, b"\0")
VHD_CHILD = disk_images.vhd_head(4).ljust(70_000, b"\0")
VHDX = disk_images.vhdx_image(disk_images.VHDX_DISK_SIZE)
VHDX_CHILD = disk_images.vhdx_image(disk_images.VHDX_PARENT_LOCATOR)
VDI = (bytes(64) + struct.pack("<I", 0xBEDA107F)).ljust(70_000, b"\0")
LUKS = (b"LUKS\xba\xbe" + struct.pack(">H", 2)).ljust(70_000, b"\0")
DESCRIPTOR = (
    b'# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\n'
    b'RW 2048 FLAT "/etc/passwd" 0\n'
)
NOISE = bytes(range(1, 200)) * 500
DISK = disk_images.boot_sector() + NOISE
CD = disk_images.cd_image()
HYBRID = disk_images.cd_image(with_partitions=True)


def vmdk(
    descriptor: bytes, start: int = 1, sectors: int = 20, version: int = 1
) -> bytes:
    header = struct.pack(
        "<4sIIQQQQIQQB",
        *(b"KDMV", version, 3, 2048, 128, start, sectors, 512, 0, 21, 0),
    ).ljust(512, b"\0")
    body = descriptor.ljust(sectors * 512, b"\0")
    return (header + body).ljust(1_200_000, b"\0")


SPARSE = vmdk(
    b'version=1\ncreateType="monolithicSparse"\nRW 2048 SPARSE "a.vmdk"\n'
)
CHILD = vmdk(SPARSE[512:].rstrip(b"\0") + b'parentFileNameHint="b"\n')
# As QEMU reads it: a disk of 2048 sectors, with a table that is empty.
OLD_CHILD = (
    b"COWD"
    + struct.pack("<9I", 1, 3, 2048, 16, 4, 1, 8, 1, 1).ljust(508, b"\0")
    + b'CID=1\nparentCID=2\nparentFileNameHint="parent"\n'
).ljust(200_000, b"\0")
ELSEWHERE = vmdk(
    b'version=1\ncreateType="monolithicSparse"\nRW 2048 FLAT "/etc/passwd"\n'
)


def judge(declared: str | None, pieces: Iterable[bytes]) -> str:
    """Return what comes out for an upload: matches, is FORMAT or unsafe."""
    inspector = detection.ContentInspector(declared)
    try:
        for piece in pieces:
            inspector.feed(piece)
        inspector.finish()
    except detection.UnsafeContent as unsafe:
        return f"unsafe {unsafe.detected}"
    assert inspector.decided
    mismatch = inspector.mismatch
    return "matches" if mismatch is None else f"is {mismatch}"


CASES: list[tuple[str | None, bytes, str]] = [
    ("raw", NOISE, "matches"),
    ("raw", b"", "matches"),
    ("raw", b"x", "matches"),
    ("raw", DISK, "matches"),
    ("raw", LUKS, "matches"),
    ("raw", QCOW2, "is qcow2"),
    ("raw", PLOOP, "is ploop"),
    ("raw", CD, "is iso"),
    ("raw", HYBRID, "is gpt, iso"),
    ("raw", VDI, "is vdi"),
    ("raw", DESCRIPTOR, "unsafe vmdk"),
    ("raw", b"# only a text\nand no more\n", "matches"),
    ("ami", NOISE, "matches"),
    ("aki", DISK, "matches"),
    ("ari", QCOW2, "is qcow2"),
    ("unheard-of", NOISE, "matches"),
    ("unheard-of", QCOW2, "is qcow2"),
    ("qcow2", QCOW2, "matches"),
    ("qcow2", QCOW2[:512], "matches"),
    # QEMU reads zeros beyond the end.
    ("qcow2", QCOW2[:100], "matches"),
    ("raw", QCOW2[:100], "is qcow2"),
    ("raw", BACKED_QCOW2[:100], "unsafe qcow2"),
    ("qcow2", BACKED_QCOW2[:100], "unsafe qcow2"),
    ("qcow2", b"", "is raw"),
    ("qcow2", NOISE, "is raw"),
    ("qcow2", DISK, "is gpt"),
    ("qcow2", VDI, "is vdi"),
    ("qcow2", BACKED_QCOW2, "unsafe qcow2"),
    ("qcow2", DATA_FILE, "unsafe qcow2"),
    ("raw", BACKED_QCOW2, "unsafe qcow2"),
    ("ami", BACKED_QCOW2, "unsafe qcow2"),
    (None, BACKED_QCOW2, "unsafe qcow2"),
    (None, QCOW2, "matches"),
    (None, NOISE, "matches"),
    # Two formats in one are as good as a wrong one.
    (
        "qcow2",
        QCOW2[:510] + b"\x55\xaa" + QCOW2[512:],
        "is gpt, qcow2",
    ),
    ("qcow2", QCOW2[:32768] + CD[32768:], "is iso, qcow2"),
    ("iso", CD, "matches"),
    ("iso", HYBRID, "matches"),
    ("iso", CD[:34000], "is raw"),
    ("iso", DISK, "is gpt"),
    ("vdi", VDI, "matches"),
    ("vhd", VHD_FOOTER + NOISE, "matches"),
    ("vhd", NOISE + VHD_FOOTER, "matches"),
    ("vhd", DISK + VHD_FOOTER, "matches"),
    ("vhd", NOISE, "is raw"),
    ("vhd", VHD_CHILD, "unsafe vhd"),
    ("raw", VHD_CHILD, "unsafe vhd"),
    ("vhdx", VHDX_CHILD, "unsafe vhdx"),
    ("raw", VHDX_CHILD, "unsafe vhdx"),
    ("vhdx", VHDX, "matches"),
    ("vhd", NOISE + VHD_FOOTER + b"x", "is raw"),
    ("vhd", QCOW2 + VHD_FOOTER, "is qcow2"),
    ("vmdk", SPARSE, "matches"),
    ("vmdk", SPARSE[:2000], "unsafe vmdk"),
    ("vmdk", ELSEWHERE, "unsafe vmdk"),
    ("raw", ELSEWHERE, "unsafe vmdk"),
    ("raw", SPARSE, "is vmdk"),
    ("vmdk", vmdk(b"", start=5), "unsafe vmdk"),
    ("raw", vmdk(SPARSE[512:2000], start=5), "unsafe vmdk"),
    (None, vmdk(SPARSE[512:2000], version=4), "unsafe vmdk"),
    ("vmdk", CHILD, "unsafe vmdk"),
    ("raw", CHILD, "unsafe vmdk"),
    ("raw", OLD_CHILD, "unsafe vmdk"),
    ("vmdk", OLD_CHILD, "unsafe vmdk"),
    ("vmdk", vmdk(b"", sectors=0), "unsafe vmdk"),
    ("vmdk", vmdk(SPARSE[512:2000], sectors=257), "unsafe vmdk"),
    ("vmdk", DESCRIPTOR, "unsafe vmdk"),
    ("vmdk", b"# a comment\n" * 9000 + DESCRIPTOR, "unsafe vmdk"),
    ("vmdk", NOISE, "is raw"),
    # An older descriptor may begin otherwise.
    ("vmdk", b"a text\n", "unsafe vmdk"),
    ("ploop", PLOOP, "matches"),
    ("ploop", NOISE, "is raw"),
    ("ploop", PLOOP[:16] + b"\x03" + PLOOP[17:], "unsafe ploop"),
    ("ploop", PLOOP[:20], "unsafe ploop"),
    ("qed", QED, "matches"),
    ("raw", QED, "is qed"),
    ("qed", QED[:16] + b"\x01" + QED[17:], "unsafe qed"),
]
# Older oslo.utils takes it for raw.
if "luks" in detection.INSPECTORS:
    CASES.append(("luks", LUKS, "unsafe luks"))


class JudgementTest(unittest.TestCase):
    def test_cases(self) -> None:
        for number, (declared, data, expected) in enumerate(CASES):
            with self.subTest(number, declared=declared, data=data[:16]):
                self.assertEqual(expected, judge(declared, [data]))

    @hypothesis.given(st.sampled_from(CASES), st.data())
    def test_pieces_of_any_size(
        self, case: tuple[str | None, bytes, str], draws: st.DataObject
    ) -> None:
        declared, data, expected = case
        pieces: list[bytes] = []
        while data:
            sizes = st.sampled_from((1, 100, BLOCK - 1, BLOCK, 3 * BLOCK + 1))
            size = draws.draw(sizes)
            if len(pieces) > 50:
                size = len(data)
            pieces.append(data[:size])
            data = data[size:]
        self.assertEqual(expected, judge(declared, pieces))

    @hypothesis.given(
        st.sampled_from((*detection.INSPECTORS, "raw", "ami")),
        st.sampled_from([data for _, data, _ in CASES]),
        st.lists(
            st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=9)),
            max_size=5,
        ),
    )
    def test_nothing_breaks_it(
        self, declared: str, data: bytes, changes: list[tuple[int, bytes]]
    ) -> None:
        for start, new in changes:
            data = data[:start] + new + data[start + len(new) :]
        judge(declared, [data])


class DecisionTest(unittest.TestCase):
    def test_when_it_is_known(self) -> None:
        """How many bytes the head takes, and how many all of it."""
        for declared, data, head, whole in (
            ("raw", NOISE, BLOCK, BLOCK),
            ("qcow2", QCOW2, BLOCK, BLOCK),
            ("qcow2", NOISE, BLOCK, BLOCK),
            ("vhd", NOISE, BLOCK, None),
            ("vmdk", SPARSE, BLOCK, BLOCK),
            ("vmdk", vmdk(DESCRIPTOR, sectors=256), 3 * BLOCK, None),
        ):
            inspector = detection.ContentInspector(declared)
            decided: list[int | None] = [None, None]
            try:
                for start in range(0, len(data), BLOCK):
                    inspector.feed(data[start : start + BLOCK])
                    if decided[0] is None and inspector.head_decided:
                        decided[0] = start + BLOCK
                    if decided[1] is None and inspector.decided:
                        decided[1] = start + BLOCK
            except detection.UnsafeContent:
                decided = [start + BLOCK, None]
            self.assertEqual([head, whole], decided, f"{declared} {decided}")

    def test_a_decided_one_looks_at_nothing(self) -> None:
        inspector = detection.ContentInspector("raw")
        inspector.feed(NOISE)
        self.assertTrue(inspector.decided)
        inspector.feed(QCOW2)
        inspector.finish()
        self.assertIsNone(inspector.mismatch)


class MemoryTest(unittest.TestCase):
    def test_bounded(self) -> None:
        text = b"# a comment, which a descriptor may have\n" * 40_000
        large = vmdk(b"a" * 130_000, sectors=256)
        for declared, data in (
            ("raw", NOISE * 20),
            ("vhd", NOISE * 20),
            ("raw", text),
            ("vmdk", large),
        ):
            tracemalloc.start()
            before, _ = tracemalloc.get_traced_memory()
            judge(declared, (data[n : n + BLOCK] for n in starts(data)))
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            self.assertLess(peak - before, 1024 * 1024, declared)


def starts(data: bytes) -> range:
    return range(0, len(data), BLOCK)


@testtools.skipIf(disk_images.QEMU_IMG is None, "qemu-img is not installed")
class RealImagesTest(testtools.TestCase):
    """What qemu-img makes is what it is said to be, and nothing else."""

    def test_each(self) -> None:
        images = self.useFixture(disk_images.DiskImages())
        made = {
            "raw": [images.make("raw")],
            "qcow2": [
                images.make("qcow2"),
                images.make("qcow2", "compat=0.10"),
                images.make("qcow2", "cluster_size=512"),
            ],
            "vmdk": [
                images.make("vmdk"),
                images.make("vmdk", "subformat=streamOptimized"),
            ],
            "vdi": [images.make("vdi"), images.make("vdi", "static=on")],
            "vhdx": [
                images.make("vhdx"),
                images.make("vhdx", "subformat=fixed"),
            ],
            "vhd": [
                images.make("vpc"),
                images.make("vpc", "subformat=fixed"),
            ],
            "ploop": [
                images.make("parallels"),
                images.make("parallels", "cluster_size=65536"),
                images.make_empty("parallels"),
            ],
            "qed": [images.make("qed")],
        }
        for name, files in made.items():
            for data in files:
                for declared in (*made, "iso"):
                    found = judge(declared, [data])
                    if declared == name:
                        self.assertEqual("matches", found, name)
                    elif name == "vhd" and not data.startswith(b"conectix"):
                        # To all others, a fixed one is a disk as it is.
                        raw = "matches" if declared == "raw" else "is raw"
                        self.assertEqual(raw, found, declared)
                    else:
                        self.assertEqual(f"is {name}", found, declared)

    def test_references(self) -> None:
        images = self.useFixture(disk_images.DiskImages())
        data = images.path("data")
        for name, file in (
            ("qcow2", images.make_empty("qcow2", backing=True)),
            ("qcow2", images.make_empty("qcow2", f"data_file={data}")),
            ("qed", images.make_empty("qed", backing=True)),
            ("vmdk", images.make_empty("vmdk", backing=True)),
            ("vmdk", images.make("vmdk", "subformat=monolithicFlat")),
            ("vmdk", images.make("vmdk", "subformat=twoGbMaxExtentFlat")),
            ("vmdk", images.make("vmdk", "subformat=twoGbMaxExtentSparse")),
        ):
            for declared in (name, "raw", "ami", None):
                found = judge(declared, [file])
                self.assertEqual(f"unsafe {name}", found, str(declared))

    def test_what_qemu_follows(self) -> None:
        """Images that oslo.utils takes for safe, or for another format."""
        images = self.useFixture(disk_images.DiskImages())
        child = images.make_empty("vmdk", backing=True)
        start = child.index(b"parentFileNameHint")
        end = child.index(b"\0", start)
        hint, others = child[start:end].split(b"\n", 1)
        descriptor = child[512:start] + others
        one_sector = struct.pack("<Q", 1)
        # The header says that the descriptor ends where the hint begins.
        beyond = (
            child[:36]
            + one_sector
            + child[44:512]
            + descriptor.ljust(511, b"#")[:511]
            + b"\n"
            + hint
        )
        short = struct.pack(
            ">4sIQIIQIIQQIIQQQQII",
            *(b"QFI\xfb", 3, 120, 6, 16, 1 << 20, 0, 1, 65536, 131072, 1),
            *(0, 0, 0, 0, 0, 4, 104),
        ).ljust(120, b"\0")
        for name, file in (
            ("vmdk", child),
            ("vmdk", child[:28] + struct.pack("<Q", 5) + child[36:]),
            ("vmdk", beyond.ljust(10752, b"\0") + child[10752:]),
            ("vmdk", OLD_CHILD),
            ("qcow2", short + b"parent"),
        ):
            with self.subTest(name, file=file[:40]):
                backing = images.backing_file(file)
                self.assertIn("parent", str(backing))
                for declared in (name, "raw", None):
                    found = judge(declared, [file])
                    self.assertEqual(f"unsafe {name}", found, str(declared))

    def test_extents_of_a_disk_without_capacity(self) -> None:
        images = self.useFixture(disk_images.DiskImages())
        whole = images.make("vmdk")
        images.path("other").write_bytes(images.data)
        sectors = len(images.data) // 512
        descriptor = (
            "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n"
            '#createtype="monolithicSparse"\ncreateType="monolithicFlat"\n'
            f'RW {sectors} FLAT "other" 0\n'
        ).encode()
        file = (
            whole[:12]
            + bytes(8)
            + whole[20:512]
            + descriptor.ljust(10240, b"\0")
        )
        self.assertEqual(images.data, images.disk(file))
        for declared in ("vmdk", "raw", None):
            found = judge(declared, [file])
            self.assertEqual("unsafe vmdk", found, str(declared))
