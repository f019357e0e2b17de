# SPDX-License-Identifier: Apache-2.0

"""What the data of an image should be, as the core tells.

See "Show image" in the Image service API reference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from oslo_log import log as logging

from glance_filters import errors
from glance_filters.glance_api import api_calls, image_document

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageFormats:
    """The formats of an image; None for what it has not.

    Those of an image with another status are not others.
    """

    disk_format: str | None
    container_format: str | None
    status: str | None = field(compare=False)


def ask(
    app: WSGIApplication,
    environ: WSGIEnvironment,
    match: api_calls.Match,
    source: str,
) -> ImageFormats | None:
    """Return the formats of the image that a request is about.

    :param app: the application behind the filter
    :param environ: the request's environ, which is left as it is
    :param match: what the request is
    :param source: the name of the filter that asks
    :returns: None if the core does not show the image to this user
    :raises ImageUnknown: if the core does not tell
    """
    try:
        document = image_document.ask(app, environ, match, source)
    except image_document.Hidden:
        return None
    except image_document.NotTold as error:
        image_id = match.variables["image_id"]
        LOG.warning("No format of image %.80r: %s", image_id, error)
        raise errors.ImageUnknown(image_id) from error
    told = (
        document.get(name)
        for name in ("disk_format", "container_format", "status")
    )
    return ImageFormats(
        *(each if isinstance(each, str) else None for each in told)
    )
