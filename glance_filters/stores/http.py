# SPDX-License-Identifier: Apache-2.0

"""The driver of images on HTTP servers, with random access."""

from __future__ import annotations

import copy
from http import HTTPStatus
from typing import Any

import requests
from glance_store import exceptions
from glance_store._drivers import http as builtin

from glance_filters.stores import drivers, parts

# glance_store finds it in the module of the driver.
StoreLocation = builtin.StoreLocation


class Store(drivers.RandomAccess, builtin.Store):  # type: ignore[misc]
    """An http store that reads from any position.

    One such store serves all requests: what belongs to one of them is on a
    copy. Redirects are followed as ever, with the Range field.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.session = requests.Session()

    def _ask(
        self, location: Any, offset: int, length: int | None, context: Any
    ) -> parts.Answer:
        """Ask for a part.

        :raises StoreRandomGetNotSupported: if the server does not send that
        :raises RemoteServiceUnavailable: if it does not answer
        """
        asking = copy.copy(self)
        asking.session = self._session(parts.range_field(offset, length))
        try:
            answer, raw, _ = asking._query(location, "GET")
        except requests.exceptions.ConnectionError as error:
            raise exceptions.RemoteServiceUnavailable() from error
        content_range = None
        if answer.status_code == HTTPStatus.PARTIAL_CONTENT:
            content_range = answer.headers.get("Content-Range", "missing")
        chunks = iter(lambda: raw.read(self.READ_CHUNKSIZE), b"")
        return parts.Answer(chunks, answer.close, content_range)

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
