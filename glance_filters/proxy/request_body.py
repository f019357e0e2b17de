# SPDX-License-Identifier: Apache-2.0

"""The body of a request, on its way from the client to the upstream."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

from urllib3 import util
from webob import exc

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
_END = b"\r\n\r\n"


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
