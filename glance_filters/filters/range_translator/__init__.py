# SPDX-License-Identifier: Apache-2.0

"""Byte ranges on image downloads, whatever the core behind understands.

GET of an image's data is answered as RFC 9110 (sections 13 and 14) asks: one
range or several, conditions, HEAD. The core is asked for parts by ``Range``,
by the old ``Content-Range`` request header, or not at all, and what it cannot
give in parts is cut out of the whole. Where the filter cannot improve an
answer, the core's own passes untouched.

Place it after the filters that establish the user's identity, behind the
other filters of this package, and before ``cache``::

    [filter:range_translator]
    use = egg:glance-filters#range_translator

environ keys read: REQUEST_METHOD, PATH_INFO, SCRIPT_NAME, QUERY_STRING,
HTTP_ACCEPT, HTTP_RANGE, HTTP_CONTENT_RANGE, HTTP_IF_MATCH,
HTTP_IF_NONE_MATCH, HTTP_IF_RANGE, HTTP_USER_AGENT, api.version. The core
sees no Range, Content-Range or If-* field but the filter's own.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oslo_config import cfg

from glance_filters import errors
from glance_filters.filters import base, configuration, counters
from glance_filters.filters.range_translator import responses, sources
from glance_filters.filters.range_translator.legacy import (
    content_range,
    versions,
)
from glance_filters.filters.range_translator.legacy import (
    protocol as core_protocol,
)
from glance_filters.glance_api import api_calls
from glance_filters.http import byte_ranges
from glance_filters.wsgi import response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

NAME = "range_translator"

OPTS: tuple[cfg.Opt, ...] = (
    base.enabled_opt("answers requests for parts of an image"),
    cfg.StrOpt(
        "core_protocol",
        default="auto",
        choices=[
            ("auto", "ask the core for its versions, and remember them"),
            ("range", "by the Range header, as Glance does since Pike"),
            (
                "content-range",
                "by the Content-Range request header, as Glance did before",
            ),
            ("none", "not at all: parts are cut out of the whole image"),
        ],
        mutable=True,
        help="How the core behind the filter is asked for a part of an image.",
    ),
    cfg.IntOpt(
        "max_ranges",
        default=100,
        min=1,
        mutable=True,
        help=(
            "The largest number of ranges that one request may ask for. A "
            "request for more is answered with the whole image."
        ),
    ),
    cfg.IntOpt(
        "max_overlaps",
        default=2,
        min=0,
        mutable=True,
        help=(
            "How many ranges of one request may overlap others. A request "
            "with more is answered with the whole image."
        ),
    ),
    cfg.StrOpt(
        "request_content_range",
        default="accept",
        choices=[
            ("accept", "as a range; the answer says that it is deprecated"),
            ("refuse", "with 400 Bad Request"),
        ],
        mutable=True,
        help=(
            "How the Content-Range header in a request is answered, by which "
            "old clients of Glance ask for a part of an image."
        ),
    ),
    cfg.BoolOpt(
        "add_api_version",
        default=True,
        mutable=True,
        help=(
            "Whether a core that is older than the Range header (its highest "
            "version is below 2.6) gets one minor version more in its "
            "versions document, and in the URLs that it understands. The "
            "filter must stand before version negotiation for that."
        ),
    ),
    *counters.OPTS,
)

# What each path of a download holds, whatever the method.
_DATA = "/file"

_VERSIONS_PATHS = versions.PATHS

# Far more than any versions document.
_MAX_DOCUMENT_BYTES = 1024 * 1024


@dataclass(frozen=True)
class RangeTranslatorSettings:
    """The values of the filter's options."""

    enabled: bool
    core_protocol: str
    max_ranges: int
    max_overlaps: int
    request_content_range: str
    add_api_version: bool

    @functools.cached_property
    def limits(self) -> byte_ranges.Limits:
        """When the whole is sent instead of parts."""
        return byte_ranges.Limits(self.max_ranges, self.max_overlaps)


