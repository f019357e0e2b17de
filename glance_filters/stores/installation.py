# SPDX-License-Identifier: Apache-2.0

"""Our drivers behind the schemes that are there.

glance_store maps the scheme of a URL to the store that serves it, and to the
entry point by which it makes that store anew where it must. Only these two
are replaced, by its own functions: the names and types of the stores, which
Glance reads elsewhere, stay as they are.
"""

from __future__ import annotations

import enum
import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

# The types of stores as in enabled_backends, which are schemes too, and the
# entry points of their drivers with random access.
ENTRY_POINTS = {
    "http": "http_ranges",
    "rbd": "rbd_ranges",
    "s3": "s3_ranges",
    "swift": "swift_ranges",
}

ENTRY_POINT_GROUP = "glance_store.drivers"


class Access(enum.Enum):
    """How a store reads from the middle of an image."""

    OWN = "by itself"
    ADDED = "by glance_filters"
    NONE = "not"


@dataclass(frozen=True)
class StoreAccess:
    """The access to one store.

    :ivar name: the store's name in enabled_backends; its type in a
        configuration of single stores
    :ivar type: its type, for example "rbd"
    :ivar access: how it is read
    :ivar reason: why it has no random access, if it has none
    """

    name: str
    type: str
    access: Access
    reason: str = ""


NO_DRIVER = "there is no driver with random access for it"
LEFT_OUT = "random_access_stores does not name its type"

# Why stores stay as they are, by name and class. What was found once is not
# tried, nor logged, on each request.
_kept: dict[tuple[str, type[Any]], str] = {}
_said_absent: list[bool] = []


def install(
    types: Sequence[str], *, is_serving: bool = False
) -> tuple[StoreAccess, ...]:
    """Give the stores of these types random access, and take it from others.

    It may be called at any time, and costs microseconds where nothing is to
    be done: glance_store may make its stores later, or anew.

    :param types: of :data:`ENTRY_POINTS`; others are ignored
    :param is_serving: whether requests are answered by now, so that a
        process without stores will not have any
    :returns: the access to each store of this process; empty if it has none
    """
    location = sys.modules.get("glance_store.location")
    found = (
        tuple(_installed(each, types) for each in _registered(location))
        if location
        else ()
    )
    if is_serving and types and not found and not _said_absent:
        _said_absent.append(True)
        LOG.info(
            "random_access_stores has no effect: this process has no stores "
            "of glance_store."
        )
    return found


@dataclass(frozen=True)
class _Registered:
    """A store in glance_store's map.

    :ivar backend: its name; None in a configuration of single stores
    :ivar type: its type, which is the first of its schemes
    :ivar info: the value in the map
    :ivar location: the module with the map
    """

    backend: str | None
    type: str
    info: Mapping[str, Any]
    location: Any

    def access(self, how: Access, reason: str = "") -> StoreAccess:
        """Describe the access to this store."""
        return StoreAccess(self.backend or self.type, self.type, how, reason)

    def replace(self, entry_point: str) -> None:
        """Put another driver there, as glance_store would.

        :raises Exception: if it cannot be made
        """
        # Whoever has glance_store has it.
        from stevedore import driver

        conf = self.info["store"].conf
        arguments = (conf, self.backend) if self.backend else (conf,)
        manager: Any = driver.DriverManager(
            ENTRY_POINT_GROUP,
            entry_point,
            invoke_args=arguments,
            invoke_on_load=True,
        )
        store = manager.driver
        store.configure()
        info = {
            "store": store,
            "location_class": store.get_store_location_class(),
            "store_entry": entry_point,
        }
        schemes = store.get_schemes()
        if self.backend is None:
            self.location.register_scheme_map(dict.fromkeys(schemes, info))
        else:
            self.location.register_scheme_backend_map(
                {scheme: {self.backend: info} for scheme in schemes}
            )


def _registered(location: Any) -> list[_Registered]:
    """Return each store once, as the maps are now."""
    stores = [
        (scheme, None, info)
        for scheme, info in location.SCHEME_TO_CLS_MAP.items()
    ]
    for scheme, backends in location.SCHEME_TO_CLS_BACKEND_MAP.items():
        stores += [(scheme, *item) for item in backends.items()]
    found: dict[int, _Registered] = {}
    for scheme, backend, info in stores:
        kind = scheme.partition("+")[0]
        found.setdefault(
            id(info["store"]), _Registered(backend, kind, info, location)
        )
    return list(found.values())


def _installed(each: _Registered, types: Sequence[str]) -> StoreAccess:
    """Have the right driver for a store, and return the access to it."""
    ours = ENTRY_POINTS.get(each.type)
    is_ours = each.info["store_entry"] == ours
    if is_ours and each.type in types:
        return each.access(Access.ADDED)
    if is_ours:
        each.replace(each.type)
    elif _has_random_access(each.info["store"]):
        return each.access(Access.OWN)
    if ours is None or each.type not in types:
        return each.access(Access.NONE, LEFT_OUT if ours else NO_DRIVER)
    name = each.backend or each.type
    key = (name, type(each.info["store"]))
    if key not in _kept:
        reason = _replaced(each, ours)
        if reason is None:
            LOG.info("Store %s has random access now.", name)
            return each.access(Access.ADDED)
        _kept[key] = reason
        LOG.warning("Store %s has no random access: %s.", name, reason)
    return each.access(Access.NONE, _kept[key])


def _has_random_access(store: Any) -> bool:
    # Whoever has a store has glance_store.
    from glance_store import capabilities

    return bool(store.is_capable(capabilities.BitMasks.READ_RANDOM))


def _replaced(each: _Registered, entry_point: str) -> str | None:
    """Put our driver there; return why not, if not."""
    try:
        driver = importlib.import_module(f"{__package__}.{each.type}")
        kind = type(each.info["store"])
        reason: str | None = driver.BUILTIN.misfit(kind)
        if reason is None:
            each.replace(entry_point)
    except Exception as error:
        LOG.debug("No driver with random access", exc_info=True)
        reason = f"its driver cannot be replaced ({error})"
    return reason
