# SPDX-License-Identifier: Apache-2.0

"""The core's record of an image, asked for in the user's own name.

See "Show image" in the Image service API reference.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from glance_filters.glance_api import api_calls, subrequest

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

# The core has no such image for this user, or no such API version (300).
_HIDDEN = (300, 401, 403, 404)


class Hidden(Exception):
    """The core does not show the image to the user.

    :param code: the status code by which it says so
    """

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


class NotTold(Exception):
    """The core does not answer, or answers with something that is no image.

    The text tells an operator why; it is not meant for the client.
    """


def ask(
    app: WSGIApplication,
    environ: WSGIEnvironment,
    match: api_calls.Match,
    source: str,
) -> dict[str, Any]:
    """Return the document about the image that a request is about.

    :param app: the application behind the filter
    :param environ: the request's environ, which is left as it is
    :param match: what the request is
    :param source: the name of the filter that asks
    :raises Hidden: if there is no such image for this user
    :raises NotTold: if the core does not tell
    """
    try:
        answer = subrequest.ask(
            app,
            environ,
            source=source,
            path_info=match.image_path(),
            accept=api_calls.accept_of_child(environ),
        )
    except subrequest.NoAnswer as error:
        raise NotTold(str(error)) from error
    if answer.status in _HIDDEN:
        raise Hidden(answer.status)
    if answer.status != 200:
        raise NotTold(f"status code {answer.status}")
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise NotTold(repr(error)) from error
    if not isinstance(document, dict):
        raise NotTold(f"the image is a {type(document).__name__}")
    return document
