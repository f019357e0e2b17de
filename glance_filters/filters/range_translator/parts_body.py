# SPDX-License-Identifier: Apache-2.0

"""The body of a 206: parts of an image, out of Glance's responses."""

from __future__ import annotations

from collections.abc import Iterator

from oslo_log import log as logging

from glance_filters.filters.range_translator import planning, sources
from glance_filters.filters.range_translator.image_data import ImageData
from glance_filters.filters.range_translator.planning import Plan, Read
from glance_filters.filters.range_translator.sources import (
    Opened,
    Source,
)
from glance_filters.http import multipart
from glance_filters.wsgi import bodies

LOG = logging.getLogger(__name__)


class PartsBody:
    """Reads the parts of a plan, one after the other.

    Nothing of the data is kept.

    :param source: where parts come from
    :param plan: the parts, and how they are read
    :param opened: what is open already, taken over
    :param framing: what is around the parts; None for one part alone
    :param max_rest: how many bytes may be read after the last part, so that
        Glance's cache gets the whole image
    :param data: the image; what it has open is taken over
    """

    def __init__(
        self,
        source: Source,
        plan: Plan,
        opened: Opened,
        framing: multipart.Framing | None,
        max_rest: int,
        data: ImageData,
    ) -> None:
        self._source = source
        self._plan = plan
        self._opened = opened
        self._framing = framing
        self._max_rest = max_rest
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body.

        :raises WrongLength: if Glance sends less or more than it should
        """
        try:
            yield from self._chunks()
        except bodies.WrongLength as error:
            LOG.error(
                "Aborting the download of image %.80r: %s",
                self._data.image_id,
                error,
            )
            raise
        self._opened.finish(self._max_rest)

    def _chunks(self) -> Iterator[bytes]:
        heads = iter(self._framing.heads if self._framing else (b"",))
        for read in self._plan.all:
            if read is not self._plan.opened:
                self._open(read)
            for part in read.parts:
                if head := next(heads):
                    yield head
                yield from self._opened.read(part)
        if self._framing:
            yield self._framing.end

    def _open(self, read: Read) -> None:
        before = self._opened
        before.close()
        try:
            self._opened = self._source.open(planning.spec_of(read))
        except sources.Refused as refused:
            refused.response.close()
            raise bodies.WrongLength(f"Glance answered {refused}") from None
        except sources.Unsatisfied:
            raise bodies.WrongLength("the image became shorter") from None
        if not self._opened.is_same(before):
            raise bodies.WrongLength("the image changed")

    def close(self) -> None:
        """Close what is open."""
        self._opened.close()
        self._data.close()
