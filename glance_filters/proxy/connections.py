# SPDX-License-Identifier: Apache-2.0

"""Connections of urllib3 that hold to RFC 9112 where a proxy must.

An idle connection is used again if its last request was sent and its last
answer was read to the end, and in no other case.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
import queue
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import urllib3
from urllib3 import connection, exceptions, util
from urllib3.util import response as urllib3_response
from webob import exc

from glance_filters.proxy import settings

LOG = logging.getLogger(__name__)

# How much is read at a time, in bytes: what each request takes of memory.
PIECE_BYTES = 64 * 1024

# How long the upstream may take to say that it wants the body. Not all do
# (RFC 9110, 10.1.1).
CONTINUE_SECONDS = 1.0

# How long the upstream may take to be done with a body that is broken off.
BREAK_OFF_SECONDS = 10.0

# An interim answer (RFC 9110, 15.2); 101 ends HTTP.
_INTERIM = b"HTTP/1.1 1"
_SWITCHING = b"HTTP/1.1 101"
_CONTINUE = b"HTTP/1.1 100"
_MAX_INTERIM_BYTES = 4096
_MAX_INTERIM = 20
_END = b"\r\n\r\n"

# How long a connection stays idle before it is closed: what is between may
# forget it without a word, and then a request would wait in vain.
IDLE_SECONDS = 30.0


class _Answered(BrokenPipeError):
    """The upstream answers before it has the whole request.

    urllib3 then reads the answer, as it does if the upstream closes.
    """


class ClientGone(Exception):
    """The client did not send the whole body of its request."""


class RequestBody:
    """The body of a request, read from the client as it is sent.

    :param read: reads it, by ``read(size)``
    :param length: its length in bytes; None if only its end tells
    :param timeout: how long the upstream may take nothing, in seconds
    :param expects: whether the upstream was asked whether it wants the body
    :ivar connection: what it is sent by
    """

    connection: Any = None

    def __init__(
        self,
        read: Callable[[int], bytes],
        length: int | None,
        timeout: float,
        expects: bool,
    ) -> None:
        self._read = read
        self._left = length
        self._timeout = timeout
        self._expects = expects
        self._first = b""

    def begin(self) -> None:
        """Read what comes first, before anything is sent to the upstream.

        Whoever reads the body may ask the upstream something as it begins; an
        upstream that is busy with this request alone could not answer. If it
        is to be asked whether it wants the body, nothing is read yet.

        :raises ClientGone: if the client does not send it
        """
        if not self._expects:
            self._first = self._next()

    def __iter__(self) -> Iterator[bytes]:
        sock = self.connection.sock
        # Until now it was the time for connecting.
        sock.settimeout(self._timeout)
        # TLS also reads for reasons of its own.
        tells = not isinstance(sock, ssl.SSLSocket)
        if tells and self._expects:
            _look(sock, CONTINUE_SECONDS)
        if self._first:
            yield self._first
        while self._left != 0:
            if tells:
                _look(sock, 0)
            try:
                piece = self._next()
            except BaseException:
                _break_off(sock)
                raise
            if not piece:
                break
            yield piece

    def _next(self) -> bytes:
        size = PIECE_BYTES
        if self._left is not None:
            size = min(size, self._left)
        try:
            piece = self._read(size)
        except exc.HTTPException:
            # A filter in front refuses what it saw.
            raise
        except Exception as error:
            # Nothing that urllib3 could take for an error of the upstream.
            raise ClientGone(f"{type(error).__name__}: {error}") from error
        if self._left is not None:
            if not piece:
                raise ClientGone(f"{self._left} bytes of the body are missing")
            self._left -= len(piece)
        return piece


def _look(sock: socket.socket, seconds: float) -> None:
    """See whether the upstream says something before it has the body.

    :param seconds: how long to wait for that
    :raises _Answered: if it does, or closes, and that is no interim answer
    """
    while util.wait_for_read(sock, seconds):
        said = sock.recv(_MAX_INTERIM_BYTES, socket.MSG_PEEK)
        is_interim = said.startswith(_INTERIM) or _INTERIM.startswith(said)
        if not said or not is_interim or said.startswith(_SWITCHING):
            raise _Answered
        end = said.find(_END)
        if end < 0:
            # The rest comes, or is missed when the answer is read.
            return
        sock.recv(end + len(_END))
        if said.startswith(_CONTINUE):
            seconds = 0


def _break_off(sock: socket.socket) -> None:
    """End a request in the middle, and wait until the upstream is done.

    It says so by an answer or by closing. A client that is told that its
    upload is refused may try again at once, and finds the image as it was.
    """
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        util.wait_for_read(sock, BREAK_OFF_SECONDS)


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
            if not 100 <= found[1] <= 199 or found[1] == 101:
                return found
            http.client.parse_headers(self.fp)
        raise http.client.BadStatusLine("too many interim answers")


class _Sender:
    """What both kinds of connections have.

    :ivar has_sent_all: whether the last request was sent to its end
    :ivar idle_since: when it was put into the pool, on the monotonic clock
    """

    has_sent_all = True
    idle_since = 0.0

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

    def put(
        self, item: Any, block: bool = True, timeout: float | None = None
    ) -> None:
        """Keep a connection."""
        if item is not None:
            item.idle_since = time.monotonic()
            if not item.has_sent_all:
                item.close()
        super().put(item, block, timeout)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Return a connection, which connects anew if it is closed."""
        item = super().get(block, timeout)
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