class RangeTranslator(base.Filter[RangeTranslatorSettings]):
    """Answers requests for parts of images."""

    name = NAME
    opts = OPTS
    calls = (api_calls.DOWNLOAD_IMAGE, api_calls.HEAD_DOWNLOAD)
    settings_class = RangeTranslatorSettings

    def __init__(
        self, app: WSGIApplication, config: configuration.Configuration
    ) -> None:
        super().__init__(app, config)
        self._version = core_protocol.CoreVersion(app, self.name)
        self._deprecation = content_range.DeprecationLog()

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Hand the request on; old cores also get a version more."""
        path = environ.get("PATH_INFO", "")
        if path in _VERSIONS_PATHS:
            if self._adds_version(environ):
                return self._versions(environ)(environ, start_response)
        elif (
            # Spares most requests the call of startswith().
            "." in path
            and path.startswith("/v2.")
            and self._adds_version(environ)
        ):
            environ = self._of_added_version(environ)
        if _DATA in path:
            return super().__call__(environ, start_response)
        return self._app(environ, start_response)

    def _adds_version(self, environ: WSGIEnvironment) -> bool:
        settings = self._settings
        return (
            settings.enabled
            and settings.add_api_version
            and api_calls.NEGOTIATED_KEY not in environ
        )

    def _versions(self, environ: WSGIEnvironment) -> WSGIApplication:
        """Return the answer to a request for the versions document."""
        answer = response.ask(self._app, environ)
        if answer.code not in (200, 300) or answer.header("Content-Encoding"):
            return answer
        body = answer.read(_MAX_DOCUMENT_BYTES)
        added = None if body is None else versions.with_added(body)
        return answer if added is None else answer.with_body(added)

    def _of_added_version(self, environ: WSGIEnvironment) -> WSGIEnvironment:
        """Return the request as one of a version that the core knows."""
        added = versions.added(self._version.minor(environ))
        version, slash, rest = environ["PATH_INFO"][1:].partition("/")
        if version != f"v2.{added}":
            return environ
        return {**environ, "PATH_INFO": f"/v2{slash}{rest}"}

    def handle(
        self,
        match: api_calls.Match,
        environ: WSGIEnvironment,
        settings: RangeTranslatorSettings,
    ) -> WSGIApplication:
        """Return the answer to a download."""
        if match.call == api_calls.HEAD_DOWNLOAD:
            download = self._download(match, environ, settings)
            return responses.plain(download, environ, is_head=True)
        text = environ.get("HTTP_RANGE")
        if text is not None:
            wanted = _wanted(text, settings.limits)
        elif "HTTP_CONTENT_RANGE" in environ:
            return self._legacy(match, environ, settings)
        else:
            wanted = None
        download = self._download(match, environ, settings)
        if wanted is None:
            return responses.plain(download, environ)
        return responses.partial(download, environ, wanted, settings.limits)

    def _legacy(
        self,
        match: api_calls.Match,
        environ: WSGIEnvironment,
        settings: RangeTranslatorSettings,
    ) -> WSGIApplication:
        """Return the answer to a request with the old header."""
        if settings.request_content_range == "refuse":
            raise errors.DeprecatedHeader
        self._deprecation.note(environ)
        download = self._download(match, environ, settings)
        try:
            part, size = byte_ranges.parse_content_range(
                environ["HTTP_CONTENT_RANGE"]
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
                environ,
                responses.Wanted([spec], size),
                settings.limits,
            )
        return content_range.deprecated(answer)

    def _download(
        self,
        match: api_calls.Match,
        environ: WSGIEnvironment,
        settings: RangeTranslatorSettings,
    ) -> sources.ImageDownload:
        if settings.core_protocol == "auto":
            protocol = core_protocol.protocol_of(self._version.minor(environ))
        else:
            protocol = core_protocol.Protocol(settings.core_protocol)
        return sources.ImageDownload(
            self._app, environ, match, self.name, protocol
        )


def _wanted(text: str, limits: byte_ranges.Limits) -> responses.Wanted | None:
    """Return what a Range field asks for; None if it is to be ignored."""
    try:
        return responses.Wanted(byte_ranges.parse(text, limits))
    except (byte_ranges.Invalid, byte_ranges.TooCostly):
        return None
