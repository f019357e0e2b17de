# SPDX-License-Identifier: Apache-2.0

"""Why a lock was not got."""


class LockError(Exception):
    """A lock was not got."""


class LockTimeout(LockError):
    """Another one held the lock for all of the time there was to wait."""


class LockUnavailable(LockError):
    """Nobody can tell who holds the lock.

    The lock server gives no answer, or the folder of lock files cannot be
    used.
    """
