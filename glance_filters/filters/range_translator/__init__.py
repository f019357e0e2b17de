# SPDX-License-Identifier: Apache-2.0

"""Byte ranges on image downloads, whatever Glance behind understands.

GET of an image's data is answered as RFC 9110 (sections 13 and 14) asks: one
range or several, conditions, HEAD. Glance is asked for parts by ``Range``,
by the old ``Content-Range`` request header, or not at all, and what it cannot
give in parts is cut out of the whole. Where the filter cannot improve an
answer, Glance's own passes untouched.

Place it after the filters that establish the user's identity, behind the
other filters of this package, and before ``cache``::

    [filter:range_translator]
    use = egg:glance-filters#range_translator

environ keys read: REQUEST_METHOD, PATH_INFO, SCRIPT_NAME, QUERY_STRING,
HTTP_ACCEPT, HTTP_RANGE, HTTP_CONTENT_RANGE, HTTP_IF_MATCH,
HTTP_IF_NONE_MATCH, HTTP_IF_RANGE, HTTP_USER_AGENT, api.version. Glance
sees no Range, Content-Range or If-* field but the filter's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glance_filters import errors
from glance_filters.filters import base, configuration
from glance_filters.filters.range_translator import (
    options,
    responses,
    sources,
)
from glance_filters.filters.range_translator.legacy import (
    content_range,
    protocol,
    versions,
)
from glance_filters.glance_api import calls
from glance_filters.glance_api.request import Request
from glance_filters.http import byte_ranges

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class RangeTranslator(base.Filter[options.RangeTranslatorSettings]):
    """Answers requests for parts of images."""

    name = "range_translator"
    opts = options.OPTS
    api_calls = (
        calls.DOWNLOAD_IMAGE,
        calls.HEAD_DOWNLOAD,
        calls.SHOW_VERSIONS,
        calls.CALL_OF_MINOR_VERSION,
    )

    def __init__(
        self, app: WSGIApplication, config: configuration.Configuration
    ) -> None:
        super().__init__(app, config)
        self._version = protocol.GlanceVersion()
        self._deprecation = content_range.DeprecationLog()

    @classmethod
    def make_settings(
        cls, values: Mapping[str, Any], config: configuration.Configuration
    ) -> options.RangeTranslatorSettings:
        """Make the settings of the options' values."""
        return options.RangeTranslatorSettings(**values)

    def handle(
        self, request: Request, settings: options.RangeTranslatorSettings
    ) -> WSGIApplication | None:
        """Answer a download, or a request about the API versions."""
        if settings.add_api_version:
            if request.call == calls.SHOW_VERSIONS:
                return versions.response_with_added(request)
            versions.rewrite_added(request, self._version)
        if request.call == calls.HEAD_DOWNLOAD:
            download = self._download(request, settings)
            return responses.plain(download, request.environ, is_head=True)
        if request.call != calls.DOWNLOAD_IMAGE:
            return None
        text = request.environ.get("HTTP_RANGE")
        if text is not None:
            wanted = _wanted(text, settings.limits)
        elif "HTTP_CONTENT_RANGE" in request.environ:
            return self._legacy(request, settings)
        else:
            wanted = None
        download = self._download(request, settings)
        if wanted is None:
            return responses.plain(download, request.environ)
        return responses.partial(
            download, request.environ, wanted, settings.limits
        )

    def _legacy(
        self, request: Request, settings: options.RangeTranslatorSettings
    ) -> WSGIApplication:
        """Answer a request with the old header."""
        if settings.request_content_range == "refuse":
            raise errors.DeprecatedHeader
        self._deprecation.note(request.environ)
        download = self._download(request, settings)
        try:
            part, size = byte_ranges.parse_content_range(
                request.environ["HTTP_CONTENT_RANGE"]
            )
        except byte_ranges.Invalid:
            record = download.record()
            answer = responses.unsatisfied(
                download, None if record is None else record.size
            )
        else:
            spec = byte_ranges.RangeSpec(part.start, part.stop - 1)
            answer = responses.partial(
                download,
                request.environ,
                responses.Wanted([spec], size),
                settings.limits,
            )
        return content_range.deprecated(answer)

    def _download(
        self, request: Request, settings: options.RangeTranslatorSettings
    ) -> sources.ImageDownload:
        if settings.core_protocol == "auto":
            spoken = protocol.protocol_of(self._version.minor(request))
        else:
            spoken = protocol.Protocol(settings.core_protocol)
        return sources.ImageDownload(request, spoken)


def _wanted(text: str, limits: byte_ranges.Limits) -> responses.Wanted | None:
    """Return what a Range field asks for; None if it is to be ignored."""
    try:
        return responses.Wanted(byte_ranges.parse(text, limits))
    except (byte_ranges.Invalid, byte_ranges.TooCostly):
        return None
