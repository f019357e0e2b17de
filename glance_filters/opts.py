# SPDX-License-Identifier: Apache-2.0

"""All options of all filters, for oslo.config's tools."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from oslo_config import cfg

from glance_filters.filters import shared
from glance_filters.filters.registry import FILTERS


def list_opts() -> list[tuple[str, Sequence[cfg.Opt]]]:
    """Return (group, options) of each filter, in copies.

    It is the ``oslo.config.opts`` entry point ``glance_filters``, from which
    oslo-config-generator makes a sample and the documentation its reference.
    """
    groups = [(shared.GROUP, shared.OPTS)]
    groups += [(each.name, tuple(each.opts)) for each in FILTERS]
    return [(name, copy.deepcopy(opts)) for name, opts in groups]
