# SPDX-License-Identifier: Apache-2.0

"""One lock per image, across threads, processes and hosts.

:class:`ImageLocks` is made once from a URL and hands out :class:`Held` locks.
"""

from glance_filters.locks.errors import LockError, LockTimeout, LockUnavailable
from glance_filters.locks.image_locks import Held, ImageLocks
from glance_filters.locks.names import lock_name

__all__ = [
    "Held",
    "ImageLocks",
    "LockError",
    "LockTimeout",
    "LockUnavailable",
    "lock_name",
]
