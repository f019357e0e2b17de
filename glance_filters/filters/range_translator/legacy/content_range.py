# SPDX-License-Identifier: Apache-2.0

"""The Content-Range *request* header, by which Glance once took ranges.

RFC 9110 gives it no meaning in a GET. It still works, but answers say that it
is deprecated (RFC 9745) and the log says who uses it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from oslo_log import log as logging

from glance_filters import errors
from glance_filters.filters.range_translator import planning, sources
from glance_filters.filters.range_translator.image_data import ImageData
from glance_filters.filters.range_translator.responses import Download
from glance_filters.http import byte_ranges
from glance_filters.wsgi import bodies
from glance_filters.wsgi.response import CapturedResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

LOG = logging.getLogger(__name__)

# 2017-08-30: Glance 15.0.0 (Pike) understands Range.
_DEPRECATED_SINCE = "@1504051200"
_DOCUMENTATION = (
    "https://docs.openstack.org/api-ref/image/v2/#download-binary-image-data"
)
_FIELDS = (
    ("Deprecation", _DEPRECATED_SINCE),
    ("Link", f'<{_DOCUMENTATION}>; rel="deprecation"; type="text/html"'),
)

LOG_SECONDS = 3600
_MAX_AGENTS = 1000


def respond(download: Download, text: str) -> CapturedResponse:
    """Answer a request with the field as one with ``Range``.

    :param text: the field's value
    :raises FilterError: as :meth:`.Download.partial`; 416 too if the field is
        malformed
    """
    try:
        part, size = byte_ranges.parse_content_range(text)
    except byte_ranges.Invalid:
        spec, size = planning.BEYOND, None
    else:
        spec = byte_ranges.RangeSpec(part.start, part.stop - 1)
    try:
        response = download.partial([spec], size)
    except errors.FilterError as error:
        error.headers += _FIELDS
        raise
    response.headers = [*response.headers, *_FIELDS]
    return response


class ContentRangeSource:
    """Asks Newton or Ocata by ``Content-Range`` in the request.

    They promise what is not there, so they are asked for exact parts only.
    """

    def __init__(self, data: ImageData) -> None:
        self._data = data

    def open(self, spec: byte_ranges.RangeSpec) -> sources.Opened:
        """Ask Glance for the part of the image that *spec* names."""
        size = self._data.size
        if size is None:
            raise sources.NoParts("the size is not known")
        part = byte_ranges.within(spec, size)
        if part is None:
            # Only Glance knows whether the user may download.
            sources.opened_whole(self._data, self._data.fetch()).close()
            raise sources.Unsatisfied(size)
        response = sources.fetch_part(
            self._data,
            "HTTP_CONTENT_RANGE",
            byte_ranges.format_content_range(part, size),
        )
        if response.code not in (200, 206):
            response.close()
            raise sources.NoParts(f"status {response.status}")
        # Ocata sends just the part. Newton promises the whole, sends the part
        # and keeps the connection open, so nobody may wait for its end.
        is_exact = response.content_length() == part.length
        return sources.Opened(
            response,
            size,
            part,
            bodies.Rest.NOTHING if is_exact else bodies.Rest.NOTHING_AT_HAND,
        )


class DeprecationLog:
    """Logs who uses the header, once an hour for each client agent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logged: dict[str, float] = {}

    def note(self, environ: WSGIEnvironment) -> None:
        """Note a use of the header."""
        agent = environ.get("HTTP_USER_AGENT", "")
        now = time.monotonic()
        with self._lock:
            last = self._logged.get(agent)
            if last is not None and now - last < LOG_SECONDS:
                return
            if len(self._logged) >= _MAX_AGENTS:
                self._logged.clear()
            self._logged[agent] = now
        LOG.warning(
            "Deprecated: client %r asks for a part of an image by a "
            "Content-Range request header; it should send Range.",
            agent,
        )
