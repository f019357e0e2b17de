# SPDX-License-Identifier: Apache-2.0

"""The application that forwards each request and its answer."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from webob import exc

from glance_filters.proxy import (
    request,
    request_body,
    response,
    settings,
    upstream,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)


class Proxy:
    """A WSGI application in the place of the service that it forwards to.

    :param config: its settings
    :raises SettingsError: if the file of the authorities cannot be used
    """

    def __init__(self, config: settings.Settings) -> None:
        self._config = config
        try:
            self._upstream = upstream.Upstream(config)
        except OSError as error:
            raise settings.SettingsError(
                f"ca_file = {config.ca_file}: {error}"
            ) from error

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Forward a request and return the answer."""
        answer: WSGIApplication
        try:
            return self._forward(environ, start_response)
        except exc.WSGIHTTPException as refusal:
            answer = refusal
        except request_body.ClientGone as error:
            LOG.info("The client is gone: %s", error)
            answer = exc.HTTPBadRequest("The request body is incomplete.")
        return answer(environ, start_response)

    def _forward(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        sent = request.make(environ, self._config)
        answer = self._upstream.send(sent)
        body = upstream.AnswerBody(answer, sent)
        try:
            status = response.status_line(answer.status, answer.reason)
            headers = response.headers(
                answer.headers.items(), answer.version, environ, self._config
            )
            if answer.length_remaining == 0:
                # Nothing comes: the connection is free at once.
                list(body)
            start_response(status, headers)
        except BaseException:
            body.close()
            raise
        return body
