# SPDX-License-Identifier: Apache-2.0

"""One lock per image, across threads, processes and hosts.

:class:`ImageLocks` is made once from a URL and hands out :class:`Held` locks.
"""

from glance_filters.locks.errors import (
    LockError,
    LockTimeout,
    LockUnavailable,
    TooManyWaiters,
)
from glance_filters.locks.image_locks import Held, ImageLocks
from glance_filters.locks.names import fold_id, lock_name

__all__ = [
    "Held",
    "ImageLocks",
    "LockError",
    "LockTimeout",
    "LockUnavailable",
    "TooManyWaiters",
    "fold_id",
    "lock_name",
]
