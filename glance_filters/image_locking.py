# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""The locks of images, as a filter is configured to use them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

from oslo_log import log as logging

from glance_filters import configuration, errors, locks

LOG = logging.getLogger(__name__)

# By files in a folder of the service's own.
DEFAULT_URL = "file://"


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

    def acquire(self, image_id: str, is_required: bool) -> Callable[[], None]:
        """Lock an image, and return what lets go of it.

        :param image_id: the image, in the environ's own encoding
        :param is_required: whether nothing is to be done without the lock
        :returns: may be called more than once, by any thread
        :raises ImageBusy: if others do not let go of it in time
        :raises LocksUnavailable: if images cannot be locked now
        """
        if self._locks is None:
            raise RuntimeError("not configured")
        name = image_id.encode("latin-1").decode("utf-8", "replace")
        try:
            return self._locks.acquire(name).release
        except locks.LockTimeout as error:
            LOG.info("Refused: image %.80r is locked: %s", image_id, error)
            raise errors.ImageBusy(image_id) from error
        except locks.LockUnavailable as error:
            LOG.warning("Image %.80r cannot be locked: %s", image_id, error)
            if is_required:
                raise errors.LocksUnavailable(image_id) from error
        return _nothing


def _nothing() -> None:
    """Let go of no lock."""


def _folder(config: configuration.Configuration) -> str:
    """Return the folder of lock files of a service that names none."""
    below = config.of_service("oslo_concurrency", "lock_path")
    if below:
        return os.path.join(os.path.abspath(below), "glance-filters")
    # Others may write there, so the locks look whose the folder is.
    name = f"glance-filters-{os.geteuid()}"
    return os.path.join(tempfile.gettempdir(), name)
