# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
    package = pathlib.Path(__file__).resolve().parent
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
