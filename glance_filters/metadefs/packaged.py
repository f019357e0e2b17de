# SPDX-License-Identifier: Apache-2.0

"""Find the data files that are installed with the package."""

from __future__ import annotations

import importlib.metadata
import pathlib
import sysconfig

DISTRIBUTION = "glance-filters"
# Below the scheme's data folder: "/usr", "/usr/local" or the environment.
# Below "share", not "etc": an upgrade replaces the definitions, and nobody
# edits them.
METADEFS_FOLDER = "share/glance-filters/metadefs"
_METADEFS_SOURCE = "etc/metadefs"


def metadefs_folder() -> pathlib.Path:
    """Find the folder of the metadata definition files of this package.

    In a source tree, and so in an editable install, this is the folder of
    the tree, otherwise the folder to which the installer wrote them.

    :returns: an absolute path; without the installer's list of files, the
        data folder of the running interpreter, which may not exist
    """
    package = pathlib.Path(__file__).resolve().parent.parent
    source = package.parent / _METADEFS_SOURCE
    # In site-packages, etc/metadefs could be another project's. Only a source
    # tree has a setup.cfg.
    if source.is_dir() and (package.parent / "setup.cfg").is_file():
        return source
    return _recorded() or (
        pathlib.Path(sysconfig.get_path("data")) / METADEFS_FOLDER
    )


def _recorded() -> pathlib.Path | None:
    for file in importlib.metadata.files(DISTRIBUTION) or ():
        if file.parent.as_posix().endswith(f"/{METADEFS_FOLDER}"):
            return pathlib.Path(str(file.locate())).resolve().parent
    return None
