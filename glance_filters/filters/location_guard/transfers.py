# SPDX-License-Identifier: Apache-2.0

"""Whether data is on its way into an image, by what Glance says of it."""

from __future__ import annotations

import datetime

from glance_filters.glance_api import images

# Statuses in which an upload may be under way. A server or a proxy between the
# filter and Glance may read the data before Glance does, and has all of it
# while the image is queued still.
UPLOADING = ("queued", "saving", "uploading")

# After so many seconds without a sign of life Glance itself takes an import
# for dead, and lets another one have the image.
_IMPORT_SECONDS = 3600


def is_importing(image: images.Image) -> bool:
    """Return True if an import task changes the image.

    Glance notes the task before it answers the import, and removes the note
    when the task has ended; the status follows later, and comes back before
    all stores have the data.
    """
    has_failed = (
        image.os_glance_failed_import
        and not image.os_glance_importing_to_stores
    )
    # Glance leaves its note of some imports that failed.
    has_task = image.os_glance_import_task and not has_failed
    if image.status != "importing" and not has_task:
        return False
    age = _age(image)
    return age is None or age < _IMPORT_SECONDS


def _age(image: images.Image) -> float | None:
    """Return how long ago the image was saved, in seconds, if that is known.

    The clocks of Glance and of its database may differ by a little.
    """
    text = (image.updated_at or "").replace("Z", "+00:00")
    try:
        saved = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if saved.tzinfo is None:
        saved = saved.replace(tzinfo=datetime.timezone.utc)
    return (datetime.datetime.now(saved.tzinfo) - saved).total_seconds()
