# SPDX-License-Identifier: Apache-2.0

"""The lock of the image that a request is about."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable

from oslo_log import log as logging

from glance_filters import errors, locks
from glance_filters.filters import configuration
from glance_filters.filters.location_guard import permission
from glance_filters.filters.location_guard.options import (
    DATABASE_URL,
    DEFAULT_URL,
    LocationGuardSettings,
)
from glance_filters.glance_api import images
from glance_filters.glance_api.request import Request

LOG = logging.getLogger(__name__)

# How long the end of an upload waits before it asks anew, and the log tells,
# in seconds: lock_timeout may be shorter, or no time at all.
_PATIENT_SECONDS = 10.0


class NotPermitted(Exception):
    """The user may not change the image, so it is not locked."""


class HeldImage:
    """An image whose lock is held.

    :ivar image: the image, read while the lock was held
    :ivar image_id: its id, as Glance writes it
    """

    def __init__(
        self,
        image: images.Image,
        image_id: str,
        acquire: Callable[[], locks.Held | None],
        held: contextlib.ExitStack,
    ) -> None:
        self.image = image
        self.image_id = image_id
        self._acquire = acquire
        self._held = held
        self._guard = threading.Lock()

    def release(self) -> None:
        """Release the lock; do nothing if it is not held."""
        with self._guard:
            held = self._held.pop_all()
        held.close()

    def acquire_again(self) -> None:
        """Wait for the lock once more, for as long as others hold it.

        :raises LocksUnavailable: if it cannot be acquired, and must be
        """
        held = self._acquire()
        with self._guard:
            if held is not None:
                self._held.enter_context(held)


class ImageLocking:
    """Locks images by what the configuration names.

    :param config: of the filter; it also knows the service's own options
    :ivar made: the locks, once they are configured
    """

    made: locks.ImageLocks

    def __init__(self, config: configuration.Configuration) -> None:
        self._config = config

    def configure(self, settings: LocationGuardSettings) -> None:
        """Make the locks, once: they cannot change while requests run.

        :raises ValueError: if the URL cannot be used
        """
        if hasattr(self, "made"):
            return
        try:
            self.made = locks.ImageLocks(
                url_of(settings.coordination_url, self._config),
                settings.lock_timeout,
                max_waiters=settings.max_waiters,
            )
        except ValueError as error:
            raise ValueError(f"coordination_url: {error}") from error

    def try_acquire(self, name: str) -> locks.Held | None:
        """Return the lock *name* if it is free now.

        :raises LockUnavailable: if nobody can tell
        """
        try:
            return self.made.try_acquire(locks.lock_name(name))
        except locks.LockTimeout:
            return None

    def hold(
        self, request: Request, is_required: bool, is_patch: bool
    ) -> HeldImage:
        """Acquire the lock of the image that a request is about.

        Glance is asked for the image first, or while nobody else wants the
        lock: so whoever does not see it, or may not change it, neither holds
        the lock nor learns that it is held.

        :param is_required: whether nothing is to be done without the lock
        :param is_patch: whether whoever may not modify the image would be
            refused anyway
        :raises ImageHidden: if Glance does not show the image to this user
        :raises ImageUnknown: if Glance does not tell
        :raises NotPermitted: if the user may not modify it
        :raises ImageBusy: if others do not release the lock in time
        :raises LocksUnavailable: if images cannot be locked now
        """
        # Unless Glance says otherwise, all spellings are of one image.
        folded = locks.fold_id(request.image_id)
        with contextlib.ExitStack() as stack:
            held = None
            # If nobody can lock, that is reported once the image is known.
            with contextlib.suppress(locks.LockUnavailable):
                held = self.try_acquire(folded)
            if held is not None:
                stack.enter_context(held)
            image = request.fetch_image()
            is_own = permission.is_own(request, image)
            is_certain = is_own or not is_patch
            if held is not None and is_certain and image.id in (None, folded):
                return self._held(image, folded, stack.pop_all(), is_required)
        if not is_certain and not permission.may_modify(request, image):
            raise NotPermitted
        image_id = image.id or folded
        deadline = self.made.deadline()
        with contextlib.ExitStack() as stack:
            names = [image_id]
            if not is_own:
                # Of those whom Glance may yet refuse, one at a time is in the
                # way of the owner, however many there are.
                names.insert(0, f"{image_id} stranger")
            for name in names:
                held = self._wait(
                    name, image_id, is_required, deadline=deadline
                )
                if held is not None:
                    stack.enter_context(held)
            image = request.fetch_image()
            return self._held(image, image_id, stack.pop_all(), is_required)

    def _held(
        self,
        image: images.Image,
        image_id: str,
        held: contextlib.ExitStack,
        is_required: bool,
    ) -> HeldImage:
        def acquire() -> locks.Held | None:
            return self._wait(image_id, image_id, is_required, is_patient=True)

        return HeldImage(image, image_id, acquire, held)

    def _wait(
        self,
        name: str,
        image_id: str,
        is_required: bool,
        is_patient: bool = False,
        deadline: float | None = None,
    ) -> locks.Held | None:
        """Wait for a lock; return None to go on without it."""
        while True:
            if is_patient:
                deadline = max(
                    self.made.deadline(), time.monotonic() + _PATIENT_SECONDS
                )
            try:
                return self.made.acquire(name, is_patient, deadline)
            except locks.LockTimeout as error:
                if not is_patient:
                    raise errors.ImageBusy(image_id) from error
                LOG.warning(
                    "The end of an upload still waits for the lock of image "
                    "%.80r: %s",
                    image_id,
                    error,
                )
            except locks.LockUnavailable as error:
                # The outage itself is logged once, by the locks.
                LOG.debug("Could not lock image %.80r: %s", image_id, error)
                if is_required:
                    raise errors.LocksUnavailable(image_id) from error
                return None


def url_of(url: str, config: configuration.Configuration) -> str:
    """Return what a ``coordination_url`` stands for in this service.

    :raises ValueError: if it names the database, and there is none
    """
    # A scheme may be written in capitals (RFC 3986, 3.1).
    scheme, colon, rest = url.partition(":")
    url = scheme.lower() + colon + rest
    if url == DEFAULT_URL:
        return f"file://{_folder(config)}"
    if url != DATABASE_URL:
        return url
    connection = config.of_service("database", "connection")
    if not connection:
        raise ValueError("[database] connection is not set")
    if connection.startswith("sqlite"):
        return f"file://{_folder(config)}"
    return str(connection)


def is_mysql(url: str, config: configuration.Configuration) -> bool:
    """Return True if a ``coordination_url`` stands for MySQL or MariaDB."""
    return url_of(url, config).startswith(("mysql", "mariadb"))


def is_no_folder(url: str, config: configuration.Configuration) -> bool:
    """Return True if a ``coordination_url`` names a file, where none can be.

    A folder that is not there yet is made.
    """
    place = url_of(url, config)
    if not place.startswith("file:"):
        return False
    path = urllib.parse.urlsplit(place).path
    return os.path.exists(path) and not os.path.isdir(path)


def _folder(config: configuration.Configuration) -> str:
    """Return the folder of lock files of a service that names none."""
    below = config.of_service("oslo_concurrency", "lock_path")
    if below:
        return os.path.join(os.path.abspath(below), "glance-filters")
    # Others may write there, so the locks look whose the folder is.
    name = f"glance-filters-{os.geteuid()}"
    return os.path.join(tempfile.gettempdir(), name)
