# SPDX-License-Identifier: Apache-2.0

"""Bodies of answers: iterables with one owner, who closes them.

Nothing is kept of what has passed, but for one chunk.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Iterable, Iterator

LOG = logging.getLogger(__name__)


class WrongLength(Exception):
    """A body was shorter or longer than was promised.

    Raised while it is sent: the server then breaks the connection, and the
    client does not take what it got for the whole.
    """


def close(body: Iterable[bytes]) -> None:
    """Close a WSGI iterable, if it can be closed.

    A failure is only logged, as servers do: it changes nothing of the
    response, which may tell of a change that was made.
    """
    method = getattr(body, "close", None)
    if method is None:
        return
    try:
        method()
    except Exception:
        LOG.warning("Could not close a response", exc_info=True)


class Rest(enum.Enum):
    """What may follow a part in a body.

    ``NOTHING_AT_HAND`` is for a body whose end nobody can wait for: no chunk
    is asked for after the part.
    """

    ANYTHING = enum.auto()
    NOTHING_AT_HAND = enum.auto()
    NOTHING = enum.auto()


class Cursor:
    """A body that is read forward, part by part.

    :param body: a WSGI iterable, taken over
    :ivar position: how many bytes of it were read or left out
    """

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body
        self._chunks = iter(body)
        self._chunk = b""
        self.position = 0

    def _fill(self) -> bool:
        """Have a chunk to take from; False at the end of the body."""
        while not self._chunk:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._chunk = chunk
        return True

    def _skip(self, start: int) -> None:
        """Leave out what comes before *start*, or all if the body ends."""
        surplus = self.position + len(self._chunk) - start
        if surplus >= 0:
            self._chunk = self._chunk[len(self._chunk) - surplus :]
            self.position = start
            return
        # There may be millions of chunks: only their lengths are looked at.
        position = self.position + len(self._chunk)
        self._chunk = b""
        for chunk in self._chunks:
            position += len(chunk)
            if position >= start:
                self._chunk = chunk[len(chunk) - (position - start) :]
                position = start
                break
        self.position = position

    def part(
        self, start: int, stop: int, rest: Rest = Rest.ANYTHING
    ) -> Iterator[bytes]:
        """Yield the bytes from *start* to *stop*, reading no further.

        :param start: at least the position
        :param rest: what may follow in the body. If nothing may, the last
            piece is held back until that is certain, so that nobody takes
            the beginning of something longer for the whole
        :raises WrongLength: if the body ends before, or does not where it
            must
        """
        self._skip(start)
        while self.position < stop:
            if not self._fill():
                raise WrongLength(
                    f"the data ended after {self.position} of {stop} bytes"
                )
            wanted = stop - self.position
            piece, self._chunk = self._chunk[:wanted], self._chunk[wanted:]
            self.position += len(piece)
            if self.position == stop and self._goes_on(rest):
                raise WrongLength(f"the data goes on after {stop} bytes")
            yield piece

    def _goes_on(self, rest: Rest) -> bool:
        if rest is Rest.ANYTHING:
            return False
        if rest is Rest.NOTHING:
            self._fill()
        return bool(self._chunk)

    def drain(self) -> None:
        """Read the body to its end."""
        for _ in self._chunks:
            pass

    def close(self) -> None:
        """Close the body."""
        close(self._body)
