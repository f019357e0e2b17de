# SPDX-License-Identifier: Apache-2.0

"""What the data of an image are, while they pass by.

oslo.utils' inspectors look at the data, and ours: for ploop, which those do
not know, and for formats of which they leave something out. Which formats the
data can be shows in their first :data:`BLOCK` bytes; only a fixed VHD is known
by its end. Inspectors of formats that the data are not are then dropped, and
so is each of the others once it has seen what it needs.
"""

from __future__ import annotations

from collections.abc import Mapping

from oslo_utils.imageutils import format_inspector

from glance_filters.disk_formats import ploop, qed, vhd
from glance_filters.disk_formats import vmdk as vmdk_format

# The inspectors get the data in blocks of this size, however they come, so
# that the result does not depend on the sizes of the pieces. In bytes.
BLOCK = 64 * 1024

# The longest descriptor within a VMDK, which takes some hundred bytes for the
# kinds of VMDK that refer to no other file. In bytes.
MAX_DESCRIPTOR = 2 * BLOCK

# How much of an upload may be needed to decide what its head can decide. In
# bytes.
MAX_HEAD = BLOCK + MAX_DESCRIPTOR

INSPECTORS: Mapping[str, type[format_inspector.FileInspector]] = {
    **{
        name: inspector
        for name, inspector in format_inspector.ALL_FORMATS.items()
        if name != "raw"
    },
    "ploop": ploop.PloopInspector,
    "qed": qed.QedInspector,
    "vhd": vhd.VhdInspector,
    "vhdx": vhd.VhdxInspector,
    "vmdk": vmdk_format.VmdkInspector,
}

# A file that is shorter is, to QEMU, filled up with zeros. In bytes.
_SECTOR = 512

# A disk as it is may begin with a partition table, or be encrypted.
_RAW_FORMATS = frozenset(("gpt", "luks"))

# How far a VMDK descriptor may put off its first line.
_PROBED = 4096

_VHD_FOOTER = 512
_VHD_COOKIE = b"conectix"


class UnsafeContent(Exception):
    """The data could do harm, or cannot be checked for that.

    :param detected: the format that they have
    :param reason: what is wrong with them
    """

    def __init__(self, detected: str, reason: str) -> None:
        self.detected = detected
        self.reason = reason
        super().__init__(f"{detected}: {reason}")


