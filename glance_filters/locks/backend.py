# SPDX-License-Identifier: Apache-2.0

"""What locks between processes are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Backend(Protocol):
    """Locks between processes.

    It need not know of threads: a process asks for a lock once at a time.
    """

    def try_lock(self, name: bytes) -> Callable[[], None] | None:
        """Acquire the lock *name* if it is free, and return its release.

        :returns: None if another process holds it
        :raises LockTimeout: no lock can be acquired yet, as others are held
        :raises LockUnavailable: the backend does not work
        """

    def close(self) -> None:
        """Close what is not needed for the locks that are held."""
