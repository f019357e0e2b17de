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

"""The status of an image, asked of the core in the user's own name.

See "Image Statuses" in Glance's user documentation.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from oslo_log import log as logging

from glance_filters import api_calls, errors, subrequest

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

# The core has no such image for this user, or no such API version (300).
_HIDDEN = (300, 401, 403, 404)


class Hidden(Exception):
    """The core does not show the image to the user.

    :param code: the status code by which it says so
    """

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


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
    :raises Hidden: if there is no such image for this user
    :raises StatusUnknown: if the core does not answer, answers with an error
        of its own, or with something that is no image
    """
    image_id = match.variables["image_id"]
    try:
        answer = subrequest.ask(
            app,
            environ,
            source=source,
            path_info=match.image_path(),
            accept=api_calls.accept_of_child(environ),
        )
    except subrequest.NoAnswer as error:
        LOG.warning("No status of image %.80r: %s", image_id, error)
        raise errors.StatusUnknown(image_id) from error
    if answer.status in _HIDDEN:
        raise Hidden(answer.status)
    try:
        if answer.status != 200:
            raise ValueError(f"status code {answer.status}")
        status = json.loads(answer.body)["status"]
        if not isinstance(status, str):
            raise TypeError(f"status is {type(status).__name__}")
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        LOG.warning("No status of image %.80r: %r", image_id, error)
        raise errors.StatusUnknown(image_id) from error
    return status
