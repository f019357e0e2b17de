# SPDX-License-Identifier: Apache-2.0

"""By which request header, if any, a core gives out parts of an image.

Glance understands ``Range`` since version 2.6 of its API (Pike). Before, it
took a part from ``Content-Range`` in the *request*. A core tells its age in
its versions document.
"""

from __future__ import annotations

import enum
import json
import threading
import time
from typing import TYPE_CHECKING

from glance_filters.filters.range_translator.legacy import versions
from glance_filters.glance_api import api_calls, subrequest

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_FIRST_WITH_CONTENT_RANGE = 4

# After a question that was not answered, ask again in so many seconds.
RETRY_SECONDS = 60


class Protocol(enum.Enum):
    """How a core is asked for a part."""

    RANGE = "range"
    CONTENT_RANGE = "content-range"
    NONE = "none"


def protocol_of(minor: int | None) -> Protocol:
    """Return the protocol of a core, by its highest version.

    A core that does not tell is asked by ``Range``: if it ignores that, it
    sends the whole, of which the part can be cut.
    """
    if minor is None or minor >= versions.FIRST_WITH_RANGE:
        return Protocol.RANGE
    if minor >= _FIRST_WITH_CONTENT_RANGE:
        return Protocol.CONTENT_RANGE
    return Protocol.NONE


class CoreVersion:
    """The highest version of a core, which is asked for it once.

    :param app: the core
    :param source: the name of the filter that asks
    """

    def __init__(self, app: WSGIApplication, source: str) -> None:
        self._app = app
        self._source = source
        self._lock = threading.Lock()
        self._minor: int | None = None
        self._ask_again = 0.0

    def minor(self, environ: WSGIEnvironment) -> int | None:
        """Return N of the core's highest version v2.N, if it tells.

        :param environ: the request that gives occasion to ask
        """
        # Behind Glance's version negotiation nobody answers for versions.
        if self._minor is None and api_calls.NEGOTIATED_KEY not in environ:
            with self._lock:
                now = time.monotonic()
                if self._minor is None and now >= self._ask_again:
                    self._ask_again = now + RETRY_SECONDS
                    self._minor = self._ask(environ)
        return self._minor

    def _ask(self, environ: WSGIEnvironment) -> int | None:
        try:
            answer = subrequest.ask(
                self._app, environ, source=self._source, path_info="/versions"
            )
            return versions.highest_minor(json.loads(answer.body))
        except (subrequest.NoAnswer, ValueError, RecursionError):
            return None
