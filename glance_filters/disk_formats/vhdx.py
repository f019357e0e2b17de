# SPDX-License-Identifier: Apache-2.0

"""VHDX, as oslo.utils inspects it, with a look for a parent and for a log.

A differencing disk names the file that it builds upon by an item of its
metadata, the parent locator. A log that was not emptied is replayed by who
opens the file, and may write such an item.

======= ====== ========================================================
Offset  Bytes  What is there (little-endian)
======= ====== ========================================================
64 KiB  4 KiB  a header; the valid one with the higher number counts
128 KiB 4 KiB  another
192 KiB 64 KiB the table of regions, which tells where the metadata is
256 KiB 64 KiB a copy of it, for who cannot read the first
======= ====== ========================================================

See [MS-VHDX] by Microsoft: 2.2.2 (headers), 2.2.3 (regions), 2.3 (log) and
2.6.2.6 (parent locator).
"""

from __future__ import annotations

import struct
import uuid

from oslo_utils.imageutils import format_inspector
from oslo_utils.imageutils.format_inspector import SafetyViolation

_KIB = 1024

_HEADERS = (64 * _KIB, 128 * _KIB)
_HEADER_SIZE = 4 * _KIB
# Signature, checksum, sequence number; the log's GUID; zeros if it is empty.
_HEADER = struct.Struct("<4sIQ")
_HEADER_SIGNATURE = b"head"
_CHECKSUM = slice(4, 8)
_LOG_GUID = slice(48, 64)

_TABLE_COPY = 256 * _KIB
_TABLE_SIZE = 64 * _KIB

# What a region begins at a multiple of, but for 0, where the headers are.
_ALIGNMENT = 1024 * _KIB

# In the tables of regions and of metadata: their heads, and each entry.
_TABLE_HEAD = 16
_ENTRY = 32
_METADATA = uuid.UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e").bytes_le
_PARENT_LOCATOR = uuid.UUID("a8d35f2d-b30b-454d-abf7-d3d84834ab0c").bytes_le

# The reversed polynomial of CRC-32C (RFC 3720, section 12.1).
_POLYNOMIAL = 0x82F63B78


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_CRC_TABLE = _crc_table()


class VhdxInspector(format_inspector.VHDXInspector):
    """Recognises a VHDX, and looks for a parent."""

    def _initialize(self) -> None:
        super()._initialize()
        for number, offset in enumerate(_HEADERS):
            region = format_inspector.CaptureRegion(offset, _HEADER_SIZE)
            self.new_region(f"header {number}", region)
        region = format_inspector.CaptureRegion(_TABLE_COPY, _TABLE_SIZE)
        self.new_region("table copy", region)
        for name, check in (
            ("log", self._check_log),
            ("regions", self._check_regions),
            ("parent", self._check_parent),
        ):
            self.add_safety_check(format_inspector.SafetyCheck(name, check))

    def _check_log(self) -> None:
        """Refuse a log, whatever is in it.

        It may be as large as the file, and lie behind what it changes.
        """
        headers = [
            bytes(self.region(f"header {number}").data)
            for number in range(len(_HEADERS))
        ]
        valid = {each: _sequence(each) for each in headers if _is_valid(each)}
        if not valid:
            raise SafetyViolation("it has no valid header")
        latest = max(valid.values())
        for header, number in valid.items():
            if number == latest and any(header[_LOG_GUID]):
                raise SafetyViolation("its log must be replayed first")

    def _check_regions(self) -> None:
        table = bytes(self.region("header").data)
        if table != self.region("table copy").data:
            raise SafetyViolation("its tables of regions differ")
        count = _entries(table, _TABLE_HEAD).count(_METADATA)
        if count != 1 or not self.has_region("metadata"):
            raise SafetyViolation("it does not have one region of metadata")
        # Where it overlapped what was read before, it could not be read.
        offset = self.region("metadata").offset
        if not offset or offset % _ALIGNMENT:
            raise SafetyViolation("the place of its metadata is not allowed")

    def _check_parent(self) -> None:
        if not self.has_region("metadata"):
            return
        table = bytes(self.region("metadata").data)
        if _PARENT_LOCATOR in _entries(table, _ENTRY):
            raise SafetyViolation("it has a parent")


def _entries(table: bytes, start: int) -> list[bytes]:
    """Return the GUIDs of a table's entries, used or not."""
    return [
        table[offset : offset + 16]
        for offset in range(start, len(table), _ENTRY)
    ]


def _sequence(header: bytes) -> int:
    number: int = _HEADER.unpack_from(header)[2]
    return number


def _is_valid(header: bytes) -> bool:
    signature, checksum, _ = _HEADER.unpack_from(header)
    return bool(
        signature == _HEADER_SIGNATURE and checksum == _checksum(header)
    )


def _checksum(header: bytes) -> int:
    """Return the CRC-32C of a header in which the checksum counts as 0."""
    data = bytearray(header)
    data[_CHECKSUM] = bytes(4)
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _CRC_TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF
