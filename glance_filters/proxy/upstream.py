# SPDX-License-Identifier: Apache-2.0

"""The service behind the proxy: sending to it, and what goes wrong."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import urllib3
from urllib3 import exceptions
from urllib3 import util as urllib3_util
from webob import exc

from glance_filters.proxy import connections, request_body, settings
from glance_filters.proxy.request import Request

if not hasattr(urllib3.HTTPResponse, "read1"):
    raise ImportError("urllib3 is older than 2.2")

LOG = logging.getLogger(__name__)


class Upstream:
    """The service behind the proxy.

    :param config: the proxy's settings
    """

    def __init__(self, config: settings.Settings) -> None:
        self._pool = connections.make_pool(config)
        self._read_timeout = config.read_timeout

    def send(self, request: Request) -> urllib3.BaseHTTPResponse:
        """Send a request; return the answer as soon as its header is there.

        :raises HTTPBadGateway: if there is no answer that can be used
        :raises HTTPGatewayTimeout: if there is none in time
        :raises HTTPException: if a filter refuses the body
        :raises ClientGone: if the body does not come
        """
        try:
            try:
                return self._send(request)
            except exceptions.ProtocolError as error:
                # The upstream may close an idle connection just when it is
                # used again (RFC 9112, 9.3.1).
                if not (request.may_be_repeated and _was_closed(error)):
                    raise
                return self._send(request)
        except exceptions.LocationParseError as error:
            raise exc.HTTPBadRequest(
                "The request target is malformed."
            ) from error
        except (exceptions.HTTPError, ValueError) as error:
            refusal = _refusal(error)
            LOG.error(
                "%s: %s %.255r: %s: %.1024s",
                refusal.status,
                request.method,
                request.target,
                type(error).__name__,
                error,
            )
            raise refusal from error

    def _send(self, request: Request) -> urllib3.BaseHTTPResponse:
        headers = request.headers
        for name in ("Accept-Encoding", "User-Agent"):
            headers.setdefault(name, urllib3_util.SKIP_HEADER)
        body = None
        if request.read is not None:
            body = request_body.RequestBody(
                request.read,
                request.length,
                self._read_timeout,
                "Expect" in headers,
            )
            body.begin()
            if request.length is not None:
                headers["Content-Length"] = str(request.length)
        return self._pool.urlopen(
            request.method,
            request.target,
            body=body,
            headers=headers,
            redirect=False,
            preload_content=False,
            decode_content=False,
            chunked=request.read is not None and request.length is None,
        )


def _was_closed(error: exceptions.ProtocolError) -> bool:
    cause = error.args[-1]
    # http.client.RemoteDisconnected is one too.
    return isinstance(cause, (ConnectionResetError, BrokenPipeError))


def _refusal(error: Exception) -> exc.HTTPError:
    cause = error.args[-1] if error.args else None
    if isinstance(error, exceptions.NewConnectionError):
        return exc.HTTPBadGateway("The upstream cannot be reached.")
    if isinstance(error, exceptions.TimeoutError) or isinstance(
        cause, socket.timeout
    ):
        return exc.HTTPGatewayTimeout("The upstream did not answer in time.")
    return exc.HTTPBadGateway("The upstream did not answer properly.")


class AnswerBody:
    """The body of an answer, given on as it comes.

    :param answer: the answer
    :param request: what it answers, for the log
    """

    def __init__(
        self, answer: urllib3.BaseHTTPResponse, request: Request
    ) -> None:
        self._answer = answer
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        try:
            while piece := self._answer.read1(request_body.PIECE_BYTES):
                yield piece
        except exceptions.HTTPError as error:
            LOG.error(
                "Aborting the response to %s %.255r: %.1024s",
                self._request.method,
                self._request.target,
                error,
            )
            raise

    def close(self) -> None:
        """Close the answer.

        One that was not read to its end takes its connection with it: what
        is still to come is not waited for.
        """
        self._answer.close()
