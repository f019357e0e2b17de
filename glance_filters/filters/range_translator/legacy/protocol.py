# SPDX-License-Identifier: Apache-2.0

"""By which request header, if any, Glance gives out parts of an image.

Glance understands ``Range`` since version 2.6 of its API (Pike). Before, it
took a part from ``Content-Range`` in the *request*. The versions document
tells which it is.
"""

from __future__ import annotations

import json
import threading
import time

from glance_filters.filters.range_translator.legacy import versions
from glance_filters.glance_api import matching, subrequest
from glance_filters.glance_api.request import Request

_FIRST_WITH_CONTENT_RANGE = 4

# After a question that was not answered, ask again in so many seconds.
RETRY_SECONDS = 60

# How Glance is asked for a part: values of the option core_protocol.
RANGE = "range"
CONTENT_RANGE = "content-range"
NONE = "none"


def protocol_of(minor: int | None) -> str:
    """Return the protocol of a Glance, by its highest version.

    A Glance that does not tell is asked by ``Range``: if it ignores that, it
    sends the whole, of which the part can be cut.
    """
    if minor is None or minor >= versions.FIRST_WITH_RANGE:
        return RANGE
    return CONTENT_RANGE if minor >= _FIRST_WITH_CONTENT_RANGE else NONE


class GlanceVersion:
    """The highest version of a Glance, which is asked for it once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minor: int | None = None
        self._next_try = 0.0

    def minor(self, request: Request) -> int | None:
        """Return N of Glance's highest version v2.N, if it tells.

        :param request: the request that gives occasion to ask
        """
        # Behind Glance's version negotiation nobody answers for versions.
        is_negotiated = matching.NEGOTIATED_KEY in request.environ
        if self._minor is None and not is_negotiated:
            with self._lock:
                now = time.monotonic()
                if self._minor is None and now >= self._next_try:
                    self._next_try = now + RETRY_SECONDS
                    self._minor = _fetch_minor(request)
        return self._minor


def _fetch_minor(request: Request) -> int | None:
    try:
        answer = request.subrequest("/versions")
        return versions.highest_minor(json.loads(answer.body))
    except (subrequest.NoResponse, ValueError, RecursionError):
        return None
