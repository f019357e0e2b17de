# SPDX-License-Identifier: Apache-2.0

"""The door to all that exists for releases of Glance before Range.

Newton and Ocata take a part from ``Content-Range`` in the *request*; older
ones give out none. Clients of theirs send that field, and look for the API
version of which downloads understand ``Range``.
"""

from __future__ import annotations

from collections.abc import Callable

from glance_filters.filters.range_translator import sources
from glance_filters.filters.range_translator.image_data import ImageData
from glance_filters.filters.range_translator.legacy import (
    content_range,
    protocol,
    versions,
)
from glance_filters.filters.range_translator.responses import Download
from glance_filters.glance_api import calls
from glance_filters.glance_api.request import Request
from glance_filters.wsgi.response import CapturedResponse

_SOURCES: dict[str, Callable[[ImageData], sources.Source]] = {
    protocol.RANGE: sources.RangeSource,
    protocol.CONTENT_RANGE: content_range.ContentRangeSource,
    protocol.NONE: sources.WholeSource,
}


class OldGlance:
    """What a filter does because Glance, or a client, is old."""

    def __init__(self) -> None:
        self._version = protocol.GlanceVersion()
        self._log = content_range.DeprecationLog()

    def add_version(self, request: Request) -> CapturedResponse | None:
        """Act on a request that is about the API versions.

        Its URL is changed if it is of a version that Glance does not know.

        :returns: the response to a request for the versions document
        """
        if request.call is calls.SHOW_VERSIONS:
            return versions.response_with_added(request)
        versions.rewrite_added(request, self._version)
        return None

    def parts_source(
        self, request: Request, data: ImageData, name: str
    ) -> sources.Source:
        """Return the source of parts that this Glance understands.

        :param name: the value of ``core_protocol``
        """
        if name == "auto":
            name = protocol.protocol_of(self._version.minor(request))
        return _SOURCES[name](data)

    def respond_to_content_range(
        self, request: Request, download: Download
    ) -> CapturedResponse:
        """Answer a download that asks for a part by ``Content-Range``.

        :raises FilterError: as :meth:`.Download.partial`
        """
        self._log.note(request.environ)
        return content_range.respond(
            download, request.environ["HTTP_CONTENT_RANGE"]
        )
