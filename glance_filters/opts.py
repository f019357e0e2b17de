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

"""All options of all filters, for oslo.config's tools."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from oslo_config import cfg

from glance_filters.filters import (
    disk_format_validator,
    location_guard,
    metadef_overlay,
    range_translator,
)

# In the order in which they stand in a pipeline, outermost first.
_FILTERS = (
    metadef_overlay.MetadefOverlay,
    disk_format_validator.DiskFormatValidator,
    location_guard.LocationGuard,
    range_translator.RangeTranslator,
)


def list_opts() -> list[tuple[str, Sequence[cfg.Opt]]]:
    """Return (group, options) of each filter, in copies.

    It is the ``oslo.config.opts`` entry point ``glance_filters``, from which
    oslo-config-generator makes a sample and the documentation its reference.
    """
    return [(each.name, copy.deepcopy(each.opts)) for each in _FILTERS]
