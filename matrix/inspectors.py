# SPDX-License-Identifier: Apache-2.0

"""The inspectors of oslo.utils, for releases of Glance that are older.

The extra ``inspect`` installs them there. They are put into a folder of their
own instead, so that they move nothing in the environments of the releases.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".matrix" / "inspectors"

# The first that has inspectors, and what it needs newer than those releases
# have it. They run on each version of Python.
_PINS = ("oslo.utils==7.3.0", "netaddr==1.3.0", "tzdata==2024.1")


def make() -> None:
    """Fill the folder.

    :raises subprocess.CalledProcessError: if they cannot be installed
    """
    command = [*(sys.executable, "-m", "uv", "pip", "install", "--quiet")]
    command += ["--no-deps", "--target", str(FOLDER)]
    subprocess.run([*command, *_PINS], check=True)


def are_here() -> bool:
    """Return True if this environment has inspectors by itself."""
    try:
        importlib.import_module("oslo_utils.imageutils.format_inspector")
    except ImportError:
        return False
    return True
