# SPDX-License-Identifier: Apache-2.0

"""The versions document of the Images API, and one version more in it.

Version 2.6 is the first in which a download understands ``Range``. In front
of an older Glance the filters add that ability, and so one minor version above
its highest, by which clients that look for it find it.

See "API versions" in the Image service API reference.
"""

from __future__ import annotations

import json
import re
from typing import Any, Protocol

from glance_filters.glance_api import matching
from glance_filters.glance_api.request import Request
from glance_filters.wsgi.response import CapturedResponse

FIRST_WITH_RANGE = 6

# Far more than any versions document.
_MAX_DOCUMENT_BYTES = 1024 * 1024

_VERSION = re.compile(r"v2\.([0-9]{1,4})")


def highest_minor(document: Any) -> int | None:
    """Return N of the highest version v2.N in a versions document.

    :param document: the decoded JSON
    :returns: None if it is no versions document with a version 2
    """
    versions = document.get("versions") if isinstance(document, dict) else None
    if not isinstance(versions, list):
        return None
    minors = [
        minor for each in versions if (minor := _minor(each)) is not None
    ]
    return max(minors, default=None)


def _minor(version: Any) -> int | None:
    name = version.get("id") if isinstance(version, dict) else None
    found = _VERSION.fullmatch(name) if isinstance(name, str) else None
    return int(found[1]) if found else None


def added(minor: int | None) -> int | None:
    """Return the minor version to add, None if there is none.

    :param minor: the highest of Glance, None if it does not tell
    """
    if minor is None or minor >= FIRST_WITH_RANGE:
        return None
    return minor + 1


def with_added(body: bytes) -> bytes | None:
    """Return a versions document with one minor version more, as CURRENT.

    :param body: the document of Glance
    :returns: None if it is to stay as it is
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    highest = highest_minor(document)
    minor = added(highest)
    if minor is None:
        return None
    versions = []
    for each in document["versions"]:
        if _minor(each) == highest:
            versions.append({**each, "id": f"v2.{minor}", "status": "CURRENT"})
        if isinstance(each, dict) and each.get("status") == "CURRENT":
            each = {**each, "status": "SUPPORTED"}
        versions.append(each)
    return json.dumps({**document, "versions": versions}).encode()


class Version(Protocol):
    """Knows the highest version of a Glance."""

    def minor(self, request: Request) -> int | None:
        """Return N of the highest version v2.N, if Glance tells."""


def response_with_added(request: Request) -> CapturedResponse:
    """Answer a request for the versions document."""
    captured = request.capture_whole()
    if captured.code not in (200, 300) or captured.header("Content-Encoding"):
        return captured
    body = captured.read(_MAX_DOCUMENT_BYTES)
    changed = None if body is None else with_added(body)
    return captured if changed is None else captured.with_body(changed)


def rewrite_added(request: Request, version: Version) -> None:
    """Make a request of the added version one of a version Glance knows."""
    path = request.environ.get("PATH_INFO", "")
    if not path.startswith("/v2.") or (
        matching.NEGOTIATED_KEY in request.environ
    ):
        return
    minor = added(version.minor(request))
    name, slash, rest = path[1:].partition("/")
    if name == f"v2.{minor}":
        request.environ = {
            **request.environ,
            "PATH_INFO": f"/v2{slash}{rest}",
        }
        prefix = request.match.prefix.replace(f"/{name}", "/v2", 1)
        request.match = request.match._replace(prefix=prefix)
