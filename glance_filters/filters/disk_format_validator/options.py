# SPDX-License-Identifier: Apache-2.0

"""The options of disk_format_validator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oslo_config import cfg, types
from oslo_log import log as logging

from glance_filters.filters import base, counters
from glance_filters.filters.disk_format_validator import inspection

LOG = logging.getLogger(__name__)

# Glance's own since Pike; before, it had no ploop.
DEFAULT_FORMATS = (
    *("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2"),
    *("vdi", "iso", "ploop"),
)

OPTS: tuple[cfg.Opt, ...] = (
    base.enabled_opt("validates disk formats"),
    cfg.ListOpt(
        "disk_formats",
        # With other separators than commas, all would be one odd name.
        item_type=types.String(regex=r"^[^][\s,;'\"]*$"),
        sample_default=list(DEFAULT_FORMATS),
        mutable=True,
        help=(
            "The disk formats that an image may have, separated by commas, "
            "without brackets or quotes. A request that sets another one is "
            "answered with 400 Bad Request. Glance itself must know them "
            "too. By default, those of Glance's own option [image_format] "
            "disk_formats, or those shown here where Glance does not run in "
            "the same process."
        ),
    ),
    cfg.StrOpt(
        "inspect",
        default="auto",
        choices=[
            ("auto", "warn if oslo.utils has format inspectors, else off"),
            ("off", "uploads are not inspected"),
            ("warn", "unsafe data is refused, a wrong format is logged"),
            ("enforce", "unsafe data and data of a wrong format is refused"),
        ],
        mutable=True,
        help=(
            "What to do with uploads whose data is unsafe or not in the "
            "image's disk format. Needs the format inspectors of oslo.utils "
            "(7.3.0 or newer), which the extra 'inspect' of this package "
            "installs with all that they need."
        ),
    ),
    cfg.StrOpt(
        "staged_data",
        default="judge",
        choices=[
            ("judge", "inspect it when it is staged"),
            ("leave", "leave it to the import plugin"),
        ],
        mutable=True,
        help=(
            "What to do with data that is staged for an import (PUT "
            "/v2/images/ID/stage). 'leave' needs glance_filters_inspect in "
            "[image_import_opts] image_import_plugins of Glance, which then "
            "refuses the import."
        ),
    ),
    cfg.BoolOpt(
        "refuse_locations",
        default=False,
        mutable=True,
        help=(
            "Whether to refuse new locations of images with 403 Forbidden "
            "while inspect is enforce. The data behind a location is not "
            "inspected."
        ),
    ),
    cfg.IntOpt(
        "max_body_size",
        default=1024 * 1024,
        min=1,
        mutable=True,
        help=(
            "The longest request body that the filter reads for a disk "
            "format, in bytes. A request with a longer one is answered with "
            "413. It does not limit the data of images."
        ),
    ),
    *counters.OPTS,
)


@dataclass(frozen=True)
class DiskFormatValidatorSettings:
    """The values of the filter's options.

    :ivar inspect: ``off``, ``warn`` or ``enforce``
    """

    enabled: bool
    disk_formats: tuple[str, ...]
    inspect: str
    staged_data: str
    refuse_locations: bool
    max_body_size: int


def make_settings(
    values: Mapping[str, Any], glance_formats: Sequence[str] | None
) -> DiskFormatValidatorSettings:
    """Settle what the defaults mean here.

    :param glance_formats: Glance's own list, if it is known
    :raises ValueError: if data cannot be inspected, but is to be
    """
    inspect = values["inspect"]
    if inspect != "off" and not inspection.is_available():
        if inspect != "auto":
            raise ValueError(
                f"inspect = {inspect} needs the format inspectors of "
                "oslo.utils: install glance-filters[inspect]"
            )
        LOG.info(
            "Uploads are not inspected: oslo.utils has no format inspectors "
            "here (install glance-filters[inspect])"
        )
        inspect = "off"
    elif inspect == "auto":
        inspect = "warn"
    formats = values["disk_formats"]
    if formats is None:
        formats = glance_formats or DEFAULT_FORMATS
    return DiskFormatValidatorSettings(
        **{**values, "inspect": inspect, "disk_formats": tuple(formats)}
    )
