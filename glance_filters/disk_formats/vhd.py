# SPDX-License-Identifier: Apache-2.0

"""VHD, as oslo.utils inspects it, with its footer and a look for a parent.

A differencing disk names the file that it builds upon; XenServer and Hyper-V
follow that. The footer, the last 512 bytes, tells the type of a disk. A
dynamic disk begins with a copy of it, a fixed one does not. Virtual PC before
2004 wrote footers of 511 bytes. A reader that finds no footer at the end takes
the copy at the beginning.

See "Virtual Hard Disk Image Format Specification" by Microsoft.
"""

from __future__ import annotations

import struct

from oslo_utils.imageutils import format_inspector
from oslo_utils.imageutils.format_inspector import SafetyViolation

_COOKIE = b"conectix"
_FOOTER = 512

# In the footer, big-endian.
_TYPE = struct.Struct(">I")
_TYPE_OFFSET = 60
_FIXED = 2
_DYNAMIC = 3
_DIFFERENCING = 4


class _Tail(format_inspector.EndCaptureRegion):
    """The last bytes, without a copy of all that comes before them."""

    def capture(self, chunk: bytes, current_position: int) -> bytes:
        """Take note of the next data."""
        return super().capture(chunk[-self.length :], current_position)


class VhdInspector(format_inspector.FileInspector):
    """Recognises a VHD by its head, and looks for a parent."""

    NAME = "vhd"

    def _initialize(self) -> None:
        self.new_region("head", format_inspector.CaptureRegion(0, _FOOTER))
        self.new_region("end", _Tail(_FOOTER))
        self.add_safety_check(
            format_inspector.SafetyCheck("parent", self._check_parent)
        )

    @property
    def format_match(self) -> bool:
        """Whether the data begins with a footer's cookie."""
        return self.region("head").data.startswith(_COOKIE)

    def _footers(self) -> list[bytes]:
        """Return the footers that a reader may find, of 511 or 512 bytes."""
        head, end = (bytes(self.region(each).data) for each in ("head", "end"))
        return [
            each for each in (head, end, end[1:]) if each.startswith(_COOKIE)
        ]

    def _check_parent(self) -> None:
        for footer in self._footers():
            (kind,) = _TYPE.unpack_from(footer, _TYPE_OFFSET)
            if kind == _DIFFERENCING:
                raise SafetyViolation("it has a parent")
            if kind not in (_FIXED, _DYNAMIC):
                raise SafetyViolation("the type of the disk is unknown")


class FixedVhdInspector(VhdInspector):
    """Recognises a VHD by its footer alone, once the data has ended."""

    @property
    def format_match(self) -> bool:
        """Whether the data ends with a footer."""
        return bool(self._footers())

    def eat_chunk(self, chunk: bytes) -> None:
        """Look at the next data; past the head, only its end matters."""
        if self.region("head").complete:
            end = self.region("end")
            # From where it is, nobody asks.
            end.capture(chunk, end.length)
        else:
            super().eat_chunk(chunk)
