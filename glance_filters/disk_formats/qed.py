# SPDX-License-Identifier: Apache-2.0

"""QEMU's enhanced disk format (QED), as oslo.utils inspects.

oslo.utils recognises the format and refuses it altogether. Where an operator
allows it, what matters is whether the image refers to another file: bit 0 of
the features, 8 bytes little-endian at offset 16, says so.

See "QED Image File Format" in QEMU's documentation.
"""

from __future__ import annotations

import struct

from oslo_utils.imageutils import format_inspector
from oslo_utils.imageutils.format_inspector import SafetyViolation

_MAGIC = b"QED\0"
_HEADER_LENGTH = 64
_FEATURES = struct.Struct("<Q")
_FEATURES_OFFSET = 16

_BACKING_FILE = 1
# Backing file, needs a check, backing format not to be probed.
_KNOWN = 0b111


class QedInspector(format_inspector.FileInspector):
    """Recognises a QED image, and looks for a backing file."""

    NAME = "qed"

    def _initialize(self) -> None:
        region = format_inspector.CaptureRegion(0, _HEADER_LENGTH)
        self.new_region("header", region)
        self.add_safety_check(
            format_inspector.SafetyCheck("features", self._check_features)
        )

    @property
    def format_match(self) -> bool:
        """Whether the data begin with the magic of the format."""
        return self.region("header").data.startswith(_MAGIC)

    def _check_features(self) -> None:
        header = self.region("header").data
        (features,) = _FEATURES.unpack_from(header, _FEATURES_OFFSET)
        if features & _BACKING_FILE:
            raise SafetyViolation("it has a backing file")
        if features & ~_KNOWN:
            raise SafetyViolation("it has unknown features")
