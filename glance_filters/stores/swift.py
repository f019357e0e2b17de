# SPDX-License-Identifier: Apache-2.0

"""The driver of Swift, with random access.

Large objects too: Swift itself finds the segments of a range.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import urllib3.exceptions
from glance_store import exceptions
from glance_store._drivers.swift import store as builtin
from oslo_log import log as logging

from glance_filters.stores import drivers, parts, sharing

LOG = logging.getLogger(__name__)

# glance_store finds it in the module of the driver.
StoreLocation = builtin.StoreLocation


class _RandomAccess(drivers.RandomAccess):
    """What both kinds of stores have in place of their own."""

    def _ask(
        self: Any,
        location: Any,
        offset: int,
        length: int | None,
        context: Any,
    ) -> parts.Answer:
        """Ask for a part.

        :raises NotFound: if there is no such object
        :raises StoreRandomGetNotSupported: if the object is shorter
        """
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
        with contextlib.ExitStack() as stack:
            manager = stack.enter_context(sharing.opened(key, opener))
            part = _Part(self.CHUNKSIZE, where, manager)
            content_range = part.ask(offset, length)
            stack.callback(part.close)
            chunks = part.body
            if content_range and length:
                chunks = part.chunks(offset, length)
            return parts.Answer(chunks, stack.pop_all().close, content_range)


class _Part:
    """A part of an object, which is asked for again if a connection breaks.

    As often as swiftclient asks for a whole object, and as carefully: for
    the same object.

    :param chunk_bytes: how many bytes to read at a time
    :param location: where the object is
    :param manager: gives connections with a valid token
    :ivar body: what Swift sends
    """

    body: Any
    _retries: int

    def __init__(self, chunk_bytes: int, location: Any, manager: Any) -> None:
        self._chunk_bytes = chunk_bytes
        self._location = location
        self._manager = manager
        self._tag: str | None = None

    def ask(self, offset: int, length: int | None) -> str | None:
        """Ask for a part; return the Content-Range of the answer.

        :returns: None if Swift sends the whole object
        :raises NotFound: if there is no such object
        :raises StoreRandomGetNotSupported: if the object is shorter
        """
        fields = {"Range": parts.range_field(offset, length)}
        if self._tag is not None:
            fields["If-Match"] = self._tag
        connection = self._manager.get_connection()
        try:
            headers, self.body = connection.get_object(
                self._location.container,
                self._location.obj,
                resp_chunk_size=self._chunk_bytes,
                headers=fields,
            )
        except builtin.swiftclient.ClientException as error:
            if error.http_status == HTTPStatus.NOT_FOUND:
                raise exceptions.NotFound(image=self._location.obj) from error
            if error.http_status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise parts.not_given("the object is shorter") from error
            raise
        self._tag = headers.get("etag")
        self._retries = connection.retries
        content_range: str | None = headers.get("content-range")
        return content_range

    def chunks(self, offset: int, length: int) -> Iterator[bytes]:
        """Yield the part that was asked for, over several connections.

        The reader stops at its end: a body that ends sooner is broken.
        """
        stop = offset + length
        for retries in itertools.count(self._retries, -1):
            try:
                for chunk in self.body:
                    yield chunk
                    offset += len(chunk)
            except (OSError, urllib3.exceptions.HTTPError) as error:
                if not retries:
                    raise
                LOG.warning("The connection to Swift broke: %s", error)
            if not retries:
                return
            found = self.ask(offset, stop - offset) or "missing"
            parts.place(found, offset, stop - offset)

    def close(self) -> None:
        """Close the connection."""
        self.body.close()


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
    },
)
