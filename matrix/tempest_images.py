# SPDX-License-Identifier: Apache-2.0

"""The images that Tempest's tests of formats try, made when they are needed.

The kinds are those of OpenStack's manifest of test images. ``qemu-img`` makes
what it can make.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from glance_filters.tests.fixtures import disk_files

# Of each disk, in bytes.
_SIZE = 10 * disk_files.MIB

# A file that every host has.
_OTHER_FILE = b"/etc/hosts"

_Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class _Image:
    """One image.

    :ivar name: its name in the manifest, and that of its file
    :ivar disk_format: the format that it is declared as
    :ivar usable: whether Glance is to take it
    :ivar options: those of ``qemu-img create``
    :ivar change: makes the file of what ``qemu-img`` has made
    """

    name: str
    disk_format: str
    usable: bool
    options: tuple[str, ...] = ()
    change: _Change = bytes


def _with_qcow2(data: bytes) -> bytes:
    """Return a disc with the header of a QCOW2 in its system area."""
    return disk_files.qcow2()[:32768] + disk_files.cd()[32768:]


def _with_footer(data: bytes) -> bytes:
    """Return a VMDK whose header says that a footer tells where things are."""
    header = data[:512]
    marker = disk_files.vmdk(footer=header)[-3 * 512 : -2 * 512]
    changed = header[:56] + b"\xff" * 8 + header[64:]
    return changed + data[512:] + marker + header + bytes(512)


def _with_parent(data: bytes) -> bytes:
    """Return a VMDK whose descriptor names another file as its extent."""
    start = data.index(b'"', data.index(b" SPARSE ")) + 1
    end = data.index(b'"', start)
    # What follows in its two sectors moves, and zeros fill them.
    moved = _OTHER_FILE + data[end:1536]
    return (
        data[:start]
        + moved[: 1536 - start].ljust(1536 - start, b"\0")
        + data[1536:]
    )


def _elsewhere(data: bytes) -> bytes:
    """Return a descriptor of a file that is there."""
    start = data.index(b'"', data.index(b" FLAT ")) + 1
    end = data.index(b'"', start)
    return data[:start] + _OTHER_FILE + data[end:]


def _vmdk(
    name: str, usable: bool, kind: str, change: _Change = bytes
) -> _Image:
    options = ("-f", "vmdk", "-o", f"subformat={kind}")
    return _Image(name, "vmdk", usable, options, change)


_IMAGES = (
    _Image("qcow2", "qcow2", True, ("-f", "qcow2")),
    _Image(
        *("qcow2-backing", "qcow2", False),
        ("-f", "qcow2", "-F", "raw", "-b", _OTHER_FILE.decode()),
    ),
    _Image(
        *("qcow2-data-file", "qcow2", False),
        ("-f", "qcow2", "-o", "data_file=other,data_file_raw=on"),
    ),
    _Image("raw", "raw", True, ("-f", "raw")),
    _Image(
        *("gpt", "gpt", True, ("-f", "raw")),
        lambda data: disk_files.boot_sector() + data[512:],
    ),
    _Image("qed", "qed", False, ("-f", "qed")),
    _Image("iso", "iso", True, change=lambda data: disk_files.cd()),
    _Image(
        *("iso-udf", "iso", True),
        change=lambda data: disk_files.disc(
            b"CD001", b"BEA01", b"NSR02", b"TEA01"
        ),
    ),
    _Image("iso-qcow2", "iso", False, change=_with_qcow2),
    _vmdk("vmdk-sparse", True, "monolithicSparse"),
    _vmdk("vmdk-stream", True, "streamOptimized"),
    _vmdk("vmdk-flat", False, "monolithicFlat"),
    _vmdk("vmdk-flat-leak", False, "monolithicFlat", _elsewhere),
    _vmdk("vmdk-extent", False, "monolithicSparse", _with_parent),
    _vmdk("vmdk-footer", True, "monolithicSparse", _with_footer),
)


def make(folder: Path) -> Path:
    """Make the images; return the path of their manifest.

    :param folder: the folder for them, which is made
    :raises subprocess.CalledProcessError: if ``qemu-img`` fails
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest = []
    for image in _IMAGES:
        path = folder / f"{image.name}.{image.disk_format}"
        data = b""
        if image.options:
            subprocess.run(
                [
                    *("qemu-img", "create", "-q", *image.options),
                    *(path.name, str(_SIZE)),
                ],
                cwd=folder,
                check=True,
            )
            data = path.read_bytes()
        path.write_bytes(image.change(data))
        manifest.append(
            {
                "name": image.name,
                "format": image.disk_format,
                "filename": path.name,
                "usable": image.usable,
            }
        )
    # JSON is YAML too.
    file = folder / "manifest.yaml"
    file.write_text(json.dumps({"images": manifest}, indent=1))
    return file
