# SPDX-License-Identifier: Apache-2.0

"""The driver of images on HTTP servers, with random access."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import requests
from glance_store import capabilities, exceptions
from glance_store._drivers import http as builtin

from glance_filters.stores import drivers, parts

# glance_store finds it in the module of the driver.
StoreLocation = builtin.StoreLocation


class Store(drivers.HiddenOptions, builtin.Store):  # type: ignore[misc]
    """An http store that reads from any position.

    One such store serves all requests: what belongs to one of them is on a
    copy. Redirects are followed as ever, with the Range field.
    """

    _CAPABILITIES = (
        builtin.Store._CAPABILITIES | capabilities.BitMasks.READ_RANDOM
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.session = requests.Session()

    @capabilities.check  # type: ignore[untyped-decorator]
    def get(
        self,
        location: Any,
        offset: int = 0,
        chunk_size: int | None = None,
        context: Any = None,
    ) -> tuple[Iterator[bytes], int | None]:
        """Return the data, and its length in bytes.

        :param location: the ``glance_store.location.Location``
        :param offset: the first byte
        :param chunk_size: how many bytes; None up to the end
        :raises StoreRandomGetNotSupported: if the server does not send that
        :raises RemoteServiceUnavailable: if it does not answer
        """
        if not offset and not chunk_size:
            whole: tuple[Iterator[bytes], int] = super().get(
                location, context=context
            )
            return whole
        asking = copy.copy(self)
        asking.session = self._session(parts.range_field(offset, chunk_size))
        try:
            answer, raw, _ = asking._query(location, "GET")
        except requests.exceptions.ConnectionError as error:
            raise exceptions.RemoteServiceUnavailable() from error
        content_range = None
        if answer.status_code == HTTPStatus.PARTIAL_CONTENT:
            content_range = answer.headers.get("Content-Range", "missing")
        try:
            skip, length = parts.place(content_range, offset, chunk_size)
        except exceptions.StoreRandomGetNotSupported:
            answer.close()
            raise
        chunks = iter(lambda: raw.read(self.READ_CHUNKSIZE), b"")
        return parts.cut(chunks, skip, length, answer.close), length

    @staticmethod
    def _check_store_uri(conn: requests.Response, loc: Any) -> None:
        """Check an answer that is neither data nor a redirect.

        :raises StoreRandomGetNotSupported: if there is no such part
        """
        if conn.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise parts.not_given("the server has less")
        builtin.Store._check_store_uri(conn, loc)

    def _session(self, field: str) -> requests.Session:
        """Return a session that asks for a range, by the same connections."""
        session = requests.Session()
        session.headers["Range"] = field
        for prefix, adapter in self.session.adapters.items():
            session.mount(prefix, adapter)
        return session


BUILTIN = drivers.Builtin(
    (builtin.Store,),
    {
        "_query": ("location", "verb"),
        "_get_response": ("location", "verb"),
        "_check_store_uri": ("conn", "loc"),
    },
)
