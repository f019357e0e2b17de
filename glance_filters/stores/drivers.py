# SPDX-License-Identifier: Apache-2.0

"""What the drivers with random access have in common."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from glance_store import capabilities

from glance_filters.stores import parts


class RandomAccess:
    """A store that reads from any position; the builtin driver comes after.

    A driver has the method ``_ask``, which gets the location, the offset, the
    length and the context, and returns a :class:`.parts.Answer`.

    :cvar OPTIONS: those of the builtin driver, for instances alone:
        glance_store lists the options of the class of each entry point, and
        the builtin driver has told its own there
    """

    OPTIONS: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.OPTIONS = super().OPTIONS  # type: ignore[misc]
        super().__init__(*args, **kwargs)
        self.set_capabilities(  # type: ignore[attr-defined]
            capabilities.BitMasks.READ_RANDOM
        )

    @capabilities.check  # type: ignore[untyped-decorator]
    def get(
        self: Any,
        location: Any,
        offset: int = 0,
        chunk_size: int | None = None,
        context: Any = None,
    ) -> tuple[Iterator[bytes], int | None]:
        """Return the data, and its length in bytes.

        :param location: the ``glance_store.location.Location``
        :param offset: the first byte
        :param chunk_size: how many bytes; None up to the end
        :param context: the user's
        :raises NotFound: if there is no such image
        :raises StoreRandomGetNotSupported: if the store does not give this
            part
        """
        if not offset and not chunk_size:
            whole: tuple[Iterator[bytes], int] = super().get(  # type: ignore[misc]
                location, context=context
            )
            return whole
        answer = self._ask(location, offset, chunk_size, context)
        return parts.of(answer, offset, chunk_size)


@dataclass(frozen=True)
class Builtin:
    """What a driver builds on.

    :ivar classes: the classes of the stores that it can take the place of
    :ivar methods: what it calls or overrides: the names of the parameters of
        each method, but self
    """

    classes: tuple[type[Any], ...]
    methods: Mapping[str, tuple[str, ...]]

    def misfit(self, kind: type[Any]) -> str | None:
        """Return why a store of this class stays as it is, if it does."""
        if kind not in self.classes:
            return f"its driver is {kind.__module__}.{kind.__qualname__}"
        for name, wanted in self.methods.items():
            method = getattr(kind, name, None)
            if method is None:
                return f"its driver has no {name}"
            names = tuple(
                each
                for each in inspect.signature(method).parameters
                if each != "self"
            )
            if names != wanted:
                return f"its driver's {name} takes {', '.join(names)}"
        return None
