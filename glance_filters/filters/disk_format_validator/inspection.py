# SPDX-License-Identifier: Apache-2.0

"""What the data of an upload is, and what is done about it."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Callable

from oslo_log import log as logging

from glance_filters import errors
from glance_filters.glance_api import images
from glance_filters.glance_api.request import Request
from glance_filters.wsgi import input_streams, response

try:
    from glance_filters.disk_formats import detection
except ImportError:  # oslo.utils without format inspectors
    detection = None  # type: ignore[assignment]

LOG = logging.getLogger(__name__)


def is_available() -> bool:
    """Return True if data can be inspected."""
    return detection is not None


class UploadInspection:
    """Inspects the data of one upload.

    :param image_id: the image, as the request names it
    :param image: what Glance says of it; None if it does not show it, so that
        only unsafe data is refused
    :param size: how many bytes Glance reads, if it is known
    :param enforce: whether data of another format is refused, rather than
        logged
    """

    def __init__(
        self,
        image_id: str,
        image: images.Image | None,
        size: int | None,
        enforce: bool,
    ) -> None:
        declared = None if image is None else image.disk_format
        container = None if image is None else image.container_format
        self._inspector = detection.ContentInspector(declared, container, size)
        self._image_id = image_id
        self._declared = declared
        self._size = size
        self._seen = 0
        self._enforce = enforce
        self._reported = False

    @property
    def max_head(self) -> int:
        """The longest header of data that has to be judged, in bytes."""
        return detection.MAX_HEAD

    @property
    def head_decided(self) -> bool:
        """True once the header has been judged."""
        return self._inspector.head_decided

    def feed(self, data: bytes) -> None:
        """Judge the next data.

        :raises BadRequest: if it is more than Glance is told to read: some
            stores would keep the beginning, which was not judged alone
        :raises ContentMismatch: if it is in another format
        :raises UnsafeContent: if it is unsafe
        """
        start, self._seen = self._seen, self._seen + len(data)
        if self._size is not None and self._seen > self._size:
            raise errors.BadRequest(
                "The data is longer than x-openstack-image-size"
            )
        # Block by block, as the inspector looks at it: so what is told of
        # data that is wrong twice does not depend on how it comes.
        while data and not self._inspector.decided:
            size = detection.BLOCK - start % detection.BLOCK
            self._judge(functools.partial(self._inspector.feed, data[:size]))
            data, start = data[size:], start + size

    def finish(self) -> None:
        """Signal the end of the data.

        :raises ContentMismatch: if it is in another format
        :raises UnsafeContent: if it is unsafe
        """
        self._judge(self._inspector.finish)

    def _judge(self, step: Callable[[], None]) -> None:
        try:
            step()
        except detection.UnsafeContent as unsafe:
            raise errors.UnsafeContent(
                self._declared or "not known", unsafe.detected, unsafe.reason
            ) from unsafe
        detected = self._inspector.mismatch
        if self._declared is None or detected is None or self._reported:
            return
        self._reported = True
        if self._enforce:
            raise errors.ContentMismatch(self._declared, detected)
        LOG.warning(
            "Accepted despite format mismatch (inspect = warn): image %.80r, "
            "disk_format %.80r, detected %s",
            self._image_id,
            self._declared,
            detected,
        )


def size_of(request: Request, body: input_streams.BodyStream) -> int | None:
    """Return how many bytes of an upload Glance reads, if that is known.

    Glance tells a store the number of ``x-openstack-image-size``, and some
    stores read no further.

    :raises BadRequest: if that is not the length of the body
    """
    size = 0
    # Read as Glance reads it: with a sign, white space or underscores too.
    # What is no number it refuses by itself; up to 0 the size is unknown.
    with contextlib.suppress(KeyError, ValueError):
        size = int(request.environ["HTTP_X_OPENSTACK_IMAGE_SIZE"])
    if size <= 0:
        return body.length
    if body.length not in (None, size):
        raise errors.BadRequest(
            "x-openstack-image-size is not the length of the body"
        )
    return size


class InspectedStream(input_streams.InputStream):
    """A body of which each piece is inspected before it is given on.

    :param body: the body of the request
    :param inspection: inspects it
    :param on_refusal: called if it is refused while Glance reads it
    """

    def __init__(
        self,
        body: input_streams.BodyStream,
        inspection: UploadInspection,
        on_refusal: Callable[[errors.FilterError], None],
    ) -> None:
        super().__init__()
        self._on_refusal = on_refusal
        self._body = body
        self._inspection = inspection
        # What was read before Glance reads it.
        self._head: io.BytesIO | None = None
        self._failure: Exception | None = None
        self._finished = False

    @property
    def is_complete(self) -> bool:
        """Whether all of the body was read."""
        return self._head is None and self._body.is_complete

    def read_head(self, max_bytes: int) -> None:
        """Judge the beginning, as far as it is needed for a decision.

        :param max_bytes: how much may be kept until Glance reads it
        :raises FilterError: to refuse the upload
        """
        pieces = []
        length = 0
        while length < max_bytes and not self._inspection.head_decided:
            size = min(input_streams.PIECE, max_bytes - length)
            try:
                piece = self._body.piece(size)
            except Exception as error:
                # Glance meets it where it would have met it.
                self._failure = error
                break
            pieces.append(piece)
            length += len(piece)
            self._look_at(piece)
            if not piece or self._body.is_complete:
                break
        self._head = io.BytesIO(b"".join(pieces))

    def piece(self, size: int) -> bytes:
        """Return what comes next, once it was inspected.

        :raises HTTPException: to refuse the upload: Glance deletes what it
            has stored of it, restores the image's status and answers with it
        """
        if self._head is not None:
            data = self._head.read(size)
            if self._head.tell() == len(self._head.getbuffer()):
                self._head = None
            if data:
                return data
        if self._failure is not None:
            raise self._failure
        data = self._body.piece(size)
        try:
            self._look_at(data)
        except errors.FilterError as error:
            self._on_refusal(error)
            # Once refused, it is refused for good.
            self._failure = response.from_error(error)
            raise self._failure from error
        return data

    def _look_at(self, data: bytes) -> None:
        if data:
            self._inspection.feed(data)
        if self._body.is_complete and not self._finished:
            self._finished = True
            self._inspection.finish()
