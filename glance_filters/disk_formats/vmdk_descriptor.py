# SPDX-License-Identifier: Apache-2.0

"""The descriptor of a VMDK: lines of text that name the files of a disk.

It stands within a VMDK, or alone in a file. One that stands alone always
names other files. One within a VMDK may name a parent, and as extents the
VMDK itself or others::

    # Disk DescriptorFile
    version=1
    encoding="windows-1252"
    createType="monolithicSparse"
    RW 4192256 SPARSE "disk.vmdk"
    ddb.adapterType = "ide"

Its keywords are ASCII, in any case of letters; its encoding says how the
names are written. It ends with its first zero byte.

VMware finds a parent by ``parentFileNameHint``, VirtualBox by
``ddb.uuid.parent``, which is all zeros if there is none. Beside a disk, ESX
opens the files of ``changeTrackPath`` and ``ddb.sidecars``.

See "Virtual Disk Format 5.0" by VMware, and ``block/vmdk.c`` of QEMU.
"""

from __future__ import annotations

import re

# QEMU and oslo.utils read this much of a descriptor that stands alone, VMware
# writes some hundred bytes. In bytes.
MAX_ALONE = 1024 * 1024 - 1

# The longest within a VMDK. In bytes.
MAX_WITHIN = 64 * 1024

_KIND = b"createtype"
_PARENT = b"parentfilenamehint"

_LINE = re.compile(rb"[^\r\n]+")
_ONE_FILE = re.compile(
    rb'createtype\s*=\s*"(?:monolithicsparse|streamoptimized)"'
)
_FIELD = re.compile(rb"([^\s=]+)\s*=(.*)", re.DOTALL)
_QUOTES = b' \t"'
_ACCESSES = (b"rw", b"rdonly", b"noaccess")
_OWN_EXTENT = re.compile(rb'[a-z]+\s+\d+\s+sparse\s+"([^"]+)"[\s\d]*')

# Numbers of what the parent was like, which name no file.
_PARENT_CID = b"parentcid"
_OTHER_FILES = (b"changetrackpath", b"ddb.sidecars")

# In these a backslash may be the second byte of a letter. Python's name by
# that of a descriptor.
_DOUBLE_BYTE = {
    **dict.fromkeys(
        (b"gbk", b"gb2312", b"gb18030", b"windows-936"), "gb18030"
    ),
    **dict.fromkeys((b"big5", b"windows-950"), "cp950"),
    **dict.fromkeys((b"shift_jis", b"windows-932"), "cp932"),
}

# What would make a name a path, of a device too, or a URL.
_SEPARATORS = frozenset("/\\:")


class Search:
    """Looks for a descriptor that stands alone, at the beginning of data.

    QEMU opens any text as such that it is told to, whatever stands before its
    lines: a byte order mark, control characters, empty lines.

    :ivar found: whether the data is one
    :ivar ended: whether no more data can change that
    """

    def __init__(self) -> None:
        self._left = MAX_ALONE
        self._overlap = b""
        self.found = False
        self.ended = False

    def feed(self, data: bytes) -> None:
        """Look at the next data."""
        text, end, _ = data[: self._left].partition(b"\0")
        self._left -= len(text)
        text = self._overlap + text.lower()
        self._overlap = text[1 - len(_KIND) :]
        self.found = self.found or _KIND in text
        self.ended = self.found or bool(end) or not self._left


def reference(descriptor: bytes) -> str | None:
    """Return what refers to another file in a descriptor within a VMDK.

    :param descriptor: the text, without the zeros behind it
    :returns: the reason to refuse it, None if it refers to its own file alone
    """
    lowered = descriptor.lower()
    if _PARENT in lowered:
        return "it has a parent"
    if lowered.count(_KIND) != 1:
        return "its descriptor does not say one kind"
    lines = [match.group().strip() for match in _LINE.finditer(lowered)]
    codec = _codec(lines)
    kinds = extents = 0
    for line in lines:
        if line.startswith(_ACCESSES) and line.split(None, 1)[0] in _ACCESSES:
            extents += 1
            own = _OWN_EXTENT.fullmatch(line)
            # Two cannot both be in this file.
            if extents > 1 or own is None or _is_path(own.group(1), codec):
                return "an extent may be another file"
        elif _KIND in line:
            kinds += bool(_ONE_FILE.fullmatch(line))
        elif line and not line.startswith(b"#"):
            reason = _of_field(line)
            if reason is not None:
                return reason
    if not kinds:
        return "its kind has other files"
    if not extents:
        return "it has no extent"
    return None


def _of_field(line: bytes) -> str | None:
    """Return the reason to refuse a line with a field, None if it may be."""
    field = _FIELD.match(line)
    if field is None:
        if line.startswith(b"ddb"):
            return None
        return "its descriptor has lines that are not known"
    key, value = field.groups()
    value = value.strip(_QUOTES)
    if b"parent" in key and key != _PARENT_CID and value.strip(b"0-"):
        return "it has a parent"
    if key in _OTHER_FILES and value:
        return "it names another file"
    return None


def _codec(lines: list[bytes]) -> str:
    """Return Python's name of the encoding that a descriptor says."""
    fields = map(_FIELD.match, lines)
    names = [each[2] for each in fields if each and each[1] == b"encoding"]
    # Of two, readers may take either.
    name = names[0].strip(_QUOTES) if len(names) == 1 else b""
    return _DOUBLE_BYTE.get(name, "latin-1")


def _is_path(name: bytes, codec: str) -> bool:
    """Return True if a name leads out of the folder of its file."""
    try:
        text = name.decode(codec)
    except UnicodeDecodeError:
        text = name.decode("latin-1")
    return not _SEPARATORS.isdisjoint(text)
