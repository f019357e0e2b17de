# SPDX-License-Identifier: Apache-2.0

"""What the parts of one download open once: connections, clients, tokens."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

_T = TypeVar("_T")

_CURRENT: contextvars.ContextVar[Shared | None] = contextvars.ContextVar(
    "glance_filters_shared", default=None
)


class Shared:
    """What is open for one download; its owner closes it.

    The requests for the parts are made in a ``with`` of it, in any thread,
    one after the other: there the drivers open what they need. It stays open
    until :meth:`close`.
    """

    def __init__(self) -> None:
        self._stack: contextlib.ExitStack | None = None
        self._opened: dict[Hashable, Any] = {}

    def __enter__(self) -> None:
        self._token = _CURRENT.set(self)

    def __exit__(self, *error: object) -> None:
        _CURRENT.reset(self._token)

    def opened(
        self, key: Hashable, opener: Callable[[], AbstractContextManager[_T]]
    ) -> _T:
        """Return what was opened for a key, or open it."""
        if self._stack is None:
            self._stack = contextlib.ExitStack()
        if key not in self._opened:
            self._opened[key] = self._stack.enter_context(opener())
        value: _T = self._opened[key]
        return value

    def close(self) -> None:
        """Close all that was opened; it may be called twice.

        A failure is only logged: by now the client has its data.
        """
        if self._stack is None:
            return
        self._opened.clear()
        try:
            self._stack.close()
        except Exception:
            LOG.warning("A store could not be closed", exc_info=True)


def opened(
    key: Hashable, opener: Callable[[], AbstractContextManager[_T]]
) -> AbstractContextManager[_T]:
    """Return a context with what the download shares, or with one's own.

    :param key: what is opened: the store and the location
    :param opener: opens it
    """
    shared = _CURRENT.get()
    if shared is None:
        return opener()
    return contextlib.nullcontext(shared.opened(key, opener))
