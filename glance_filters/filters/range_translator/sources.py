# SPDX-License-Identifier: Apache-2.0

"""Parts of an image's data from a core, whatever the core understands.

A core is asked for exactly the part that is wanted, in its own protocol. What
it cannot give in parts, or claims wrongly, is cut out of the whole, which is
read no further than needed, and once for parts that ascend.
"""

from __future__ import annotations

from collections.abc import Iterator

from oslo_log import log as logging

from glance_filters import errors
from glance_filters.filters.range_translator.legacy.protocol import Protocol
from glance_filters.glance_api import images
from glance_filters.glance_api.request import Request
from glance_filters.http import byte_ranges
from glance_filters.http.byte_ranges import ByteRange
from glance_filters.wsgi import bodies, response

LOG = logging.getLogger(__name__)

# What makes a request partial or conditional: the core is not to see it.
_FIELDS = (
    "HTTP_RANGE",
    "HTTP_CONTENT_RANGE",
    "HTTP_IF_MATCH",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_RANGE",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_UNMODIFIED_SINCE",
)


class ImageDownload:
    """One client's download of one image.

    :param request: the client's request
    :param protocol: what Glance understands
    """

    def __init__(self, request: Request, protocol: Protocol) -> None:
        self._request = request
        self._protocol = protocol
        self._record: images.Image | None = None
        self._looked_up = False
        # What is read from, and where its first byte is in the image; a
        # partial answer ends where the part does.
        self._answer: response.CapturedResponse | None = None
        self._cursor: bodies.Cursor | None = None
        self._offset = 0
        self._partial = False

    @property
    def known_record(self) -> images.Image | None:
        """The image's record, if it was looked up."""
        return self._record

    def record(self) -> images.Image | None:
        """Return the image's record; the core is asked for it once."""
        if not self._looked_up:
            self._looked_up = True
            try:
                self._record = self._request.fetch_image()
            except (images.ImageHidden, errors.ImageUnknown):
                self._record = None
        return self._record

    def whole(self) -> response.CapturedResponse:
        """Return the core's answer to a plain request for the data."""
        self.close()
        return self._ask({})

    def _ask(self, fields: dict[str, str]) -> response.CapturedResponse:
        return self._request.capture(
            {**fields, "REQUEST_METHOD": "GET"}, without=_FIELDS
        )

    def _ask_part(
        self, fields: dict[str, str]
    ) -> response.CapturedResponse | None:
        """Ask for a part; None if the core breaks over it.

        Glance 33.0.0 does for an image without data.
        """
        try:
            return self._ask(fields)
        except Exception:
            LOG.exception("The core failed over a request for a part")
            return None

    def open_spec(
        self, spec: byte_ranges.RangeSpec
    ) -> tuple[ByteRange, int] | None:
        """Ask for a range of an image whose size is not known yet.

        :param spec: one range that is no suffix
        :returns: the range and the size of the image in bytes; None if the
            core does not give just that
        """
        if self._protocol is not Protocol.RANGE or spec.first is None:
            return None
        answer = self._ask_part({"HTTP_RANGE": byte_ranges.format_spec(spec)})
        if answer is None:
            return None
        claimed, size = _claimed(answer) or (None, None)
        if claimed is None or size is None:
            answer.close()
            return None
        if byte_ranges.within(spec, size) != claimed:
            answer.close()
            return None
        self._take(answer, claimed.start, partial=True)
        return claimed, size

    def open_part(
        self, wanted: ByteRange, size: int
    ) -> response.CapturedResponse | None:
        """Make a part the next to read.

        :param wanted: the part, within the image
        :param size: the size of the image in bytes
        :returns: None if it can be read, or else the core's answer, which is
            neither the part nor the whole
        """
        cursor = None if self._partial else self._cursor
        if cursor is not None and wanted.start >= cursor.position:
            return None
        self.close()
        if self._protocol is not Protocol.NONE:
            answer = self._ask_part(self._fields(wanted, size))
            if answer is not None:
                if self._is_part(answer, wanted, size):
                    self._take(answer, wanted.start, partial=True)
                    return None
                if answer.code == 200:
                    return self._take_whole(answer)
                answer.close()
        return self._take_whole(self.whole())

    def _fields(self, wanted: ByteRange, size: int) -> dict[str, str]:
        if self._protocol is Protocol.RANGE:
            return {"HTTP_RANGE": byte_ranges.format_range(wanted)}
        text = byte_ranges.format_content_range(wanted, size)
        return {"HTTP_CONTENT_RANGE": text}

    def _is_part(
        self, answer: response.CapturedResponse, wanted: ByteRange, size: int
    ) -> bool:
        if self._protocol is Protocol.CONTENT_RANGE:
            # These answer 200 or 206, and promise what they like; how much
            # they do send is checked while it is read.
            return answer.code in (200, 206)
        part = _claimed(answer)
        return part is not None and part in ((wanted, size), (wanted, None))

    def _take_whole(
        self, answer: response.CapturedResponse
    ) -> response.CapturedResponse | None:
        if answer.code != 200:
            return answer
        self._take(answer, 0, partial=False)
        return None

    def _take(
        self, answer: response.CapturedResponse, offset: int, partial: bool
    ) -> None:
        self._answer = answer
        self._cursor = bodies.Cursor(answer.body)
        self._offset = offset
        self._partial = partial

    def header(self, name: str) -> str | None:
        """Return a header field of the answer that is read from."""
        return None if self._answer is None else self._answer.header(name)

    def read(self, part: ByteRange) -> Iterator[bytes]:
        """Yield the part that was opened.

        :raises WrongLength: if the core sends less or more than it should
        """
        if self._cursor is None:
            raise ValueError("no part was opened")
        try:
            yield from self._cursor.part(
                part.start - self._offset,
                part.stop - self._offset,
                ends=self._partial,
            )
        except bodies.WrongLength as error:
            LOG.error(
                "Breaking off a download of image %.80r: %s",
                self._request.image_id,
                error,
            )
            raise

    def close(self) -> None:
        """Close what is read from."""
        answer, self._answer, self._cursor = self._answer, None, None
        if answer is not None:
            answer.close()


def _claimed(
    answer: response.CapturedResponse,
) -> tuple[ByteRange, int | None] | None:
    """Return the part that an answer says it is, if it says so rightly."""
    if answer.code != 206:
        return None
    try:
        part, size = byte_ranges.parse_content_range(
            answer.header("Content-Range") or ""
        )
    except byte_ranges.Invalid:
        return None
    length = answer.content_length()
    if length is not None and length != len(part):
        return None
    return part, size
