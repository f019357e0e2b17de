# SPDX-License-Identifier: Apache-2.0

"""VMDK, of the kinds that are one file: monolithicSparse, streamOptimized.

The header is little-endian:

====== ===== ==========================================================
Offset Bytes Field
====== ===== ==========================================================
0      4     magic: ``KDMV``, in an older format ``COWD``
4      4     version: 1 to 3
12     8     size of the disk in sectors of 512 bytes
28     8     first sector of the descriptor
36     8     sectors of the descriptor
56     8     first sector of the tables; all bits set if a footer tells
====== ===== ==========================================================

A VMDK can name other files in more ways than oslo.utils looks at. QEMU
follows each of these:

* a parent in the descriptor, which it looks for from the second sector on,
  whatever the header says about the descriptor's place and size, and in the
  older format too;
* the extents of the descriptor of a disk whose header gives no size.

The footer is a header too, in the last but one sector. Who reads it takes it
for the better one, so it must not tell of another descriptor.

See "Virtual Disk Format 5.0" by VMware, and ``block/vmdk.c`` of QEMU.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from oslo_utils.imageutils import format_inspector
from oslo_utils.imageutils.format_inspector import SafetyViolation

from glance_filters.disk_formats import vmdk_descriptor

_MAGIC = b"KDMV"
_OLD_MAGIC = b"COWD"
_SECTOR = 512

_HEADER = struct.Struct("<4sI4xQ8xQQ12xQ")
_IN_FOOTER = 0xFFFFFFFFFFFFFFFF

# A marker, the footer and another marker, each of which fills a sector.
_FOOTER = 3 * _SECTOR
_MARKER = struct.Struct("<QII496s")
_FOOTER_MARKER = 3
_END_MARKER = 0


class _Header(NamedTuple):
    magic: bytes
    version: int
    capacity: int
    descriptor_sector: int
    descriptor_sectors: int
    tables_sector: int


class _TextRegion(format_inspector.CaptureRegion):
    """A region that ends with its first zero byte."""

    @property
    def complete(self) -> bool:
        """Whether the end was seen, of the text or of its place."""
        return b"\0" in self.data or len(self.data) == self.length


class VmdkInspector(format_inspector.FileInspector):
    """Recognises a VMDK of either magic, and looks for other files."""

    NAME = "vmdk"

    def _initialize(self) -> None:
        self.new_region("header", format_inspector.CaptureRegion(0, _SECTOR))
        for name, check in (
            ("header", self._check_header),
            ("descriptor", self._check_descriptor),
            ("footer", self._check_footer),
        ):
            self.add_safety_check(format_inspector.SafetyCheck(name, check))

    @property
    def format_match(self) -> bool:
        """Whether the data begins with a magic of the format."""
        return self.region("header").data[:4] in (_MAGIC, _OLD_MAGIC)

    @property
    def head_complete(self) -> bool:
        """Whether all is known but for a footer."""
        return all(
            self.region(name).complete
            for name in ("header", "descriptor")
            if self.has_region(name)
        )

    def post_process(self) -> None:
        """Wait for what the header tells of."""
        region = self.region("header")
        if self.has_region("descriptor") or not region.complete:
            return
        header = self._header()
        if header.magic != _MAGIC:
            return
        size = header.descriptor_sectors * _SECTOR
        size = min(size, vmdk_descriptor.MAX_WITHIN)
        self.new_region("descriptor", _TextRegion(_SECTOR, size))
        if header.tables_sector == _IN_FOOTER:
            end = format_inspector.EndCaptureRegion(_FOOTER)
            self.new_region("footer", end)

    def _header(self) -> _Header:
        return _Header(*_HEADER.unpack_from(self.region("header").data))

    def _check_header(self) -> None:
        header = self._header()
        if header.magic == _OLD_MAGIC:
            raise SafetyViolation("its format is too old")
        if header.version not in (1, 2, 3):
            raise SafetyViolation("its version is unknown")
        if not header.capacity:
            raise SafetyViolation("it has no capacity of its own")
        if header.descriptor_sector != 1:
            raise SafetyViolation("its descriptor is not in the second sector")

    def _check_descriptor(self) -> None:
        if not self.has_region("descriptor"):
            return
        data = bytes(self.region("descriptor").data)
        text, end, _ = data.partition(b"\0")
        if not end:
            # What follows would be read on as if it were part of it.
            raise SafetyViolation("its descriptor is too long or does not end")
        reason = vmdk_descriptor.reference(text)
        if reason is not None:
            raise SafetyViolation(reason)

    def _check_footer(self) -> None:
        if not self.has_region("footer"):
            return
        header = self._header()
        # QEMU counts from the end of the last sector, though it be cut off.
        if self.actual_size % _SECTOR:
            raise SafetyViolation("it does not end with a sector")
        data = bytes(self.region("footer").data)
        footer = _Header(*_HEADER.unpack_from(data, _SECTOR))
        if footer.tables_sector == _IN_FOOTER:
            raise SafetyViolation("its footer tells of another one")
        same = header._replace(
            capacity=footer.capacity, tables_sector=footer.tables_sector
        )
        if footer != same:
            raise SafetyViolation("its footer contradicts its header")
        _, *marker = _MARKER.unpack_from(data)
        end = _MARKER.unpack_from(data, 2 * _SECTOR)
        if marker != [0, _FOOTER_MARKER, bytes(496)]:
            raise SafetyViolation("it has no marker in front of its footer")
        if end != (0, 0, _END_MARKER, bytes(496)):
            raise SafetyViolation("it has no marker at its end")
