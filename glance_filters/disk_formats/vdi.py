# SPDX-License-Identifier: Apache-2.0

"""VDI (VirtualBox), as oslo.utils inspects it, with a look for a parent.

VirtualBox keeps the changes of a snapshot in an image of its own, which names
the image below by UUID. The header is little-endian. What matters of it:

====== ===== ==========================================================
Offset Bytes Field
====== ===== ==========================================================
64     4     signature
68     4     version: 1.1
76     4     type: 1 dynamic, 2 static, 3 undo, 4 differencing
424    16    UUID of the image below; zeros if there is none
440    16    UUID of that image's last change; zeros if there is none
====== ===== ==========================================================

See ``block/vdi.c`` of QEMU.
"""

from __future__ import annotations

import struct

from oslo_utils.imageutils import format_inspector
from oslo_utils.imageutils.format_inspector import SafetyViolation

_VERSION = struct.Struct("<I")
_VERSION_OFFSET = 68
_KNOWN_VERSION = 0x0001_0001
_TYPE = struct.Struct("<I")
_TYPE_OFFSET = 76
_DYNAMIC = 1
_STATIC = 2
_PARENT_UUIDS = slice(424, 456)


class VdiInspector(format_inspector.VDIInspector):
    """Recognises a VDI, and looks for a parent."""

    def _initialize(self) -> None:
        super()._initialize()
        self.add_safety_check(
            format_inspector.SafetyCheck("parent", self._check_parent)
        )

    def _check_parent(self) -> None:
        header = self.region("header").data
        (version,) = _VERSION.unpack_from(header, _VERSION_OFFSET)
        if version != _KNOWN_VERSION:
            raise SafetyViolation("its version is unknown")
        (kind,) = _TYPE.unpack_from(header, _TYPE_OFFSET)
        if kind not in (_DYNAMIC, _STATIC) or any(header[_PARENT_UUIDS]):
            raise SafetyViolation("it has a parent")
