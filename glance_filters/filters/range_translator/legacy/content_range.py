# SPDX-License-Identifier: Apache-2.0

"""The Content-Range *request* header, by which Glance once took ranges.

RFC 9110 gives it no meaning in a GET. It still works, but answers say that it
is deprecated (RFC 9745) and the log says who uses it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from oslo_log import log as logging

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)

# 2017-08-30: Glance 15.0.0 (Pike) understands Range.
_DEPRECATED_SINCE = "@1504051200"
_DOCUMENTATION = (
    "https://docs.openstack.org/api-ref/image/v2/#download-binary-image-data"
)
_FIELDS = [
    ("Deprecation", _DEPRECATED_SINCE),
    ("Link", f'<{_DOCUMENTATION}>; rel="deprecation"; type="text/html"'),
]

LOG_SECONDS = 3600
_MAX_AGENTS = 1000


def deprecated(app: WSGIApplication) -> WSGIApplication:
    """Return *app*, its answer marked as one to a deprecated request."""

    def marked(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        def start(
            status: str, headers: list[tuple[str, str]], *exc_info: Any
        ) -> Any:
            return start_response(status, [*headers, *_FIELDS], *exc_info)

        return app(environ, start)

    return marked


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
