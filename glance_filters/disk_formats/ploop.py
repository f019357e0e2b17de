# SPDX-License-Identifier: Apache-2.0

"""The image format of ploop (Parallels, Virtuozzo), as oslo.utils inspects.

An image begins with a header of 64 bytes, little-endian:

====== ===== ==========================================================
Offset Bytes Field
====== ===== ==========================================================
0      16    magic: ``WithoutFreeSpace`` or ``WithouFreSpacExt``
16     4     version, 2
20     8     heads and cylinders, of no use any more
28     4     size of a cluster in sectors of 512 bytes
32     4     number of entries of the block allocation table, one a cluster
36     8     size of the disk in sectors; of the old magic, 4 bytes count
44     4     whether the image is in use, or was closed
48     4     first sector of the data; 0 if they follow the table
52     4     flags
56     8     sector of the format extension; 0 if there is none
====== ===== ==========================================================

The table follows. An image of this kind cannot name another file: what
could be wrong with it is that the fields contradict each other.

See "Parallels Expandable Image File Format" in QEMU's documentation.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from oslo_utils.imageutils import format_inspector
from oslo_utils.imageutils.format_inspector import SafetyViolation

_OLD_MAGIC = b"WithoutFreeSpace"
_MAGIC = b"WithouFreSpacExt"
_HEADER = struct.Struct("<16sIIIIIQIIIQ")
_SECTOR = 512
_ENTRY = 4
_VERSION = 2

_NOT_IN_USE = (0, 0x312E3276)
_IN_USE = 0x746F6E59

# What QEMU can address: a cluster, and the table, within signed 32 bits.
_MAX_CLUSTER_SECTORS = (2**31 - 1) // (_SECTOR + 1)
_MAX_ENTRIES = (2**31 - 1) // _ENTRY


@dataclass(frozen=True)
class _Header:
    magic: bytes
    version: int
    heads: int
    cylinders: int
    cluster_sectors: int
    entries: int
    disk_sectors: int
    in_use: int
    first_data_sector: int
    flags: int
    extension_sector: int


class PloopInspector(format_inspector.FileInspector):
    """Recognises a ploop image, and checks its header."""

    NAME = "ploop"

    def _initialize(self) -> None:
        region = format_inspector.CaptureRegion(0, _HEADER.size)
        self.new_region("header", region)
        for name, check in (
            ("version", self._check_version),
            ("clusters", self._check_clusters),
            ("data", self._check_data),
            ("in_use", self._check_in_use),
        ):
            self.add_safety_check(format_inspector.SafetyCheck(name, check))

    @property
    def format_match(self) -> bool:
        """Whether the data begin with a magic of the format."""
        return bytes(self.region("header").data[:16]) in (_OLD_MAGIC, _MAGIC)

    def _header(self) -> _Header:
        return _Header(*_HEADER.unpack(self.region("header").data))

    def _check_version(self) -> None:
        version = self._header().version
        if version != _VERSION:
            raise SafetyViolation(f"version {version} is not known")

    def _check_clusters(self) -> None:
        header = self._header()
        if not 0 < header.cluster_sectors <= _MAX_CLUSTER_SECTORS:
            raise SafetyViolation("the size of a cluster is out of range")
        if header.entries > _MAX_ENTRIES:
            raise SafetyViolation("the allocation table is too large")
        sectors = header.disk_sectors
        if header.magic == _OLD_MAGIC:
            sectors &= 0xFFFFFFFF
        if header.entries * header.cluster_sectors < sectors:
            raise SafetyViolation(
                "the allocation table is too small for the disk"
            )

    def _check_data(self) -> None:
        header = self._header()
        table_end = _HEADER.size + header.entries * _ENTRY
        for name, sector in (
            ("data", header.first_data_sector),
            ("extension", header.extension_sector),
        ):
            if sector and sector * _SECTOR < table_end:
                raise SafetyViolation(
                    f"the {name} overlap the allocation table"
                )

    def _check_in_use(self) -> None:
        if self._header().in_use not in (*_NOT_IN_USE, _IN_USE):
            raise SafetyViolation("the mark of use is not known")
