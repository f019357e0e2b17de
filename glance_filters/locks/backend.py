# SPDX-License-Identifier: Apache-2.0

"""What locks between processes are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Backend(Protocol):
    """Locks between processes.

    It need not know of threads: a process asks for a lock once at a time.
    """

    def try_lock(
        self, name: bytes, is_next: bool = False
    ) -> Callable[[], None] | None:
        """Acquire the lock *name* if it is free, and return its release.

        :param is_next: whether this process is the next in line
        :returns: None if another process holds it, or is the next in line
        :raises LockTimeout: no lock can be acquired yet, as others are held
        :raises LockUnavailable: the backend does not work
        """

    def line_up(self, name: bytes) -> Callable[[], None] | None:
        """Become the next in line for a lock, before all who only try.

        :returns: what ends that; None if another process is the next
        :raises LockError: as :meth:`try_lock`
        """

    def close(self) -> None:
        """Close what is not needed for the locks that are held."""
