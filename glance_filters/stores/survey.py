# SPDX-License-Identifier: Apache-2.0

"""Which configured stores would have random access, without making them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from glance_filters.stores.installation import (
    ENTRY_POINT_GROUP,
    ENTRY_POINTS,
    LEFT_OUT,
    NO_DRIVER,
    Access,
    StoreAccess,
)


def survey(
    backends: Mapping[str, str], types: Sequence[str]
) -> tuple[StoreAccess, ...]:
    """Return the access that each store would have.

    :param backends: the types of the stores by their names, as in
        enabled_backends
    :param types: as for :func:`.install`
    """
    return tuple(_access(*each, types) for each in backends.items())


def _access(name: str, kind: str, types: Sequence[str]) -> StoreAccess:
    if kind in ENTRY_POINTS:
        if kind not in types:
            return StoreAccess(name, kind, Access.NONE, LEFT_OUT)
        reason = _misfit(kind)
        access = Access.NONE if reason else Access.ADDED
        return StoreAccess(name, kind, access, reason)
    try:
        is_capable = _is_capable(kind)
    except Exception as error:
        reason = f"its driver cannot be loaded ({error})"
        return StoreAccess(name, kind, Access.NONE, reason)
    if is_capable:
        return StoreAccess(name, kind, Access.OWN)
    return StoreAccess(name, kind, Access.NONE, NO_DRIVER)


def _misfit(kind: str) -> str:
    """Return why stores of this type stay as they are; empty if not."""
    try:
        builtin = importlib.import_module(f"{__package__}.{kind}").BUILTIN
    except ImportError as error:
        return f"its driver cannot be loaded ({error})"
    reasons = (builtin.misfit(each) for each in builtin.classes)
    return next(filter(None, reasons), "")


def _is_capable(kind: str) -> bool:
    """Return True if the driver of this type has random access."""
    from glance_store import capabilities
    from stevedore import driver

    store: Any = driver.DriverManager(
        ENTRY_POINT_GROUP, kind, invoke_on_load=False
    ).driver
    wanted = capabilities.BitMasks.READ_RANDOM
    return bool(store._CAPABILITIES & wanted == wanted)
