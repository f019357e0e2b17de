# SPDX-License-Identifier: Apache-2.0

"""UDF, the file system of DVDs, where no ISO 9660 stands beside it.

Sectors of 2048 bytes from the 17th on say what a disc holds, each by five
letters behind its first byte. For UDF these are ``BEA01``, then ``NSR02`` or
``NSR03``. oslo.utils looks at the first of these sectors only.

See ECMA-167, part 2, sections 8 and 9.
"""

from __future__ import annotations

from oslo_utils.imageutils import format_inspector

_SECTOR = 2048
_FIRST = 16 * _SECTOR
_SECTORS = 16

_BEGIN = b"BEA01"
_UDF = (b"NSR02", b"NSR03")


class UdfInspector(format_inspector.FileInspector):
    """Recognises a disc with UDF."""

    NAME = "udf"

    def _initialize(self) -> None:
        region = format_inspector.CaptureRegion(_FIRST, _SECTORS * _SECTOR)
        self.new_region("sequence", region)
        self.add_safety_check(format_inspector.SafetyCheck.null())

    @property
    def format_match(self) -> bool:
        """Whether the volume recognition sequence tells of UDF."""
        data = self.region("sequence").data
        names = [
            data[start + 1 : start + 6]
            for start in range(0, len(data), _SECTOR)
        ]
        if _BEGIN not in names:
            return False
        following = names[names.index(_BEGIN) :]
        return any(name in following for name in _UDF)
