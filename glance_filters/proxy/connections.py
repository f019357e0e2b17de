# SPDX-License-Identifier: Apache-2.0

"""Connections of urllib3 that hold to RFC 9112 where a proxy must.

An idle connection is used again if its last request was sent and its last
answer was read to the end, and in no other case.
"""

from __future__ import annotations

import http.client
import io
import logging
import queue
import socket
import ssl
import time
from typing import Any

import urllib3
from urllib3 import connection, exceptions, util
from urllib3.util import response as urllib3_response

from glance_filters.proxy import settings
from glance_filters.proxy.request_body import RequestBody

LOG = logging.getLogger(__name__)

# How many interim answers (RFC 9110, 15.2) may come before the final one.
_MAX_INTERIM = 20

# How long a connection stays idle before it is closed: what is between may
# forget it without a word, and then a request would wait in vain.
IDLE_SECONDS = 30.0


class _Lines(io.BufferedReader):
    """Reads an answer, and takes no part of a line for a line.

    http.client takes the end of the stream for the end of the header.
    """

    def readline(self, size: int | None = -1) -> bytes:
        """Return the next line, or as much of it as may be read.

        :raises RemoteDisconnected: if it is cut off
        """
        line = super().readline(size)
        if not line.endswith(b"\n") and len(line) != size:
            raise http.client.RemoteDisconnected("The answer is cut off")
        return line


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = _Lines(sock.makefile("rb", buffering=0))

    def begin(self) -> None:
        """Read the header.

        :raises HeaderParsingError: if it cannot be understood as a whole:
            what follows may tell how long the body is
        """
        super().begin()
        urllib3_response.assert_header_parsing(self.msg)
        if self.length == 0 and self.chunked:
            # There is no body, whatever is said (RFC 9112, 6.3): nothing is to
            # be waited for, and what comes is no answer.
            self.chunked, self.will_close = False, True

    def _read_status(self) -> tuple[str, int, str]:
        """Return the status of the final answer."""
        for _ in range(_MAX_INTERIM):
            found: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if found[1] >= 200 or found[1] == 101:
                return found
            http.client.parse_headers(self.fp)
        raise http.client.BadStatusLine("too many interim answers")


class _Sender:
    """What both kinds of connections have.

    :ivar has_sent_all: whether the last request was sent to its end
    :ivar idle_since: when it was put into the pool, on the monotonic clock
    """

    has_sent_all = True
    idle_since: float

    def request(self, *args: Any, body: Any = None, **kwargs: Any) -> None:
        """Send a request."""
        self.has_sent_all = False
        if isinstance(body, RequestBody):
            body.connection = self
        super().request(*args, body=body, **kwargs)  # type: ignore[misc]
        self.has_sent_all = True


class _HttpConnection(_Sender, connection.HTTPConnection):
    response_class = _Answer


class _HttpsConnection(_Sender, connection.HTTPSConnection):
    response_class = _Answer


class _Idle(queue.LifoQueue[Any]):
    """The idle connections of a pool; those that cannot go on are closed."""

    def put(self, item: Any, *args: Any, **kwargs: Any) -> None:
        """Keep a connection."""
        if item is not None:
            item.idle_since = time.monotonic()
            if not item.has_sent_all:
                item.close()
        super().put(item, *args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """Return a connection, which connects anew if it is closed."""
        item = super().get(*args, **kwargs)
        if (
            item is not None
            and time.monotonic() - item.idle_since > IDLE_SECONDS
        ):
            item.close()
        return item


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection
    QueueCls = _Idle


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection
    QueueCls = _Idle


def make_pool(config: settings.Settings) -> urllib3.HTTPConnectionPool:
    """Return the pool of the connections to an upstream.

    It never waits for a connection: a filter holds one while it sends a
    request of its own.

    :raises OSError: if the file of the authorities cannot be read
    """
    url = util.parse_url(config.upstream)
    options: dict[str, Any] = {
        "maxsize": config.pool_size,
        "block": False,
        "timeout": urllib3.Timeout(
            connect=config.connect_timeout, read=config.read_timeout
        ),
        "retries": False,
    }
    host = url.host or ""
    if url.scheme == "http":
        return _HttpPool(host, url.port, **options)
    context = ssl.create_default_context(cafile=config.ca_file)
    if not config.verify:
        LOG.warning("The certificate of the upstream is not verified")
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        urllib3.disable_warnings(exceptions.InsecureRequestWarning)
    return _HttpsPool(host, url.port, ssl_context=context, **options)
