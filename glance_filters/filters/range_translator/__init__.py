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
HTTP_IF_NONE_MATCH, HTTP_IF_RANGE, HTTP_USER_AGENT, HTTP_WANT_REPR_DIGEST,
api.version, api.cache.image. HTTP_ACCEPT_ENCODING is removed from a download.
Glance sees no Range, Content-Range or If-* field but the filter's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from glance_filters import errors, stores
from glance_filters.filters import base, configuration, findings
from glance_filters.filters.range_translator import (
    image_data,
    legacy,
    options,
    responses,
    sources,
)
from glance_filters.glance_api import calls
from glance_filters.glance_api.request import Request
from glance_filters.http import byte_ranges

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_DOWNLOADS = (calls.DOWNLOAD_IMAGE, calls.HEAD_DOWNLOAD)
_FIELD_VALUE = re.compile("[\x20-\x7e]*")


class RangeTranslator(base.Filter[options.RangeTranslatorSettings]):
    """Answers requests for parts of images."""

    name = "range_translator"
    opts = options.OPTS
    api_calls = (
        *_DOWNLOADS,
        calls.SHOW_VERSIONS,
        calls.CALL_OF_MINOR_VERSION,
    )

    def __init__(
        self, app: WSGIApplication, config: configuration.Configuration
    ) -> None:
        super().__init__(app, config)
        self._old_glance = legacy.OldGlance()

    @classmethod
    def make_settings(
        cls, values: Mapping[str, Any], config: configuration.Configuration
    ) -> options.RangeTranslatorSettings:
        """Make the settings of the options' values."""
        if not _FIELD_VALUE.fullmatch(values["cache_control"]):
            raise ValueError("cache_control is no value of a header field")
        return options.RangeTranslatorSettings(**values)

    @classmethod
    def check(
        cls, place: str, config: configuration.Configuration
    ) -> Iterator[findings.Finding]:
        """Yield how parts of images are read from each store."""
        backends = config.of_service(None, "enabled_backends") or {}
        types = config.values()["random_access_stores"]
        for each in stores.survey(backends, types):
            reads = "from any position, "
            if each.access is stores.Access.NONE:
                reads = "as a whole only: "
            yield findings.Finding(
                place,
                f"store {each.name} ({each.type}) is read {reads}"
                f"{each.reason or each.access.value}",
                "See the documentation of stores",
                True,
            )

    def prepare(self, settings: options.RangeTranslatorSettings) -> None:
        """Have the stores read as the settings say, if there are stores yet.

        Releases of Glance on eventlet make them after the pipeline.
        """
        stores.install(settings.random_access_stores)

    def handle(
        self, request: Request, settings: options.RangeTranslatorSettings
    ) -> WSGIApplication | None:
        """Answer a download, or a request about the API versions."""
        is_download = request.call in _DOWNLOADS
        if is_download:
            # In front of us it may make a filter (Glance's own gzip) code the
            # response, under the entity tag of what is not coded; a part that
            # is coded by itself is of no use at all. So it is taken out of
            # the environ that this filter shares with ours.
            request.environ.pop("HTTP_ACCEPT_ENCODING", None)
        if settings.add_api_version:
            response = self._old_glance.add_version(request)
            if response is not None:
                return response
        return self._download(request, settings) if is_download else None

    def _download(
        self, request: Request, settings: options.RangeTranslatorSettings
    ) -> WSGIApplication:
        environ = request.environ
        if "HTTP_RANGE" in environ or "HTTP_CONTENT_RANGE" in environ:
            stores.install(settings.random_access_stores, is_serving=True)
        data = image_data.ImageData(request)
        parts = self._old_glance.parts_source(
            request, data, settings.core_protocol
        )
        download = responses.Download(
            data, sources.AnySource(data, parts), environ, settings
        )
        # Range is defined for GET only (RFC 9110, 14.2).
        if environ["REQUEST_METHOD"] == "GET":
            text = environ.get("HTTP_RANGE")
            if text is not None:
                try:
                    specs = byte_ranges.parse(text, settings.limits)
                except (byte_ranges.Invalid, byte_ranges.TooCostly):
                    return download.whole()
                return download.partial(specs)
            if "HTTP_CONTENT_RANGE" in environ:
                if settings.request_content_range == "refuse":
                    raise errors.DeprecatedHeader
                return self._old_glance.respond_to_content_range(
                    request, download
                )
        return download.whole()
