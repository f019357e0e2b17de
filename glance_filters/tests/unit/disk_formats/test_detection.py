# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest
from unittest import mock

import hypothesis
from hypothesis import strategies as st
from oslo_utils.imageutils import format_inspector

from glance_filters.disk_formats import detection
from glance_filters.disk_formats.detection import BLOCK
from glance_filters.tests.fixtures import disk_files, judged_images
from glance_filters.tests.fixtures.disk_files import (
    VMDK_DESCRIPTOR,
    vhd_footer,
)
from glance_filters.tests.fixtures.judged_images import (
    DISGUISED,
    NOISE,
    SAFE,
    UNSAFE,
)
from glance_filters.tests.fixtures.judging import cut, judge

QCOW2 = disk_files.qcow2()
BACKED = disk_files.qcow2(backing_file=512)


class UnsafeTest(unittest.TestCase):
    def check(self, kind: judged_images.Kind, found: str) -> None:
        self.assertTrue(
            found.startswith(f"unsafe {kind.disk_format}: "), found
        )
        self.assertIn(kind.reason, found)

    def test_each(self) -> None:
        for kind in UNSAFE:
            for number, data in enumerate(kind.images):
                with self.subTest(kind.disk_format, kind=kind.what, no=number):
                    self.check(kind, judge(kind.disk_format, [data]))

    def test_whatever_is_declared(self) -> None:
        for kind in UNSAFE:
            for declared in ("raw", "iso", "qcow2", "vmdk", "vhd", None):
                for container in ("bare", "ami", "ova", "compressed", None):
                    found = judge(declared, kind.images[:1], container)
                    with self.subTest(kind.what, declared=declared):
                        self.check(kind, found)

    def test_fixed_vhd(self) -> None:
        """Its footer is looked at where somebody may look for one."""
        for container in ("bare", "ovf"):
            for kind, size, expected in (
                (4, 512, "unsafe vhd: it has a parent"),
                (4, 511, "unsafe vhd: it has a parent"),
                (9, 512, "unsafe vhd: the type of the disk is unknown"),
                (2, 512, "matches"),
            ):
                for data in (NOISE, b"\3" * 1000):
                    pieces = [data, vhd_footer(kind, size)]
                    found = judge("vhd", pieces, container)
                    self.assertEqual(expected, found)
                    found = judge("raw", pieces, container)
                    self.assertEqual("matches", found)

    @unittest.skipUnless(
        "luks" in detection.INSPECTORS, "oslo.utils does not know LUKS"
    )
    def test_luks(self) -> None:
        data = (b"LUKS\xba\xbe\0\2").ljust(70_000, b"\0")
        self.assertIn("unsafe luks", judge("luks", [data]))


class MatchTest(unittest.TestCase):
    def test_names(self) -> None:
        for name, kind in detection.INSPECTORS.items():
            self.assertEqual(name, kind.NAME)

    def test_safe(self) -> None:
        for number, (declared, data) in enumerate(SAFE):
            with self.subTest(number, declared=declared):
                self.assertEqual("matches", judge(declared, [data]))
                self.assertEqual("matches", judge(None, [data]))

    def test_disguised(self) -> None:
        for number, (declared, data, detected) in enumerate(DISGUISED):
            with self.subTest(number, declared=declared):
                self.assertEqual(f"is {detected}", judge(declared, [data]))
                self.assertEqual("matches", judge(None, [data]))

    def test_all_signs_at_once(self) -> None:
        """A disk, or a disc, may have each of those that it may have."""
        udf = (b"BEA01", b"NSR02", b"TEA01")
        disk = disk_files.disc(*udf, with_partitions=True)
        disk = judged_images.changed(disk, 0, b"LUKS\xba\xbe\0\1")
        disc = disk_files.disc(b"CD001", *udf, with_partitions=True)
        other = QCOW2.ljust(len(disc), b"\0")
        for declared, data, expected in (
            ("raw", disk, "matches"),
            ("ami", disk, "matches"),
            ("vhd", disk + vhd_footer(2), "matches"),
            ("iso", disc, "matches"),
            ("iso", other[:32768] + disc[32768:], "is iso, qcow2, udf"),
        ):
            self.assertEqual(expected, judge(declared, [data]), declared)

    def test_containers(self) -> None:
        """An Amazon image is one file; what another holds is not known."""
        for container, expected in (
            *(("ami", "is qcow2"), ("aki", "is qcow2"), ("ari", "is qcow2")),
            *(("ova", "matches"), ("ovf", "matches"), ("docker", "matches")),
            *(("compressed", "matches"), ("other", "matches")),
            (None, "matches"),
        ):
            self.assertEqual(expected, judge("ari", [QCOW2], container))


