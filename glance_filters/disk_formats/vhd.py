# SPDX-License-Identifier: Apache-2.0

"""VHD and VHDX, as oslo.utils inspects, with a look for a parent.

A differencing disk names the file that it builds upon: Hyper-V and
XenServer follow that.

See "Virtual Hard Disk Image Format Specification" (disk type, in the footer)
and [MS-VHDX] 2.6.2.6 (parent locator) by Microsoft.
"""

from __future__ import annotations

import struct
import uuid

from oslo_utils.imageutils import format_inspector

# In the footer, big-endian.
_DISK_TYPE = struct.Struct(">I")
_DISK_TYPE_OFFSET = 60
_DIFFERENCING = 4

# In the table of a VHDX' metadata: its header, and each of the entries.
_ENTRY = 32
_PARENT_LOCATOR = uuid.UUID("a8d35f2d-b30b-454d-abf7-d3d84834ab0c").bytes_le


class VhdInspector(format_inspector.VHDInspector):
    """Recognises a VHD by its head, and looks for a parent."""

    def _initialize(self) -> None:
        super()._initialize()
        self.add_safety_check(
            format_inspector.SafetyCheck("parent", self._check_parent)
        )

    def _check_parent(self) -> None:
        footer = self.region("header").data
        (disk_type,) = _DISK_TYPE.unpack_from(footer, _DISK_TYPE_OFFSET)
        if disk_type == _DIFFERENCING:
            raise format_inspector.SafetyViolation("Image has a parent")


class VhdxInspector(format_inspector.VHDXInspector):
    """Recognises a VHDX, and looks for a parent."""

    def _initialize(self) -> None:
        super()._initialize()
        self.add_safety_check(
            format_inspector.SafetyCheck("parent", self._check_parent)
        )

    def _check_parent(self) -> None:
        if not self.has_region("metadata"):
            raise format_inspector.SafetyViolation("Image has no metadata")
        table = bytes(self.region("metadata").data)
        for start in range(_ENTRY, len(table), _ENTRY):
            if table.startswith(_PARENT_LOCATOR, start):
                raise format_inspector.SafetyViolation("Image has a parent")
