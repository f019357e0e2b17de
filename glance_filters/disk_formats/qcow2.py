# SPDX-License-Identifier: Apache-2.0

"""QCOW2, as oslo.utils inspects it, up to the features of QEMU 10.

The header is big-endian. What matters of it:

====== ===== ==========================================================
Offset Bytes Field
====== ===== ==========================================================
0      4     magic: ``QFI\\xfb``
4      4     version: 2 or 3
8      8     offset of the backing file's name; 0 if there is none
72     8     incompatible features, from version 3 on: bit 2 says that an
             external file holds the data
====== ===== ==========================================================

The inspector of oslo.utils refuses extended L2 entries, which QEMU writes
since 5.2 and which refer to no other file.

See "QCOW2 image format" in QEMU's documentation.
"""

from __future__ import annotations

import struct

from oslo_utils.imageutils import format_inspector
from oslo_utils.imageutils.format_inspector import SafetyViolation

_MAGIC = b"QFI\xfb"
_HEADER = struct.Struct(">4sIQ")
_FEATURES = struct.Struct(">Q")
_FEATURES_OFFSET = 72
_HEADER_LENGTH = _FEATURES_OFFSET + _FEATURES.size

_DATA_FILE = 1 << 2
# Dirty, corrupt, data file, compression type, extended L2 entries.
_KNOWN = (1 << 5) - 1


class Qcow2Inspector(format_inspector.FileInspector):
    """Recognises a QCOW2 image, and looks for a backing or data file."""

    NAME = "qcow2"

    def _initialize(self) -> None:
        region = format_inspector.CaptureRegion(0, _HEADER_LENGTH)
        self.new_region("header", region)
        self.add_safety_check(
            format_inspector.SafetyCheck("references", self._check_references)
        )

    @property
    def format_match(self) -> bool:
        """Whether the data begins with the magic of the format."""
        return self.region("header").data.startswith(_MAGIC)

    def _check_references(self) -> None:
        header = self.region("header").data
        _, version, backing_file = _HEADER.unpack_from(header)
        if version not in (2, 3):
            raise SafetyViolation(f"version {version} is not supported")
        if backing_file:
            raise SafetyViolation("it has a backing file")
        # There, version 2 has extensions of the header.
        if version == 2:
            return
        (features,) = _FEATURES.unpack_from(header, _FEATURES_OFFSET)
        if features & _DATA_FILE:
            raise SafetyViolation("it has a data_file")
        if features & ~_KNOWN:
            raise SafetyViolation("it has unknown features")
