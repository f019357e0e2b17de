# SPDX-License-Identifier: Apache-2.0

"""The driver of S3 and its like, with random access."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from glance_store import exceptions
from glance_store._drivers import s3 as builtin
from glance_store.common import utils

from glance_filters.stores import drivers, parts, sharing

# glance_store finds it in the module of the driver.
StoreLocation = builtin.StoreLocation


class Store(drivers.RandomAccess, builtin.Store):  # type: ignore[misc]
    """An S3 store that reads from any position.

    A part takes one request: whether there is such an object, its own
    answer tells.
    """

    def _ask(
        self, location: Any, offset: int, length: int | None, context: Any
    ) -> parts.Answer:
        """Ask for a part.

        :raises NotFound: if there is no such object
        :raises StoreRandomGetNotSupported: if the object is shorter
        """
        uri = location.get_store_uri()
        opener = functools.partial(self._client, location.store_location)
        with sharing.opened((self.backend_group, uri), opener) as opened:
            client, bucket, key = opened
        try:
            answer = client.get_object(
                Bucket=bucket,
                Key=key,
                Range=parts.range_field(offset, length),
            )
        except builtin.boto_exceptions.ClientError as error:
            raise _refused(error, key) from error
        body = answer["Body"]
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        content_range = None
        if status == HTTPStatus.PARTIAL_CONTENT:
            content_range = answer.get("ContentRange", "missing")
        chunks = utils.chunkiter(body, self.READ_CHUNKSIZE)
        return parts.Answer(chunks, body.close, content_range)

    @contextlib.contextmanager
    def _client(self, location: Any) -> Iterator[tuple[Any, str, str]]:
        """Make a client, which takes far longer than to ask it."""
        yield self._operation_set(location)


def _refused(error: Any, key: str) -> Exception:
    """Return the error that Glance knows for one of the S3 server."""
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if status == HTTPStatus.NOT_FOUND:
        return exceptions.NotFound(image=key)  # type: ignore[no-any-return]
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return parts.not_given("the object is shorter")
    # As the builtin driver does before a whole download.
    return exceptions.BadStoreConfiguration(  # type: ignore[no-any-return]
        store_name="s3", reason=f"Failed to get the object: {error}"
    )


BUILTIN = drivers.Builtin((builtin.Store,), {"_operation_set": ("loc",)})
