# SPDX-License-Identifier: Apache-2.0

"""The locks of images, as a filter is configured to use them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

from oslo_log import log as logging

from glance_filters import errors, locks
from glance_filters.filters import configuration
from glance_filters.glance_api import api_calls

LOG = logging.getLogger(__name__)

# By files in a folder of the service's own.
DEFAULT_URL = "file://"

# Glance may send these on to the host that has the data (those that were
# staged, or that are being hashed), in the name of the same user, and waits
# for the answer. There the image must not be waited for.
_RELAYED = (api_calls.IMPORT_IMAGE, api_calls.DELETE_IMAGE)


class ImageLocking:
    """Locks images by what the configuration names.

    :param config: of the filter; it also knows the service's own options
    """

    def __init__(self, config: configuration.Configuration) -> None:
        self._config = config
        self._configured: tuple[str, float] | None = None
        self._locks: locks.ImageLocks | None = None

    def configure(self, url: str, timeout: float) -> None:
        """Take the locks from *url* from now on.

        :param timeout: how long to wait for a lock, in seconds
        :raises ConfigurationError: if the URL cannot be used
        """
        if self._configured == (url, timeout):
            return
        if url == DEFAULT_URL:
            place = f"file://{_folder(self._config)}"
        else:
            place = url
        try:
            self._locks = locks.ImageLocks(place, timeout)
        except ValueError as error:
            raise configuration.ConfigurationError(
                f"coordination_url: {error}"
            ) from error
        self._configured = (url, timeout)

    def lock(
        self,
        match: api_calls.Match,
        environ: Mapping[str, Any],
        is_required: bool,
    ) -> Callable[[], None] | None:
        """Lock the image that a request is about.

        :param match: what the request is
        :param environ: the request's environ
        :param is_required: whether nothing is to be done without the lock
        :returns: what lets go of it, once or more often, from any thread;
            None if the image is locked by a request that waits for this one
        :raises ImageBusy: if others do not let go of it in time
        :raises LocksUnavailable: if images cannot be locked now
        """
        image_id = match.variables["image_id"]
        name = image_id.encode("latin-1").decode("utf-8", "replace")
        with contextlib.ExitStack() as stack:
            try:
                held = self._hold(match, environ, name, stack)
            except locks.LockTimeout as error:
                raise errors.ImageBusy(image_id) from error
            except locks.LockUnavailable as error:
                LOG.warning("Image %.80r cannot be locked: %s", name, error)
                if is_required:
                    raise errors.LocksUnavailable(image_id) from error
                held = True
            release = stack.pop_all().close
        return release if held else None

    def _hold(
        self,
        match: api_calls.Match,
        environ: Mapping[str, Any],
        name: str,
        stack: contextlib.ExitStack,
    ) -> bool:
        """Enter the locks of a request; return False if it is relayed."""
        if self._locks is None:
            raise RuntimeError("not configured")
        if match.call in _RELAYED:
            relay = self._locks.try_acquire(_relay(match, environ))
            if relay is None:
                return False
            stack.enter_context(relay)
        stack.enter_context(self._locks.acquire(name))
        return True


def _relay(match: api_calls.Match, environ: Mapping[str, Any]) -> bytes:
    """Return the name of the lock of a request that may be relayed.

    It is what the request has in common with the one that relays it.
    """
    token = environ.get("HTTP_X_AUTH_TOKEN", "")
    image_id = match.variables["image_id"]
    key = f"{match.call.action} {image_id} {token}".encode()
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