class ContentInspector:
    """Looks at the data of one image.

    :param declared: the image's disk format; None if any is as good
    :ivar mismatch: what the data are, if that is known and not as declared
    :ivar decided: whether no more data can change anything
    :ivar head_decided: whether the next data, within ``MAX_HEAD``, cannot
        change anything
    """

    def __init__(self, declared: str | None) -> None:
        self._declared = declared
        self._candidates = {
            name: inspector() for name, inspector in INSPECTORS.items()
        }
        self._broken: dict[str, format_inspector.FileInspector] = {}
        self._pending = bytearray()
        self._head_seen = False
        self._tail: bytes | None = None
        self.mismatch: str | None = None
        self.decided = False

    @property
    def head_decided(self) -> bool:
        """Whether what the beginning of the data can tell is known."""
        vmdk = self._candidates.get("vmdk")
        return self._head_seen and (
            vmdk is None or bool(vmdk.region("descriptor").complete)
        )

    def feed(self, data: bytes) -> None:
        """Look at the next data, of any length.

        :raises UnsafeContent: if they are known to be unsafe
        """
        if self.decided:
            return
        if self._tail is not None and not self._candidates:
            # Only the end is of interest any more, in whatever pieces.
            self._tail = _end(self._tail, bytes(self._pending) + data)
            self._pending.clear()
            return
        if len(self._pending) + len(data) < BLOCK:
            self._pending += data
            return
        data = bytes(self._pending) + data
        self._pending.clear()
        end = len(data) - len(data) % BLOCK
        for start in range(0, end, BLOCK):
            self._eat(data[start : start + BLOCK])
            if self.decided:
                return
        self._pending += data[end:]

    def finish(self) -> None:
        """Take note that there are no more data.

        :raises UnsafeContent: if they are unsafe
        """
        if self.decided:
            return
        if not self._head_seen:
            self._eat(bytes(self._pending).ljust(_SECTOR, b"\0"))
        elif self._pending:
            self._eat(bytes(self._pending))
        self._pending.clear()
        if self._tail is not None and not self._tail.startswith(_VHD_COOKIE):
            self.mismatch = "raw"
        for name, inspector in list(self._candidates.items()):
            inspector.finish()
            if not inspector.complete:
                raise UnsafeContent(name, "it is incomplete")
            self._check(name)
        self.decided = True

    def _eat(self, block: bytes) -> None:
        for name, inspector in list(self._candidates.items()):
            try:
                inspector.eat_chunk(block)
            # Whatever goes wrong in the inspector of one format must not
            # keep data of another from their place.
            except Exception:
                self._broken[name] = self._candidates.pop(name)
        if not self._head_seen:
            self._head_seen = True
            self._judge_head(block)
        # An inspector that stumbles over data of another format is right to.
        for name, inspector in self._broken.items():
            if _matches(inspector):
                raise UnsafeContent(name, "it cannot be read")
        self._broken.clear()
        if self._tail is not None:
            self._tail = _end(self._tail, block)
        for name, inspector in list(self._candidates.items()):
            if inspector.complete:
                self._check(name)
        self.decided = not self._candidates and self._tail is None

    def _judge_head(self, head: bytes) -> None:
        """Compare what the data are with what they were declared to be."""
        self._candidates = {
            name: inspector
            for name, inspector in self._candidates.items()
            if _matches(inspector)
        }
        found = set(self._candidates)
        declared = self._declared
        if _is_vmdk_descriptor(head):
            raise UnsafeContent("vmdk", "it refers to other files")
        if declared is None:
            surplus = set()
        elif declared not in INSPECTORS:
            surplus = found - _RAW_FORMATS
        elif declared in found:
            # An image that boots from a CD and from a disk is both.
            surplus = found - {declared}
            if declared == "iso" and surplus == {"gpt"}:
                surplus = set()
        elif declared == "vhd" and found <= _RAW_FORMATS:
            # A fixed VHD is a disk as it is, with a footer.
            self._tail = b""
            surplus = set()
        else:
            surplus = found or {"raw"}
            if declared == "vmdk" and not found and _is_text(head):
                raise UnsafeContent("vmdk", "it may refer to other files")
        if "vmdk" in found:
            descriptor = self._candidates["vmdk"].region("descriptor")
            if descriptor.offset and descriptor.length > MAX_DESCRIPTOR:
                raise UnsafeContent("vmdk", "its descriptor is too long")
        if surplus:
            self.mismatch = ", ".join(sorted(found or surplus))
        # What a disk as it is holds is the guest's own affair.
        for name in _RAW_FORMATS & found - {declared}:
            del self._candidates[name]

    def _check(self, name: str) -> None:
        """Check data of the format *name*, of which all that matters is known.

        :raises UnsafeContent: if they are unsafe
        """
        try:
            self._candidates.pop(name).safety_check()
        except format_inspector.SafetyCheckFailed as error:
            reasons = "; ".join(map(str, error.failures.values()))
            raise UnsafeContent(name, reasons) from error
        except format_inspector.ImageFormatError as error:
            raise UnsafeContent(name, str(error)) from error


def _end(before: bytes, data: bytes) -> bytes:
    """Return the last bytes of two pieces, as many as a VHD's footer has."""
    return (before + data[-_VHD_FOOTER:])[-_VHD_FOOTER:]


def _matches(inspector: format_inspector.FileInspector) -> bool:
    try:
        return inspector.format_match
    # An inspector that has not seen enough may stumble over that.
    except Exception:
        return False


def _is_vmdk_descriptor(head: bytes) -> bool:
    """Tell whether QEMU would take data for a VMDK descriptor by itself.

    A descriptor that stands alone names the files that hold the data. It
    begins with its version, after comments and empty lines.
    """
    for line in head[:_PROBED].split(b"\n"):
        text = line.strip()
        if text and not text.startswith(b"#"):
            return text in (b"version=1", b"version=2", b"version=3")
    return False


def _is_text(head: bytes) -> bool:
    """Tell whether data begin as a text, which a VMDK descriptor is."""
    text = head[:64].rstrip(b"\0").decode("latin-1")
    return bool(text) and all(
        each.isascii() and (each.isprintable() or each.isspace())
        for each in text
    )
