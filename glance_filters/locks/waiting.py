# SPDX-License-Identifier: Apache-2.0

"""Waiting for a lock that another process holds: by trying again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from glance_filters.locks import backend, errors, threads

# How long to wait before the next try, in seconds: twice as long each time.
_FIRST_DELAY_SECONDS = 0.01
MAX_DELAY_SECONDS = 0.25

# The same for the process that is the next in line.
_FIRST_NEXT_SECONDS = 0.002
MAX_NEXT_SECONDS = 0.02


def wait(
    made: backend.Backend, name: bytes, deadline: float
) -> Callable[[], None]:
    """Try a lock again and again, and return its release.

    :param deadline: by ``time.monotonic()``
    :raises LockTimeout: it was held by others for all of the time
    :raises LockUnavailable: the backend does not work
    """
    delay, longest, is_next = _FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS, False
    with contextlib.ExitStack() as line:
        while True:
            left = deadline - time.monotonic()
            release = gone = None
            try:
                release = made.try_lock(name, is_next)
            except errors.LockTimeout as error:
                gone = error
                # The place is held where the lock was, and that is gone: it
                # would keep everybody from making it anew.
                line.close()
                is_next = False
            except errors.LockUnavailable:
                # Nor would it answer that, and one time-out is enough.
                threads.start_or_call(line.pop_all().close)
                raise
            if release is not None:
                with contextlib.ExitStack() as lock:
                    lock.callback(release)
                    line.close()
                    lock.pop_all()
                return release
            # Tried once more when the time is over, so that a release just
            # before is noticed.
            if left <= 0:
                raise gone or errors.LockTimeout("held by another process")
            place = None if is_next or gone else made.line_up(name)
            if place is not None:
                line.callback(place)
                delay, longest = _FIRST_NEXT_SECONDS, MAX_NEXT_SECONDS
                is_next = True
            time.sleep(min(delay, left))
            delay = min(2 * delay, longest)
