# SPDX-License-Identifier: Apache-2.0

"""A call of the core while the image that it is about is locked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from glance_filters.glance_api import request_body
from glance_filters.wsgi import input_streams, response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# An image's record, with room to spare. A core may go on working while it
# answers; no answer to these calls is longer.
_MAX_ANSWER_BYTES = 1024 * 1024


class LockedCall:
    """Calls the core, and lets go of the lock when it is done.

    :param app: the application behind the filter
    :param release: lets go of the lock; it may be called more than once
    :param is_upload: whether to let go when the core begins to read the body:
        until then it has written the image's new status, and reading takes
        as long as the client likes
    """

    def __init__(
        self,
        app: WSGIApplication,
        release: Callable[[], None],
        is_upload: bool,
    ) -> None:
        self._app = app
        self._release = release
        self._is_upload = is_upload

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer with the core's answer."""
        try:
            if self._is_upload:
                body = input_streams.take(environ)
                stream = input_streams.FirstReadInput(body, self._release)
                request_body.replace(environ, stream)
            answer = response.ask(self._app, environ)
            # The answer may be sent slowly: the lock must not wait for that.
            answer.read(_MAX_ANSWER_BYTES)
        finally:
            self._release()
        return answer(environ, start_response)
