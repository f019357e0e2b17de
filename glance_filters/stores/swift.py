# SPDX-License-Identifier: Apache-2.0

"""The driver of Swift, with random access.

Large objects too: Swift itself finds the segments of a range.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from glance_store import capabilities, exceptions
from glance_store._drivers.swift import store as builtin

from glance_filters.stores import drivers, parts, sharing

# glance_store finds it in the module of the driver.
StoreLocation = builtin.StoreLocation


class _RandomAccess(drivers.HiddenOptions):
    """What both kinds of stores have in place of their own."""

    _CAPABILITIES = (
        builtin.BaseStore._CAPABILITIES | capabilities.BitMasks.READ_RANDOM
    )

    @capabilities.check  # type: ignore[untyped-decorator]
    def get(
        self: Any,
        location: Any,
        connection: Any = None,
        offset: int = 0,
        chunk_size: int | None = None,
        context: Any = None,
    ) -> tuple[Iterator[bytes], int | None]:
        """Return the data, and its length in bytes.

        :param location: the ``glance_store.location.Location``
        :param connection: is not used
        :param offset: the first byte
        :param chunk_size: how many bytes; None up to the end
        :param context: the user's, which a multi-tenant store needs
        :raises NotFound: if there is no such object
        :raises RemoteServiceUnavailable: if the object is shorter
        """
        if not offset and not chunk_size:
            whole: tuple[Iterator[bytes], int] = super().get(  # type: ignore[misc]
                location, context=context
            )
            return whole
        where = location.store_location
        # Releases of glance_store before 2025.2 have no store_conf.
        conf = getattr(self, "store_conf", None)
        if conf is None:
            conf = self.conf[self.backend_group or "glance_store"]
        opener = functools.partial(
            self.get_manager,
            where,
            context,
            allow_reauth=conf.swift_store_retry_get_count > 0,
        )
        key = (self.backend_group, location.get_store_uri())
        part = _Part(self, offset, chunk_size)
        with sharing.opened(key, opener) as manager:
            headers, body = part._get_object(where, manager)
        skip, length = part.place(headers)
        # The driver's own way to go on where a connection broke.
        chunks = builtin.swift_retry_iter(
            body, int(headers["content-length"]), part, where, manager
        )
        return parts.cut(chunks, skip, length, body.close), length


class _Part:
    """A part of an object, in the place of the store that has the object.

    :param store: the store
    :param offset: the first byte of the part
    :param length: the length of the part in bytes; None up to the end
    """

    def __init__(self, store: Any, offset: int, length: int | None) -> None:
        self._store = store
        self._offset = offset
        self._length = length

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def place(self, headers: Any) -> tuple[int, int | None]:
        """Return where in an answer the part is, as :func:`parts.place`."""
        return parts.place(
            headers.get("content-range"), self._offset, self._length
        )

    def _get_object(
        self, location: Any, manager: Any, start: int = 0
    ) -> tuple[Any, Any]:
        """Ask Swift for the part.

        :param start: how many of its bytes were read before
        """
        offset = self._offset + start
        length = self._length and self._length - start
        try:
            headers, body = manager.get_connection().get_object(
                location.container,
                location.obj,
                resp_chunk_size=self._store.CHUNKSIZE,
                headers={"Range": parts.range_field(offset, length)},
            )
        except builtin.swiftclient.ClientException as error:
            if error.http_status == HTTPStatus.NOT_FOUND:
                raise exceptions.NotFound(image=location.obj) from error
            if error.http_status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise parts.unusable("the object is shorter") from error
            raise
        return headers, body


class SingleTenantStore(
    _RandomAccess,
    builtin.SingleTenantStore,  # type: ignore[misc]
):
    """A Swift store in one account that reads from any position."""


class MultiTenantStore(
    _RandomAccess,
    builtin.MultiTenantStore,  # type: ignore[misc]
):
    """A Swift store in the users' accounts that reads from any position."""


def Store(conf: Any, backend: str | None = None) -> Any:  # noqa: N802
    """Make a store of the kind that the configuration asks for.

    :raises BadStoreConfiguration: if it asks for both
    """
    if isinstance(builtin.Store(conf, backend), builtin.MultiTenantStore):
        return MultiTenantStore(conf, backend)
    return SingleTenantStore(conf, backend)


BUILTIN = drivers.Builtin(
    (builtin.SingleTenantStore, builtin.MultiTenantStore),
    {
        "get_manager": ("store_location", "context", "allow_reauth"),
        "_get_object": ("location", "manager", "start"),
    },
)
