# SPDX-License-Identifier: Apache-2.0

"""The only list of the filters of this package."""

from __future__ import annotations

from typing import Any

from glance_filters.filters import base
from glance_filters.filters.disk_format_validator import DiskFormatValidator
from glance_filters.filters.location_guard import LocationGuard
from glance_filters.filters.metadef_overlay import MetadefOverlay
from glance_filters.filters.range_translator import RangeTranslator

# In the order in which they stand in a pipeline, outermost first.
FILTERS: tuple[type[base.Filter[Any]], ...] = (
    MetadefOverlay,
    DiskFormatValidator,
    LocationGuard,
    RangeTranslator,
)
BY_NAME = {each.name: each for each in FILTERS}