class SizeTest(unittest.TestCase):
    """What is read by a size that was told, and perhaps not to its end."""

    def inspect(self, declared: str, data: bytes, size: int) -> str:
        inspector = detection.ContentInspector(declared, size=size)
        try:
            inspector.feed(data[: size - 1])
            self.assertFalse(inspector.decided)
            inspector.feed(data[size - 1 : size])
        except detection.UnsafeContent as unsafe:
            return unsafe.reason
        self.assertTrue(inspector.decided)
        return inspector.mismatch or "matches"

    def test_the_last_byte_decides(self) -> None:
        stream = disk_files.vmdk(footer=disk_files.vmdk_header())
        evil = disk_files.vmdk(footer=disk_files.vmdk_header(start=40))
        for declared, data, expected in (
            ("vmdk", stream, "matches"),
            ("vmdk", evil, "its footer contradicts its header"),
            ("vhd", disk_files.vhd(3, 4), "it has a parent"),
            ("vhd", NOISE + vhd_footer(4), "it has a parent"),
            ("vhd", NOISE + vhd_footer(2), "matches"),
            ("vhd", NOISE, "raw"),
            ("qcow2", QCOW2[:300], "matches"),
            ("raw", BACKED[:300], "it has a backing file"),
            ("raw", b"x", "matches"),
        ):
            found = self.inspect(declared, data, len(data))
            self.assertEqual(expected, found, declared)

    def test_what_nobody_reads(self) -> None:
        """What follows the size is not looked at, and does not help."""
        footer = vhd_footer(2)
        for data, size, expected in (
            (NOISE + footer + b"more", len(NOISE) + 512, "matches"),
            (NOISE + footer, len(NOISE) + 510, "is raw"),
            (b"", 0, "is raw"),
            (NOISE, 0, "is raw"),
        ):
            for pieces in ([data], cut(data, [10, 300])):
                self.assertEqual(expected, judge("vhd", pieces, size=size))

    def test_more_is_told_than_comes(self) -> None:
        self.assertEqual("matches", judge("raw", [NOISE], size=10**9))
        self.assertEqual("is raw", judge("vhd", [NOISE], size=10**9))


