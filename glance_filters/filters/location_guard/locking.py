# SPDX-License-Identifier: Apache-2.0

"""The locks of images, as a filter is configured to use them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable

from oslo_log import log as logging

from glance_filters import errors, locks
from glance_filters.filters import configuration
from glance_filters.filters.location_guard.options import DEFAULT_URL
from glance_filters.glance_api.request import Request

LOG = logging.getLogger(__name__)


class ImageLocking:
    """Locks images by what the configuration names.

    :param config: of the filter; it also knows the service's own options
    """

    def __init__(self, config: configuration.Configuration) -> None:
        self._config = config
        self._locks: locks.ImageLocks | None = None

    def configure(self, url: str, timeout: float) -> None:
        """Make the locks, once: they cannot change while requests run.

        :param timeout: how long to wait for a lock, in seconds
        :raises ValueError: if the URL cannot be used
        """
        if self._locks is not None:
            return
        if url == DEFAULT_URL:
            url = f"file://{_folder(self._config)}"
        try:
            self._locks = locks.ImageLocks(url, timeout)
        except ValueError as error:
            raise ValueError(f"coordination_url: {error}") from error

    def lock(
        self, request: Request, is_proxied: bool, is_required: bool
    ) -> Callable[[], None] | None:
        """Acquire the lock of the image that a request is about.

        :param is_proxied: whether the request may be one that another Glance
            has sent on, which holds the lock and waits for this one
        :param is_required: whether nothing is to be done without the lock
        :returns: what releases it, once or more often, from any thread; None
            if the image is locked by a request that waits for this one
        :raises ImageBusy: if others do not release it in time
        :raises LocksUnavailable: if images cannot be locked now
        """
        with contextlib.ExitStack() as stack:
            try:
                held = self._hold(request, is_proxied, stack)
            except locks.LockTimeout as error:
                raise errors.ImageBusy(request.image_id) from error
            except locks.LockUnavailable as error:
                LOG.warning(
                    "Could not lock image %.80r: %s", request.image_id, error
                )
                if is_required:
                    raise errors.LocksUnavailable(request.image_id) from error
                held = True
            release = stack.pop_all().close
        return release if held else None

    def _hold(
        self, request: Request, is_proxied: bool, stack: contextlib.ExitStack
    ) -> bool:
        """Enter the locks of a request; return False if it was sent on."""
        if self._locks is None:
            raise RuntimeError("not configured")
        if is_proxied:
            proxy = self._locks.try_acquire(_proxy_lock_name(request))
            if proxy is None:
                return False
            stack.enter_context(proxy)
        stack.enter_context(self._locks.acquire(request.image_id))
        return True


def _proxy_lock_name(request: Request) -> bytes:
    """Return the name of the lock of a request that may be sent on.

    It is what the request has in common with the one that is sent on.
    """
    token = request.environ.get("HTTP_X_AUTH_TOKEN", "")
    image_id = request.match.variables["image_id"]
    key = f"{request.call.action} {image_id} {token}".encode()
    digest = hashlib.sha256(key).hexdigest()
    return f"glance-filters-relay-{digest}".encode()


def _folder(config: configuration.Configuration) -> str:
    """Return the folder of lock files of a service that names none."""
    below = config.of_service("oslo_concurrency", "lock_path")
    if below:
        return os.path.join(os.path.abspath(below), "glance-filters")
    # Others may write there, so the locks look whose the folder is.
    name = f"glance-filters-{os.geteuid()}"
    return os.path.join(tempfile.gettempdir(), name)
