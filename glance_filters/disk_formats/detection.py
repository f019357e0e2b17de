# SPDX-License-Identifier: Apache-2.0

"""What the data of an image is, found out while it passes by.

The inspectors of oslo.utils look at the data, and ours: for formats which
those do not know, and for formats that can refer to another file in a way
which they do not see. Which formats the data can be shows in its first
:data:`BLOCK` bytes; only a fixed VHD is known by its end. Inspectors of
formats that the data is not are then dropped, and so is each of the others
once it has seen what it needs.

The module cannot be imported where oslo.utils has no inspectors.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import NoReturn

from oslo_utils.imageutils import format_inspector

from glance_filters.disk_formats import (
    ploop,
    qcow2,
    qed,
    udf,
    vdi,
    vhd,
    vhdx,
    vmdk,
    vmdk_descriptor,
)

# The inspectors get the data in blocks of this size, however it comes, so that
# the result does not depend on the sizes of the pieces. In bytes.
BLOCK = 64 * 1024

# How much of the data may be needed to decide what its head can decide. In
# bytes.
MAX_HEAD = vmdk_descriptor.MAX_ALONE + BLOCK

INSPECTORS: Mapping[str, type[format_inspector.FileInspector]] = {
    **{
        name: inspector
        for name, inspector in format_inspector.ALL_FORMATS.items()
        if name != "raw"
    },
    "ploop": ploop.PloopInspector,
    "qcow2": qcow2.Qcow2Inspector,
    "qed": qed.QedInspector,
    "udf": udf.UdfInspector,
    "vdi": vdi.VdiInspector,
    "vhd": vhd.VhdInspector,
    "vhdx": vhdx.VhdxInspector,
    "vmdk": vmdk.VmdkInspector,
}

# Containers that hold the data of a disk as it is: an Amazon image is one of
# these. Of another container only unsafe data is refused, which is there if
# the data is no archive at all.
BARE_CONTAINERS = frozenset(("bare", "ami", "aki", "ari"))

# Why data is refused whose inspector breaks on it.
_UNREADABLE = "it cannot be read"

# A file that is shorter is, to QEMU, filled up with zeros. In bytes.
_SECTOR = 512

# What a disk as it is may begin with: a partition table, an encrypted volume,
# a file system.
_RAW_FORMATS = frozenset(("gpt", "luks", "udf"))

# What a disc may be at the same time: one that boots from a disk too has a
# partition table.
_DISC_FORMATS = frozenset(("gpt", "iso", "udf"))
_DISC_SIGNS = frozenset(("iso", "udf"))


class UnsafeContent(Exception):
    """The data refers to another file, or cannot be checked for that.

    :param detected: the format that it has
    :param reason: what is wrong with it
    """

    def __init__(self, detected: str, reason: str) -> None:
        self.detected = detected
        self.reason = reason
        super().__init__(f"{detected}: {reason}")


class ContentInspector:
    """Looks at the data of one image.

    :param disk_format: the image's disk format; None if it is not known, so
        that only unsafe data is refused
    :param container_format: its container format
    :param size: how many bytes are read of the data, None if it is read to
        its end; the judgement is then final with the last of these bytes,
        whether or not :meth:`finish` is called
    :ivar mismatch: what the data is, if that is known and not as declared
    :ivar decided: whether no more data can change anything
    :ivar head_decided: whether the next data, within ``MAX_HEAD``, cannot
        change anything
    """

    def __init__(
        self,
        disk_format: str | None,
        container_format: str | None = "bare",
        size: int | None = None,
    ) -> None:
        is_bare = container_format in BARE_CONTAINERS
        self._declared = disk_format if is_bare else None
        # By its head, it is a disk as it is.
        self._fixed_vhd = (
            vhd.FixedVhdInspector() if disk_format == "vhd" else None
        )
        self._left = size
        self._candidates = {
            name: inspector() for name, inspector in INSPECTORS.items()
        }
        self._text = vmdk_descriptor.Search()
        self._pending = bytearray()
        self._head_seen = False
        self._refusal: UnsafeContent | None = None
        self.mismatch: str | None = None
        self.decided = False

    @property
    def head_decided(self) -> bool:
        """Whether what the beginning of the data can tell is known."""
        candidate = self._candidates.get("vmdk")
        return self.decided or (
            self._head_seen
            and self._text.ended
            and (
                not isinstance(candidate, vmdk.VmdkInspector)
                or candidate.head_complete
            )
        )

    def feed(self, data: bytes) -> None:
        """Look at the next data, of any length.

        :raises UnsafeContent: if it is known to be unsafe
        """
        if self._refusal is not None:
            raise self._refusal
        if self.decided:
            return
        data = data[: self._left]
        if self._left is not None:
            self._left -= len(data)
        if len(data) == BLOCK and not self._pending:
            # As most come: there is nothing to put together.
            self._eat(data)
            data = b""
        view = memoryview(data)
        while view and not self.decided:
            missing = BLOCK - len(self._pending)
            self._pending += view[:missing]
            view = view[missing:]
            if len(self._pending) == BLOCK:
                self._eat(self._take_pending())
        if self._left == 0:
            self.finish()

    def finish(self) -> None:
        """Take note that there is no more data.

        :raises UnsafeContent: if it is unsafe
        """
        if self._refusal is not None:
            raise self._refusal
        if self.decided:
            return
        if not self._head_seen:
            self._eat(self._take_pending().ljust(_SECTOR, b"\0"))
        elif self._pending:
            self._eat(self._take_pending())
        for name, inspector in list(self._candidates.items()):
            inspector.finish()
            if inspector is self._fixed_vhd and not inspector.format_match:
                self._note({"raw"})
                continue
            if not inspector.complete:
                self._refuse(name, "it is incomplete")
            self._check(name)
        self.decided = True

    def _take_pending(self) -> bytes:
        data = bytes(self._pending)
        self._pending.clear()
        return data

    def _eat(self, block: bytes) -> None:
        broken: dict[str, format_inspector.FileInspector] = {}
        for name, inspector in list(self._candidates.items()):
            try:
                inspector.eat_chunk(block)
            # Whatever goes wrong in the inspector of one format must not
            # keep data of another from its place.
            except Exception:
                broken[name] = self._candidates.pop(name)
        if not self._text.ended:
            self._text.feed(block)
            if self._text.found:
                self._refuse("vmdk", "it describes other files")
        if not self._head_seen:
            self._head_seen = True
            self._judge_head(block)
        # An inspector that stumbles over data of another format is right to.
        for name, inspector in broken.items():
            if _matches(inspector):
                self._refuse(name, _UNREADABLE)
        for name, inspector in list(self._candidates.items()):
            if inspector.complete:
                self._check(name)
        self.decided = not self._candidates and self._text.ended

    def _judge_head(self, head: bytes) -> None:
        """Compare what the data is with what it was declared to be."""
        self._candidates = {
            name: inspector
            for name, inspector in self._candidates.items()
            if _matches(inspector)
        }
        found = set(self._candidates)
        if self._fixed_vhd is not None and found <= _RAW_FORMATS:
            self._fixed_vhd.eat_chunk(head)
            self._candidates["vhd"] = self._fixed_vhd
        elif not _is_as_declared(self._declared, found):
            self._note(found or {"raw"})
        # What a disk as it is holds is the guest's own affair.
        for name in _RAW_FORMATS & found - {self._declared}:
            del self._candidates[name]

    def _note(self, found: set[str]) -> None:
        if self._declared is not None:
            self.mismatch = ", ".join(sorted(found))

    def _check(self, name: str) -> None:
        """Check data of the format *name*, of which all that matters is known.

        :raises UnsafeContent: if it is unsafe
        """
        try:
            self._candidates.pop(name).safety_check()
        except format_inspector.SafetyCheckFailed as error:
            self._refuse(name, "; ".join(map(str, error.failures.values())))
        except Exception:
            self._refuse(name, _UNREADABLE)

    def _refuse(self, name: str, reason: str) -> NoReturn:
        self._refusal = UnsafeContent(name, reason)
        raise self._refusal


def _is_as_declared(declared: str | None, found: set[str]) -> bool:
    """Return True if data is of the declared format, and of no other.

    :param declared: None, as which nothing is, if it is not known
    :param found: the formats whose signs the beginning of the data has
    """
    if declared == "iso":
        return bool(found & _DISC_SIGNS) and found <= _DISC_FORMATS
    if declared in INSPECTORS:
        return found == {declared}
    return found <= _RAW_FORMATS


def _matches(inspector: format_inspector.FileInspector) -> bool:
    matches = False
    # An inspector that has not seen enough may stumble over that.
    with contextlib.suppress(Exception):
        matches = inspector.format_match
    return matches