class DecisionTest(unittest.TestCase):
    def test_when_it_is_known(self) -> None:
        """How many bytes the head takes, and how many all of it."""
        text = b"\n" * 2_000_000
        late = VMDK_DESCRIPTOR.ljust(65_400, b"#") + b"\n"
        for declared, data, head, whole in (
            ("raw", NOISE + bytes(BLOCK), 2 * BLOCK, 2 * BLOCK),
            ("raw", bytes(2 * BLOCK), BLOCK, BLOCK),
            ("qcow2", QCOW2, BLOCK, BLOCK),
            ("qcow2", bytes(2 * BLOCK), BLOCK, BLOCK),
            ("vhd", bytes(2 * BLOCK), BLOCK, None),
            ("vhd", disk_files.vhd() + bytes(BLOCK), BLOCK, None),
            ("vmdk", disk_files.vmdk(), BLOCK, BLOCK),
            ("vmdk", disk_files.vmdk(late, sectors=256), 2 * BLOCK, 2 * BLOCK),
            ("raw", text, detection.MAX_HEAD // BLOCK * BLOCK, 16 * BLOCK),
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
            self.assertEqual(
                [head, whole], decided, f"{declared} {data[:9]!r}"
            )

    def test_a_decided_one_looks_at_nothing(self) -> None:
        inspector = detection.ContentInspector("raw")
        inspector.feed(bytes(BLOCK))
        self.assertTrue(inspector.decided)
        inspector.feed(BACKED)
        inspector.finish()
        self.assertIsNone(inspector.mismatch)

    def test_a_refusal_stays(self) -> None:
        for size in (None, len(BACKED)):
            inspector = detection.ContentInspector("raw", size=size)
            for step in (inspector.feed, inspector.feed):
                with self.assertRaises(detection.UnsafeContent):
                    step(BACKED)
            with self.assertRaises(detection.UnsafeContent):
                inspector.finish()


class BreakingInspector(format_inspector.FileInspector):
    """One that recognises everything, and breaks where it is told to."""

    NAME = "breaking"
    breaks_in = ""

    def _initialize(self) -> None:
        self.add_safety_check(format_inspector.SafetyCheck.null())

    def break_in(self, method: str) -> None:
        if method == self.breaks_in:
            raise format_inspector.ImageFormatError("it does not say why")

    @property
    def format_match(self) -> bool:
        self.break_in("format_match")
        return True

    def eat_chunk(self, chunk: bytes) -> None:
        self.break_in("eat_chunk")

    def safety_check(self) -> None:
        self.break_in("safety_check")


class BreakingTest(unittest.TestCase):
    """Inspectors of oslo.utils are not ours to trust."""

    def test_each_method(self) -> None:
        for method, expected in (
            ("", "is breaking"),
            # It does not recognise the data then.
            ("format_match", "matches"),
            ("eat_chunk", "unsafe breaking: it cannot be read"),
            ("safety_check", "unsafe breaking: it cannot be read"),
        ):
            kind = type("Kind", (BreakingInspector,), {"breaks_in": method})
            with mock.patch.object(
                detection, "INSPECTORS", {"breaking": kind}
            ):
                self.assertEqual(expected, judge("raw", [NOISE]), method)


class PiecesTest(unittest.TestCase):
    """The verdict does not depend on how the data is cut."""

    CASES: list[tuple[str, bytes]] = [
        *((kind.disk_format, kind.images[0]) for kind in UNSAFE),
        *SAFE,
        *((declared, data) for declared, data, _ in DISGUISED),
    ]

    def test_inspectors_get_blocks(self) -> None:
        for sizes, last in (
            ((BLOCK, BLOCK), []),
            ((2 * BLOCK,), []),
            ((3 * BLOCK + 1,), [1]),
            ((1, BLOCK, 2 * BLOCK), [1]),
            ((BLOCK, 1, BLOCK - 1, 5), [5]),
        ):
            got: list[int] = []

            class Kind(BreakingInspector):
                sizes = got

                def eat_chunk(self, chunk: bytes) -> None:
                    self.sizes.append(len(chunk))

                @property
                def complete(self) -> bool:
                    return False

            with mock.patch.object(detection, "INSPECTORS", {"kind": Kind}):
                inspector = detection.ContentInspector("kind")
                for size in sizes:
                    inspector.feed(b"\1" * size)
                with self.assertRaises(detection.UnsafeContent):
                    inspector.finish()
            whole = [BLOCK] * (sum(sizes) // BLOCK)
            self.assertEqual([*whole, *last], got, str(sizes))

    def test_a_block_is_looked_at_once_it_is_there(self) -> None:
        for sizes in ((100, BLOCK), (BLOCK - 1, 1), (1, 1, 2 * BLOCK)):
            inspector = detection.ContentInspector("raw")
            for size in sizes:
                self.assertFalse(inspector.decided)
                inspector.feed(bytes(size))
            self.assertTrue(inspector.decided, str(sizes))

    @hypothesis.given(
        st.sampled_from(CASES),
        st.lists(
            st.sampled_from((1, 100, 511, BLOCK - 1, BLOCK, 3 * BLOCK + 1)),
            max_size=50,
        ),
        st.booleans(),
    )
    def test_pieces_of_any_size(
        self, case: tuple[str, bytes], sizes: list[int], is_told: bool
    ) -> None:
        declared, data = case
        size = len(data) if is_told else None
        whole = judge(declared, [data])
        self.assertEqual(whole, judge(declared, cut(data, sizes), size=size))
