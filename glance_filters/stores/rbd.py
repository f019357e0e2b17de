# SPDX-License-Identifier: Apache-2.0

"""The driver of Ceph's block devices, with random access."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

from glance_store import capabilities, exceptions
from glance_store._drivers import rbd as builtin

from glance_filters.stores import drivers, parts, sharing

# glance_store finds it in the module of the driver.
StoreLocation = builtin.StoreLocation


class Store(drivers.RandomAccess, builtin.Store):  # type: ignore[misc]
    """An rbd store that reads from any position.

    glance_store makes and configures such a store for each access. The
    inherited configuration connects to the cluster for its id alone, and so
    do the size and the data: that the size and the data of a part come from
    one connection, and the id only if it is wanted, makes one of three.
    """

    _is_unfinished = False

    def configure(self, re_raise_bsc: bool = False) -> None:
        """Configure the store, but for what needs the cluster."""
        self._is_unfinished = True
        super().configure(re_raise_bsc=re_raise_bsc)

    def _set_url_prefix(self) -> None:
        if not self._is_unfinished:
            super()._set_url_prefix()

    def _finish(self) -> None:
        """Configure the rest; as ever, without it nothing is written."""
        if self._is_unfinished:
            self._is_unfinished = False
            super().configure()

    @property
    def url_prefix(self) -> str | None:
        """What the URLs of this store begin with."""
        self._finish()
        prefix: str | None = super().url_prefix
        return prefix

    def is_capable(self, *wanted: int) -> bool:
        """Return True if the store is capable of all that is wanted."""
        if any(each & capabilities.BitMasks.WRITE_ACCESS for each in wanted):
            self._finish()
        return bool(super().is_capable(*wanted))

    def _ask(
        self, location: Any, offset: int, length: int | None, context: Any
    ) -> parts.Answer:
        """Open an image, for a part.

        :raises NotFound: if there is no such image
        :raises StoreRandomGetNotSupported: if the image is shorter
        """
        key = (self.backend_group, location.get_store_uri())
        opener = functools.partial(self._opened, location.store_location)
        with contextlib.ExitStack() as stack:
            image = stack.enter_context(sharing.opened(key, opener))
            size = image.size()
            stop = offset + length if length else size
            if not offset < stop <= size:
                raise parts.not_given(f"the image has {size} bytes")
            return parts.Answer(
                self._chunks(image, offset, stop),
                stack.pop_all().close,
                f"bytes {offset}-{stop - 1}/{size}",
            )

    @contextlib.contextmanager
    def _opened(self, location: Any) -> Iterator[Any]:
        """Open an image; close it, and the connection, in the end."""
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(
                self.get_connection(
                    conffile=self.conf_file, rados_id=self.user
                )
            )
            pool = stack.enter_context(
                connection.open_ioctx(location.pool or self.pool)
            )
            try:
                image = builtin.rbd.Image(
                    pool,
                    location.image,
                    snapshot=location.snapshot,
                    read_only=True,
                )
            except builtin.rbd.ImageNotFound as error:
                raise exceptions.NotFound(image=location.image) from error
            yield stack.enter_context(image)

    def _chunks(self, image: Any, start: int, stop: int) -> Iterator[bytes]:
        size = self.READ_CHUNKSIZE
        while chunk := image.read(start, min(size, stop - start)):
            yield chunk
            start += len(chunk)


BUILTIN = drivers.Builtin(
    (builtin.Store,),
    {
        "get_connection": ("conffile", "rados_id"),
        "_set_url_prefix": (),
        "configure": ("re_raise_bsc",),
        "configure_add": (),
    },
)
