# SPDX-License-Identifier: Apache-2.0

"""VMDK, as oslo.utils inspects, with what its inspector leaves out.

A VMDK can name other files in more ways than the extents that oslo.utils
looks at. QEMU follows each of these:

* a parent, ``parentFileNameHint`` in the descriptor. It is looked for in the
  sectors from 0x200 on, whatever the header says about the descriptor's place
  and size, and in the older format (``COWD``) too;
* the extents of any descriptor whose header gives no capacity, also where an
  earlier line, a comment for example, says that they are of a harmless kind.

See "Virtual Disk Format 5.0" by VMware, and ``block/vmdk.c`` of QEMU.
"""

from __future__ import annotations

import struct

from oslo_utils.imageutils import format_inspector

_OLD_MAGIC = b"COWD"

# In the header, little-endian: the size of the disk in sectors.
_CAPACITY = struct.Struct("<Q")
_CAPACITY_OFFSET = 12

_KIND = "createtype"
_PARENT = "parentfilenamehint"


class VmdkInspector(format_inspector.VMDKInspector):
    """Recognises a VMDK of either magic, and looks for other files."""

    def _initialize(self) -> None:
        super()._initialize()
        for name, check in (
            ("capacity", self._check_capacity),
            ("references", self._check_references),
        ):
            self.add_safety_check(format_inspector.SafetyCheck(name, check))

    @property
    def format_match(self) -> bool:
        """Whether the data begin with a magic of the format."""
        if self.has_region("header"):
            header = self.region("header").data
            # What follows the older magic is not read, so it is not safe.
            if header.startswith(_OLD_MAGIC):
                return True
        return bool(super().format_match)

    def _check_capacity(self) -> None:
        if not self.has_region("header"):
            raise _violation("Image is a descriptor of other files")
        header = self.region("header").data
        (sectors,) = _CAPACITY.unpack_from(header, _CAPACITY_OFFSET)
        if sectors == 0:
            raise _violation("Image has no capacity of its own")

    def _check_references(self) -> None:
        text, end, _ = bytes(self.region("descriptor").data).partition(b"\0")
        if not end:
            # What follows would be read on as if it were part of it.
            raise _violation("Descriptor does not end")
        lowered = text.decode("latin-1").lower()
        if _PARENT in lowered:
            raise _violation("Image has a parent")
        if lowered.count(_KIND) != 1:
            raise _violation("Descriptor does not say one kind")


def _violation(reason: str) -> Exception:
    return format_inspector.SafetyViolation(reason)
