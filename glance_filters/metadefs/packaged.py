# SPDX-License-Identifier: Apache-2.0

"""Where the files that are installed beside the package are."""

from __future__ import annotations

import importlib.metadata
import pathlib
import sysconfig

DISTRIBUTION = "glance-filters"
# Below the scheme's data folder: "/usr", "/usr/local" or the environment.
# These are definitions to be loaded as they are and replaced by an upgrade,
# not configuration to be edited: so below "share", not below "etc".
METADEFS_FOLDER = "share/glance-filters/metadefs"
_METADEFS_SOURCE = "etc/metadefs"


def metadefs_folder() -> pathlib.Path:
    """Find the folder of the metadata definition files of this package.

    In a source tree, and so with an editable install, that is the tree's
    own, else the folder that the installer wrote them to.

    :returns: an absolute path; that of the running interpreter's scheme if
        the installer left no list of files (the folder may then be absent)
    """
    package = pathlib.Path(__file__).resolve().parent.parent
    source = package.parent / _METADEFS_SOURCE
    # Beside an installed package lie other projects' files: the tree's
    # setup.cfg tells that the folder is ours.
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
