# SPDX-License-Identifier: Apache-2.0

"""Where the bytes of an image come from, whatever Glance understands.

A source has one method, ``open(spec)``: it asks Glance once, and returns a
response that holds the bytes, or raises what Glance says instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from oslo_log import log as logging

from glance_filters.filters.range_translator.image_data import ImageData
from glance_filters.http import byte_ranges
from glance_filters.http.byte_ranges import ByteRange, RangeSpec
from glance_filters.wsgi import bodies
from glance_filters.wsgi.response import CapturedResponse

LOG = logging.getLogger(__name__)

# A store without random access; a failure over a part, which Glance 33.0.0
# also has for an image without data; a service that knows no Range.
_NO_PARTS = frozenset((400, 500, 501))


class Refused(Exception):
    """Glance answers with something that is not data.

    :ivar response: its response, which may be sent to the client
    """

    def __init__(self, response: CapturedResponse) -> None:
        super().__init__(response.status)
        self.response = response


class Unsatisfied(Exception):
    """The user may download the image, but it does not have this range.

    :ivar size: the image's size in bytes, if Glance tells it
    """

    def __init__(self, size: int | None) -> None:
        super().__init__(size)
        self.size = size


class NoParts(Exception):
    """Glance does not give out parts of this image; the text says why."""


class Opened:
    """A response of Glance that holds bytes of an image, read forward.

    :param response: the response, taken over
    :param size: the size of the image in bytes, if it is known
    :param span: what the response holds; None for the whole image
    :param rest: what may follow a part
    :ivar is_whole: whether it is the response to a plain request
    """

    def __init__(
        self,
        response: CapturedResponse,
        size: int | None,
        span: ByteRange | None = None,
        rest: bodies.Rest = bodies.Rest.ANYTHING,
    ) -> None:
        self.response = response
        self.size = size
        self.is_whole = span is None
        self.span = ByteRange(0, size or 0) if span is None else span
        self._rest = rest
        self._made_cursor: bodies.Cursor | None = None

    @property
    def _cursor(self) -> bodies.Cursor:
        if self._made_cursor is None:
            self._made_cursor = bodies.Cursor(self.response.body)
        return self._made_cursor

    def read(self, part: ByteRange) -> Iterator[bytes]:
        """Yield the bytes of a part, which comes after those read before.

        :raises WrongLength: if Glance sends less or more than it should
        """
        start = self.span.start
        is_last = part.stop == self.span.stop
        return self._cursor.part(
            part.start - start,
            part.stop - start,
            self._rest if is_last else bodies.Rest.ANYTHING,
        )

    def is_same(self, other: Opened) -> bool:
        """Return True if both are of the same data, as far as Glance says."""
        md5s = {each.response.header("Content-MD5") for each in (self, other)}
        return self.size == other.size and len(md5s - {None}) < 2

    def finish(self, max_bytes: int) -> None:
        """Read the whole image to its end, if that is near.

        Then Glance's cache keeps it; of what is closed before its end, the
        cache keeps a useless file.
        """
        if (
            self.is_whole
            and self.span.stop - self._cursor.position <= max_bytes
        ):
            try:
                self._cursor.drain()
            except Exception as error:
                # The client has got all that it was promised.
                LOG.warning("Could not read an image to its end: %s", error)

    def close(self) -> None:
        """Close the response."""
        self.response.close()


class Source(Protocol):
    """Gives out bytes of an image."""

    def open(self, spec: RangeSpec) -> Opened:
        """Ask Glance for a range.

        :returns: a response that holds the range, or the whole image
        :raises Refused: if Glance does not answer with data
        :raises Unsatisfied: if the image does not have this range
        :raises NoParts: if Glance does not give out parts
        """


class WholeSource:
    """Asks for the whole image, of which parts are cut."""

    def __init__(self, data: ImageData) -> None:
        self._data = data

    def open(self, spec: RangeSpec) -> Opened:
        """Ask Glance for the whole image."""
        return opened_whole(self._data, self._data.fetch())


class RangeSource:
    """Asks by ``Range``, as Glance understands it since Pike."""

    def __init__(self, data: ImageData) -> None:
        self._data = data

    def open(self, spec: RangeSpec) -> Opened:
        """Ask Glance for the range as it is written."""
        response = fetch_part(
            self._data, "HTTP_RANGE", byte_ranges.format_spec(spec)
        )
        if response.code == 206:
            return self._opened(response, spec)
        if response.code == 200:
            return opened_whole(self._data, response)
        if response.code == 416:
            response.close()
            raise Unsatisfied(
                byte_ranges.parse_unsatisfied(
                    response.header("Content-Range") or ""
                )
            )
        if response.code in _NO_PARTS:
            response.close()
            raise NoParts(f"status {response.status}")
        raise Refused(response)

    def _opened(self, response: CapturedResponse, spec: RangeSpec) -> Opened:
        part, size = claimed(response)
        if size is None:
            size = self._data.size
        if (
            part is None
            or size is None
            or (byte_ranges.within(spec, size) != part)
        ):
            response.close()
            raise NoParts("another part than was asked for")
        return Opened(response, size, part, bodies.Rest.NOTHING)


class AnySource:
    """Asks for parts, and for the whole as soon as there are none.

    :param parts: the source to ask first
    :ivar reason: why the whole is asked for, if it is
    """

    def __init__(self, data: ImageData, parts: Source) -> None:
        self._data = data
        self._source = parts
        self.reason = ""

    def open(self, spec: RangeSpec) -> Opened:
        """Ask Glance for a range.

        :raises Refused: if Glance does not answer with data
        :raises Unsatisfied: if the image does not have this range
        """
        opened = None
        try:
            opened = self._source.open(spec)
        except NoParts as error:
            self.reason = str(error)
        if opened is None or opened.is_whole:
            # Remembered for the rest of the request.
            self._source = WholeSource(self._data)
        return opened or self._source.open(spec)


def fetch_part(data: ImageData, key: str, value: str) -> CapturedResponse:
    """Ask Glance for a part, by a field of the request.

    :param key: the environ key of the field
    :raises NoParts: if Glance fails over it
    """
    try:
        return data.fetch({key: value})
    except Exception:
        LOG.exception(
            "Glance failed over a request for a part of image %.80r; asking "
            "for the whole image",
            data.image_id,
        )
        raise NoParts("Glance failed") from None


def is_image(response: CapturedResponse) -> bool:
    """Return True if a response is the data of an image as it is."""
    return response.code == 200 and not response.header("Content-Encoding")


def opened_whole(data: ImageData, response: CapturedResponse) -> Opened:
    """Return the response to a plain request, if it is the image's data.

    :raises Refused: if it is not, or if nothing can be cut out of it
    """
    if not is_image(response):
        raise Refused(response)
    size = response.content_length()
    return Opened(response, data.size if size is None else size)


def claimed(
    response: CapturedResponse,
) -> tuple[ByteRange | None, int | None]:
    """Return the part that a 206 says it is, and the image's size.

    :returns: None for what it does not say, or contradicts
    """
    if response.header("Content-Encoding"):
        return None, None
    try:
        part, size = byte_ranges.parse_content_range(
            response.header("Content-Range") or ""
        )
    except byte_ranges.Invalid:
        return None, None
    length = response.content_length()
    if length is not None and length != part.length:
        return None, None
    return part, size
