# SPDX-License-Identifier: Apache-2.0

"""Replace a configuration file in one step, and keep the old one."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_BACKUP = ".orig"


def replace(path: Path, text: str) -> Path:
    """Replace the text of a file; its owner and mode stay.

    A reader finds the old text or the new one, never a part. A symbolic link
    stays; the file it leads to is replaced.

    :param text: the new text; its line ends are written as they are
    :returns: where the old file is kept
    :raises OSError: if the file cannot be replaced; it has not changed then
    """
    target = path.resolve(strict=True)
    backup = _copy(target)
    status = target.stat()
    descriptor, name = tempfile.mkstemp(
        prefix=f".{target.name}.", dir=target.parent
    )
    try:
        with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
    return backup


def _copy(target: Path) -> Path:
    """Copy a file to a new name beside it, and return that."""
    number = 0
    while True:
        suffix = _BACKUP + (f".{number}" if number else "")
        backup = target.with_name(target.name + suffix)
        try:
            # Fails if the name is taken; nobody else can read the copy.
            os.close(
                os.open(backup, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            )
        except FileExistsError:
            number += 1
            continue
        shutil.copy2(target, backup)
        status = target.stat()
        os.chown(backup, status.st_uid, status.st_gid)
        return backup
