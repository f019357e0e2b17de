# SPDX-License-Identifier: Apache-2.0

"""Metadata definitions that Glance's database lacks, in its responses.

Glance answers with the definitions that were loaded into its database, which
may be older than what its hypervisors can do. This filter adds to the
responses about a namespace, its properties and one of them what the files
of a folder define beyond them. What Glance says stays as it is, and whom it
shows a namespace is its own decision. A response that cannot be read passes
untouched.

Place it after the filters that establish the user's identity, before the
other filters of this package::

    [filter:metadef_overlay]
    use = egg:glance-filters#metadef_overlay

environ keys read: REQUEST_METHOD, PATH_INFO, SCRIPT_NAME, QUERY_STRING,
HTTP_ACCEPT, api.version. Glance sees no condition, no Range and no
Accept-Encoding with a request for a namespace that the files define, so that
it answers with the whole of what it has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import webob

from glance_filters.filters import base, configuration
from glance_filters.filters.metadef_overlay import options
from glance_filters.glance_api import calls, subrequest
from glance_filters.glance_api.request import Request
from glance_filters.metadefs import files, merge
from glance_filters.wsgi.response import CapturedResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

# Far more than any namespace.
_MAX_DOCUMENT_BYTES = 4 * 1024 * 1024


class MetadefOverlay(base.Filter[options.MetadefOverlaySettings]):
    """Adds to responses about metadata definitions."""

    name = "metadef_overlay"
    opts = options.OPTS
    api_calls = (
        calls.SHOW_NAMESPACE,
        calls.LIST_PROPERTIES,
        calls.SHOW_PROPERTY,
    )

    @classmethod
    def make_settings(
        cls, values: Mapping[str, Any], config: configuration.Configuration
    ) -> options.MetadefOverlaySettings:
        """Read the files.

        :raises ValueError: if one is wrong, or the folder cannot be read
        """
        return options.make_settings(**values)

    def handle(
        self, request: Request, settings: options.MetadefOverlaySettings
    ) -> WSGIApplication | None:
        """Return Glance's response with what it lacks."""
        definition = settings.namespaces.get(request.variable("namespace"))
        if definition is None:
            return None
        captured = request.capture_whole()
        if captured.code == 200:
            return _merged(captured, request, definition)
        if captured.code == 404 and request.call == calls.SHOW_PROPERTY:
            document = _lacking_property(request, definition)
            if document is not None:
                captured.close()
                return _found(captured, document)
        return captured


def _lacking_property(
    request: Request, definition: files.Namespace
) -> dict[str, Any] | None:
    """Return a property that Glance lacks.

    :returns: None if the definition lacks it too, or if Glance does not show
        the namespace to this user
    """
    namespace = request.match.variables["namespace"]
    prefix = request.match.prefix
    try:
        answer = request.subrequest(
            f"{prefix}/metadefs/namespaces/{namespace}"
        )
        document = json.loads(answer.body)
    except (subrequest.NoResponse, ValueError, RecursionError):
        return None
    if answer.status != 200 or not isinstance(document, dict):
        return None
    name = merge.bare_name(
        request.variable("property_name"),
        document,
        _resource_type(request.environ),
    )
    return merge.property_document(definition, name)


def _merged(
    captured: CapturedResponse, request: Request, definition: files.Namespace
) -> CapturedResponse:
    """Return a response about a namespace, with what it lacks."""
    document = captured.read_json(_MAX_DOCUMENT_BYTES)
    if request.call == calls.SHOW_NAMESPACE:
        merged = merge.merge_namespace(
            document, definition, _resource_type(request.environ)
        )
    elif request.call == calls.LIST_PROPERTIES:
        merged = merge.merge_properties(document, definition)
    else:
        merged = merge.merge_property(document, definition)
    return captured if merged is document else captured.with_json(merged)


def _found(
    captured: CapturedResponse, document: dict[str, Any]
) -> CapturedResponse:
    """Return *document* in the place of a response with 404."""
    headers = [
        (name, value)
        for name, value in captured.headers
        if name.lower() != "content-type"
    ]
    headers.append(("Content-Type", "application/json"))
    return CapturedResponse("200 OK", headers, ()).with_json(document)


def _resource_type(environ: WSGIEnvironment) -> str | None:
    """Return the query's resource type, read as Glance reads it."""
    try:
        value = webob.Request(dict(environ)).GET.get("resource_type")
    except UnicodeDecodeError:
        return None
    return value or None
