# SPDX-License-Identifier: Apache-2.0

"""The options of metadef_overlay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oslo_config import cfg

from glance_filters.filters import base, counters
from glance_filters.metadefs import files, packaged

OPTS: tuple[cfg.Opt, ...] = (
    base.enabled_opt("adds to answers about metadata definitions"),
    cfg.StrOpt(
        "metadefs_dir",
        sample_default="/usr/share/glance-filters/metadefs",
        mutable=True,
        help=(
            "The folder whose .json files define what is added, in the "
            "format that 'glance-manage db_load_metadefs' reads. They are "
            "read when the service starts and when an option of the filter "
            "changes. By default, the files that come with this package."
        ),
    ),
    *counters.OPTS,
)


@dataclass(frozen=True)
class MetadefOverlaySettings:
    """The values of the filter's options.

    :ivar namespaces: what the files define, by name
    """

    enabled: bool
    namespaces: Mapping[str, files.Namespace]


def make_settings(
    enabled: bool, metadefs_dir: str | None
) -> MetadefOverlaySettings:
    """Read the files.

    :raises ValueError: if one is wrong, or the folder cannot be read
    """
    if not enabled:
        return MetadefOverlaySettings(enabled, {})
    folder = metadefs_dir or packaged.metadefs_folder()
    try:
        found = files.read_folder(folder)
    except OSError as error:
        raise ValueError(f"metadefs_dir = {folder}: {error}") from error
    if found.findings:
        raise ValueError("; ".join(map(str, found.findings)))
    return MetadefOverlaySettings(enabled, found.namespaces)
