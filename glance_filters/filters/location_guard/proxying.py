# SPDX-License-Identifier: Apache-2.0

"""Requests that one Glance sends on to another, and waits for.

Where several Glance hosts have a ``worker_self_reference_url``, Glance sends
an import of staged data, or a deletion, on to the host that has the data, in
the name of the same user. The image is locked here then, so the other host
must not wait for the lock. Nothing in the request says that it was sent on,
and a retry of the client looks the same. So neither is told from the other:
each equal request that comes while the first is under way is its guest. A
guest runs under the lock of its host, which is held until no guest is left.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from typing import Optional

from oslo_log import log as logging

from glance_filters import locks
from glance_filters.filters import configuration
from glance_filters.glance_api.request import Request

LOG = logging.getLogger(__name__)

# What was sent on, a retry, and that retry sent on.
_MAX_GUESTS = 3

Acquire = Callable[[str], locks.Held]
TryAcquire = Callable[[str], Optional[locks.Held]]


def is_possible(config: configuration.Configuration) -> bool:
    """Return True if this Glance may send requests on."""
    return bool(
        config.of_service(None, "worker_self_reference_url")
        or config.of_service(None, "public_endpoint")
    )


def key(request: Request) -> str:
    """Return what a request has in common with the one that is sent on."""
    environ = request.environ
    # Glance sends either on as X-Auth-Token.
    token = environ.get("HTTP_X_AUTH_TOKEN") or environ.get(
        "HTTP_X_STORAGE_TOKEN", ""
    )
    text = f"{request.call.action} {request.image_id} {token}"
    return "proxied " + hashlib.sha256(text.encode()).hexdigest()


def enter_as_guest(
    key: str, try_acquire: TryAcquire
) -> contextlib.ExitStack | None:
    """Become the guest of an equal request that holds the image's lock.

    :returns: what ends that; None if there is no host
    :raises LockTimeout: if it has as many guests as it can have
    :raises LockUnavailable: if nobody can tell
    """
    with contextlib.ExitStack() as stack:
        # First the place, then the look: the host leaves when it has all.
        for number in range(_MAX_GUESTS):
            place = try_acquire(f"{key} {number}")
            if place is not None:
                stack.enter_context(place)
                break
        host = try_acquire(key)
        if host is not None:
            host.release()
            return None
        if place is None:
            raise locks.LockTimeout("too many equal requests")
        return stack.pop_all()


@contextlib.contextmanager
def being_host(
    key: str, acquire: Acquire, try_acquire: TryAcquire
) -> Iterator[None]:
    """Be host to equal requests while the image is locked.

    While nobody can lock, there are neither hosts nor guests.
    """
    host = None
    with contextlib.suppress(locks.LockUnavailable):
        host = try_acquire(key)
    try:
        yield
    finally:
        with contextlib.ExitStack() as stack:
            if host is not None:
                stack.enter_context(host)
                try:
                    for number in range(_MAX_GUESTS):
                        stack.enter_context(acquire(f"{key} {number}"))
                except locks.LockError as error:
                    LOG.warning(
                        "An image is unlocked while an equal request may "
                        "still change it: %s",
                        error,
                    )
