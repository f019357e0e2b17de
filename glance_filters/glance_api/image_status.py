# SPDX-License-Identifier: Apache-2.0

"""The status of an image, asked of the core in the user's own name.

See "Image Statuses" in Glance's user documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oslo_log import log as logging

from glance_filters import errors
from glance_filters.glance_api import api_calls, image_document

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)

STATUSES = (
    "queued",
    "saving",
    "uploading",
    "importing",
    "active",
    "deactivated",
    "killed",
    "deleted",
    "pending_delete",
)


def ask(
    app: WSGIApplication,
    environ: WSGIEnvironment,
    match: api_calls.Match,
    source: str,
) -> str:
    """Return the status of the image that a request is about.

    :param app: the application behind the filter
    :param environ: the request's environ, which is left as it is
    :param match: what the request is
    :param source: the name of the filter that asks
    :raises image_document.Hidden: if there is no such image for this user
    :raises ImageUnknown: if the core does not tell
    """
    image_id = match.variables["image_id"]
    try:
        document = image_document.ask(app, environ, match, source)
        status = document.get("status")
        if not isinstance(status, str):
            raise image_document.NotTold(f"its status is {status!r:.80}")
    except image_document.NotTold as error:
        LOG.warning("No status of image %.80r: %s", image_id, error)
        raise errors.ImageUnknown(image_id) from error
    return status
