# SPDX-License-Identifier: Apache-2.0

"""Whether data is on its way into an image, by what Glance says of it."""

from __future__ import annotations

import datetime
import json

from glance_filters.glance_api import images, subrequest
from glance_filters.glance_api.request import Request

# Statuses in which an upload may be under way. A server or a proxy between the
# filter and Glance may read the data before Glance does, and has all of it
# while the image is queued still.
UPLOADING = ("queued", "saving", "uploading")

# After so many seconds without a sign of life Glance itself takes an import
# for dead, and lets another one have the image; if it has not begun, after
# twice as many.
_IMPORT_SECONDS = 3600
_AT_WORK = {"processing": _IMPORT_SECONDS, "pending": 2 * _IMPORT_SECONDS}


def is_importing(request: Request, image: images.Image) -> bool:
    """Return True if an import task changes the image.

    Glance notes the task before it answers the import, and removes the note
    when the task has ended; the status follows later, and comes back before
    all stores have the data.

    :param request: a request about the image
    """
    task_id = image.os_glance_import_task
    if image.status != "importing" and not task_id:
        return False
    is_at_work = _is_at_work(request, task_id) if task_id else None
    if is_at_work is not None:
        return is_at_work
    # Glance leaves its note of some imports that failed.
    has_failed = (
        image.status != "importing"
        and image.os_glance_failed_import
        and not image.os_glance_importing_to_stores
    )
    return not has_failed and _is_recent(image.updated_at, _IMPORT_SECONDS)


def is_hashing(request: Request, image: images.Image) -> bool:
    """Return True if a task reads the data of a location for its checksum.

    The image is active by then. At the end Glance saves it as it was at the
    beginning, whatever its status is. Such a task names no stores, unlike one
    that copies the data.

    :param request: a request about the image
    """
    return (
        image.status == "active"
        and not image.os_glance_importing_to_stores
        and is_importing(request, image)
    )


def _is_at_work(request: Request, task_id: str) -> bool | None:
    """Return whether a task has not ended, and has a sign of life.

    A long import saves the task now and then, and not the image.

    :returns: None if Glance does not tell: releases before Wallaby do not, nor
        of the task of another project, but to an administrator
    """
    try:
        answer = request.subrequest(f"{request.match.image_path()}/tasks")
        tasks = json.loads(answer.body)["tasks"]
        [task] = [each for each in tasks if each["id"] == task_id]
        status, saved = task["status"], task["updated_at"]
        return status in _AT_WORK and _is_recent(saved, _AT_WORK[status])
    except (
        subrequest.NoResponse,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        RecursionError,
    ):
        return None


def _is_recent(text: str | None, seconds: float) -> bool:
    """Return True if a time is less than *seconds* ago, or is not known.

    The clocks of Glance and of its database may differ by a little.
    """
    try:
        saved = datetime.datetime.fromisoformat(
            (text or "").replace("Z", "+00:00")
        )
    except ValueError:
        return True
    if saved.tzinfo is None:
        saved = saved.replace(tzinfo=datetime.timezone.utc)
    age = datetime.datetime.now(saved.tzinfo) - saved
    return age.total_seconds() < seconds
