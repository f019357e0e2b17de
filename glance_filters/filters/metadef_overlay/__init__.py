# SPDX-License-Identifier: Apache-2.0

"""Metadata definitions that the core's database lacks, in its answers.

A core answers with the definitions that were loaded into its database, which
may be older than what its hypervisors can do. This filter adds to the answers
about a namespace, its properties and one of them what the files of a folder
define beyond them. What the core says stays as it is, and whom it shows a
namespace is its own decision. An answer that cannot be read passes untouched.

Place it after the filters that establish the user's identity, before the
other filters of this package::

    [filter:metadef_overlay]
    use = egg:glance-filters#metadef_overlay

environ keys read: REQUEST_METHOD, PATH_INFO, SCRIPT_NAME, QUERY_STRING,
HTTP_ACCEPT, api.version. The core sees no condition, no Range and no
Accept-Encoding with a request for a namespace that the files define, so that
it answers with the whole of what it has.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import webob
from oslo_config import cfg

from glance_filters.filters import base, counters
from glance_filters.glance_api import api_calls, subrequest
from glance_filters.metadefs import files, merge, packaged
from glance_filters.wsgi import response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

NAME = "metadef_overlay"

OPTS: tuple[cfg.Opt, ...] = (
    base.enabled_opt("adds to answers about metadata definitions"),
    cfg.StrOpt(
        "metadefs_dir",
        sample_default="/usr/share/glance-filters/metadefs",
        mutable=True,
        help=(
            "The folder whose .json files define what is added, in the "
            "format that 'glance-manage db_load_metadefs' reads. They are "
            "read when the service starts and when its options are read "
            "again. By default, the files that come with this package."
        ),
    ),
    *counters.OPTS,
)

# What each path of ours holds, whatever the method.
_NAMESPACES = "/namespaces/"

# Far more than any namespace.
_MAX_DOCUMENT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class MetadefOverlaySettings:
    """The values of the filter's options.

    :ivar namespaces: what the files define, by name
    """

    enabled: bool
    namespaces: Mapping[str, files.Namespace]

    @classmethod
    def read(
        cls, enabled: bool, metadefs_dir: str | None
    ) -> MetadefOverlaySettings:
        """Read the files.

        :raises ValueError: if one is wrong, or the folder cannot be read
        """
        if not enabled:
            return cls(enabled, types.MappingProxyType({}))
        folder = metadefs_dir or packaged.metadefs_folder()
        try:
            found = files.read_folder(folder)
        except OSError as error:
            raise ValueError(f"metadefs_dir = {folder}: {error}") from error
        if found.findings:
            raise ValueError("; ".join(map(str, found.findings)))
        return cls(enabled, found.namespaces)


class MetadefOverlay(base.Filter[MetadefOverlaySettings]):
    """Adds to answers about metadata definitions."""

    name = NAME
    opts = OPTS
    calls = (
        api_calls.SHOW_NAMESPACE,
        api_calls.LIST_PROPERTIES,
        api_calls.SHOW_PROPERTY,
    )
    settings_class = MetadefOverlaySettings.read

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Hand the request on; nearly all are told by their path alone."""
        if _NAMESPACES in environ.get("PATH_INFO", ""):
            return super().__call__(environ, start_response)
        return self._app(environ, start_response)

    def handle(
        self,
        match: api_calls.Match,
        environ: WSGIEnvironment,
        settings: MetadefOverlaySettings,
    ) -> WSGIApplication:
        """Return the core's answer with what it lacks."""
        definition = settings.namespaces.get(
            _text(match.variables["namespace"])
        )
        if definition is None:
            return self._app
        answer = response.ask_whole(self._app, environ)
        if answer.code == 200:
            return _merged(answer, match.call, definition, environ)
        if answer.code == 404 and match.call == api_calls.SHOW_PROPERTY:
            document = self._lacking_property(match, environ, definition)
            if document is not None:
                answer.close()
                return _found(answer, document)
        return answer

    def _lacking_property(
        self,
        match: api_calls.Match,
        environ: WSGIEnvironment,
        definition: files.Namespace,
    ) -> dict[str, Any] | None:
        """Return a property that the core lacks.

        :returns: None if the definition lacks it too, or if the core does
            not show the namespace to this user
        """
        namespace = match.variables["namespace"]
        try:
            answer = subrequest.ask(
                self._app,
                environ,
                source=self.name,
                path_info=f"{match.prefix}/metadefs/namespaces/{namespace}",
                accept=api_calls.accept_of_child(environ),
            )
        except subrequest.NoAnswer:
            return None
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            return None
        if answer.status != 200 or not isinstance(document, dict):
            return None
        name = merge.bare_name(
            _text(match.variables["property_name"]),
            document,
            _resource_type(environ),
        )
        return merge.property_document(definition, name)


def _merged(
    answer: response.CoreAnswer,
    call: api_calls.ApiCall,
    definition: files.Namespace,
    environ: WSGIEnvironment,
) -> response.CoreAnswer:
    """Return an answer about a namespace, with what it lacks."""
    document = answer.read_json(_MAX_DOCUMENT_BYTES)
    if call == api_calls.SHOW_NAMESPACE:
        resource_type = _resource_type(environ)
        merged = merge.merge_namespace(document, definition, resource_type)
    elif call == api_calls.LIST_PROPERTIES:
        merged = merge.merge_properties(document, definition)
    else:
        merged = merge.merge_property(document, definition)
    return answer if merged is document else answer.with_json(merged)


def _found(
    answer: response.CoreAnswer, document: dict[str, Any]
) -> response.CoreAnswer:
    """Return *document* in the place of an answer with 404."""
    headers = [
        (name, value)
        for name, value in answer.headers
        if name.lower() != "content-type"
    ]
    headers.append(("Content-Type", "application/json"))
    found = response.CoreAnswer("200 OK", headers, ())
    return found.with_json(document)


def _resource_type(environ: WSGIEnvironment) -> str | None:
    """Return the query's resource type, read as Glance reads it."""
    try:
        value = webob.Request(dict(environ)).GET.get("resource_type")
    except UnicodeDecodeError:
        return None
    return value or None


def _text(octets: str) -> str:
    """Return the text of a path's variable; what is no UTF-8 is no name."""
    return octets.encode("latin-1").decode("utf-8", "replace")
