# SPDX-License-Identifier: Apache-2.0

"""What an upload's data are, and what is done about it."""

from __future__ import annotations

import importlib
from typing import Any

from oslo_log import log as logging

from glance_filters import errors

LOG = logging.getLogger(__name__)

# It needs oslo.utils with format inspectors, which is an extra.
_INSPECTION = "glance_filters.disk_formats.detection"


def is_available() -> bool:
    """Tell whether data can be inspected."""
    try:
        importlib.import_module(_INSPECTION)
    except ImportError:
        return False
    return True


class UploadInspection:
    """Inspects the data of one upload.

    :param image_id: the image, as the request names it
    :param declared: its disk format; None if it is not known, so that only
        unsafe data are refused
    :param enforce: whether data of another format are refused, rather than
        logged
    :raises ImportError: if data cannot be inspected
    """

    def __init__(
        self, image_id: str, declared: str | None, enforce: bool
    ) -> None:
        self._module: Any = importlib.import_module(_INSPECTION)
        self._inspector: Any = self._module.ContentInspector(declared)
        self._image_id = image_id
        self._declared = declared
        self._enforce = enforce
        self._reported = False

    @property
    def max_head(self) -> int:
        """How much of the data, in bytes, their head can be."""
        size: int = self._module.MAX_HEAD
        return size

    @property
    def head_decided(self) -> bool:
        """Whether what the head of the data can tell is known."""
        return bool(self._inspector.head_decided)

    @property
    def decided(self) -> bool:
        """Whether no data that may follow would matter."""
        return bool(self._inspector.decided)

    def feed(self, data: bytes) -> None:
        """Look at the next data.

        :raises ContentMismatch: if they are of another format
        :raises UnsafeContent: if they are unsafe
        """
        self._look(self._inspector.feed, data)

    def finish(self) -> None:
        """Take note that there are no more data.

        :raises ContentMismatch: if they are of another format
        :raises UnsafeContent: if they are unsafe
        """
        self._look(self._inspector.finish)

    def _look(self, step: Any, *data: bytes) -> None:
        try:
            step(*data)
        except self._module.UnsafeContent as unsafe:
            raise errors.UnsafeContent(
                self._declared or "not known", unsafe.detected, unsafe.reason
            ) from unsafe
        detected = self._inspector.mismatch
        if self._declared is None or detected is None or self._reported:
            return
        self._reported = True
        if self._enforce:
            raise errors.ContentMismatch(self._declared, detected)
        LOG.warning(
            "Let through: data of image %.80r, declared %.80r, are %s",
            self._image_id,
            self._declared,
            detected,
        )
