# SPDX-License-Identifier: Apache-2.0

"""A part of what a store keeps, from what the store sends.

A part that cannot be given is refused before its first byte, or broken off:
no byte is ever sent that stands elsewhere in the image.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from glance_store import exceptions

# RFC 9110, section 14.4.
_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-([0-9]+)/(?:[0-9]+|\*)")


def not_given(why: str) -> Exception:
    """Return the error for a part that the store does not give.

    Glance tries the next location of the image, and answers 400 after the
    last, as a store without random access makes it. So the whole, if it can
    be had, is still asked for.
    """
    error: Exception = exceptions.StoreRandomGetNotSupported(
        message=f"The store does not give the requested part: {why}."
    )
    return error


def range_field(offset: int, length: int | None) -> str:
    """Return the Range field for a part.

    :param offset: the first byte
    :param length: in bytes; None up to the end
    """
    last = offset + length - 1 if length else ""
    return f"bytes={offset}-{last}"


@dataclass(frozen=True)
class Answer:
    """What a store sends when it is asked for a part.

    :ivar chunks: the data, none of which is empty
    :ivar close: closes the source
    :ivar content_range: which part it is, as in the Content-Range of a 206;
        None if it is the whole, because the server ignores the Range field
    """

    chunks: Iterable[bytes]
    close: Callable[[], object]
    content_range: str | None


def of(
    answer: Answer, offset: int, length: int | None
) -> tuple[Iterator[bytes], int | None]:
    """Return a part, and its length in bytes; None if nobody tells.

    :param offset: the first byte of the part
    :param length: in bytes; None up to the end
    :raises StoreRandomGetNotSupported: if the part is not in the answer
    """
    try:
        skip, length = place(answer.content_range, offset, length)
    except exceptions.StoreRandomGetNotSupported:
        answer.close()
        raise
    return cut(answer.chunks, skip, length, answer.close), length


def place(
    content_range: str | None, offset: int, length: int | None
) -> tuple[int, int | None]:
    """Return where in an answer the part is: its offset and its length.

    :param content_range: as in :class:`Answer`
    :param offset: the first byte of the part
    :param length: of the part in bytes; None up to the end
    :raises StoreRandomGetNotSupported: if the part is not in the answer
    """
    if content_range is None:
        return offset, length
    match = _CONTENT_RANGE.fullmatch(content_range)
    if match is None:
        raise not_given(f"the Content-Range is {content_range:.80}")
    first, stop = int(match[1]), int(match[2]) + 1
    if first != offset or stop < offset + (length or 1):
        raise not_given(f"it sent {content_range:.80}")
    return 0, length or stop - offset


def cut(
    chunks: Iterable[bytes],
    offset: int,
    length: int | None,
    close: Callable[[], object],
) -> Iterator[bytes]:
    """Yield a part of what comes in chunks, and read no further.

    :param chunks: the chunks, none of which is empty
    :param offset: how many bytes to leave out
    :param length: of the part in bytes; None up to the end
    :param close: closes the source
    :raises RemoteServiceUnavailable: if the chunks end before the part
    """
    part = _cut(chunks, offset, length, close)
    # Only a generator that was begun does what it does in the end, also if
    # nobody reads on.
    next(part)
    return part


def _cut(
    chunks: Iterable[bytes],
    offset: int,
    length: int | None,
    close: Callable[[], object],
) -> Iterator[bytes]:
    with contextlib.ExitStack() as stack:
        stack.callback(close)
        yield b""
        for chunk in chunks:
            piece, offset = chunk[offset:], max(0, offset - len(chunk))
            if length is not None:
                piece = piece[:length]
                length -= len(piece)
            if piece:
                yield piece
            if length == 0:
                return
        if length or offset:
            short = (length or 0) + offset
            raise exceptions.RemoteServiceUnavailable(
                message=f"The data of the store ended {short} bytes early."
            )
