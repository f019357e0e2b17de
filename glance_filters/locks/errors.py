# SPDX-License-Identifier: Apache-2.0

"""Why a lock could not be acquired."""


class LockError(Exception):
    """The lock could not be acquired."""


class LockTimeout(LockError):
    """Timed out: the lock is held by another owner."""


class TooManyWaiters(LockTimeout):
    """The lock is held, and as many as may wait for it do so already."""


class LockUnavailable(LockError):
    """The lock backend is unavailable, so nobody knows who holds the lock.

    The lock server does not answer or refuses, or the folder of locks cannot
    be used.
    """
