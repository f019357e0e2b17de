# SPDX-License-Identifier: Apache-2.0

"""Which call of the Images API a request is, decided as Glance decides.

Glance looks at a request three times: version negotiation takes a version
from the URL or from ``Accept``, a urlmap collapses slashes and takes off
``/v2``, and Routes matches what is left, with a method that ``_method`` may
override. Each step is mirrored here, with Routes itself for the last, so that
a filter recognises a call wherever in the pipeline it stands.

Where the environ alone cannot tell how Glance will read it (is ``v2.99`` a
version of this Glance? is there a version negotiation behind us?), a match is
given: the filter asks Glance before it decides, and Glance's own answer
to that question tells.
"""

from __future__ import annotations

import functools
import io
import re
import types
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import routes
import webob
import webob.acceptparse

from glance_filters import errors
from glance_filters.glance_api import prefilter
from glance_filters.glance_api.calls import (
    ANY_METHOD,
    CALL_OF_MINOR_VERSION,
    SHOW_VERSIONS,
    ApiCall,
)

# Set by Glance's version negotiation once it has rewritten PATH_INFO.
NEGOTIATED_KEY = "api.version"
MEDIA_TYPE_PREFIX = "application/vnd.openstack.images-"

_VERSION = re.compile(r"v2(\.[0-9]+)?")
_COLLAPSIBLE = re.compile("//+")
# Where Glance gives its versions document.
_VERSIONS_PATHS = frozenset(("", "/", "/versions", "/versions/"))
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
# A client of ranges sends one path thousands of times, and the router takes
# half of the time that matching does. So many of them are remembered.
_REMEMBERED = 64


class Match(NamedTuple):
    """A request that is one of a filter's calls.

    :ivar call: the call
    :ivar variables: the values of the path's variables, in the environ's own
        encoding (Latin-1 text of the octets, PEP 3333)
    :ivar path: the path below version 2 of the API
    :ivar prefix: what comes in PATH_INFO before the call's path: where
        Glance's version 2 resources are, as this request addresses them
    """

    call: ApiCall
    variables: Mapping[str, str]
    path: str
    prefix: str

    @property
    def path_info(self) -> str:
        """The PATH_INFO of the request, with single slashes."""
        return self.prefix + self.path

    def image_path(self) -> str:
        """Return the PATH_INFO of the image that the request is about."""
        image_id = self.variables["image_id"]
        # The router's patterns end in "$", which also matches before one last
        # line feed: an id that itself ends in one needs a second to survive.
        end = "\n" if image_id.endswith("\n") else ""
        return f"{self.prefix}/images/{image_id}{end}"


class CallMatcher:
    """Tells whether a request is one of the given calls.

    :param calls: the calls that matter to a filter
    :ivar marks: for each usual method, parts of paths of which each path of
        the calls of that method holds one
    :ivar paths: whole paths that are among the calls, with any method
    """

    def __init__(self, calls: Collection[ApiCall]) -> None:
        versioned = [call for call in calls if call.method != ANY_METHOD]
        self._calls = {call.action: call for call in versioned}
        self._filter = prefilter.PathFilter(
            (call.method, call.path) for call in versioned
        )
        self._mapper = routes.Mapper()
        for call in versioned:
            self._mapper.connect(
                None,
                call.path,
                controller="glance",
                action=call.action,
                conditions={"method": [call.method]},
            )
        self._mapper.create_regs([])
        self._route = functools.lru_cache(_REMEMBERED)(self._routed)
        others: tuple[str, ...] = ()
        if CALL_OF_MINOR_VERSION in calls:
            others = (CALL_OF_MINOR_VERSION.path,)
        self.paths: frozenset[str] = frozenset()
        if SHOW_VERSIONS in calls:
            self.paths = _VERSIONS_PATHS
        self._other_marks = others
        # A plain dict is the fastest to ask.
        self.marks = {
            method: self._filter.marks.get(method, ()) + others
            for method in prefilter.USUAL_METHODS
        }

    def match(self, environ: Mapping[str, Any]) -> Match | None:
        """Return the call that *environ* is, or None if it is none of ours.

        The override of the method by a form field is not looked for here, as
        that would read the body: see :func:`form_method`.

        :raises BadRequest: if the path of one of these calls is not valid
            UTF-8, on which Glance fails
        """
        path = environ.get("PATH_INFO", "")
        method = environ["REQUEST_METHOD"]
        if "_method" in environ.get("QUERY_STRING", ""):
            method = _query_method(environ) or method
        found = self._find(environ, method, path)
        if found is None and NEGOTIATED_KEY not in environ:
            if path in self.paths:
                return Match(SHOW_VERSIONS, {}, path, "")
            if self._other_marks and path.startswith(self._other_marks):
                return Match(CALL_OF_MINOR_VERSION, {}, path, "")
        return found

    def _find(
        self, environ: Mapping[str, Any], method: str, path: str
    ) -> Match | None:
        if not self._filter.may_match(method, path):
            return None
        authority, path = _split_authority(path)
        if "//" in path:
            path = _COLLAPSIBLE.sub("/", path)
        for prefix in _prefixes(environ, path):
            resource = path[len(prefix) :]
            found = self._route(method, resource)
            if found is not None:
                call, variables = found
                return Match(call, variables, resource, authority + prefix)
        return None

    def _routed(
        self, method: str, resource: str
    ) -> tuple[ApiCall, Mapping[str, str]] | None:
        """Return the call of a resource's path, and the path's variables."""
        found = self._mapper.routematch(resource, {"REQUEST_METHOD": method})
        if found is None:
            return None
        variables = dict(found[0])
        del variables["controller"]
        call = self._calls[variables.pop("action")]
        _check_text(variables.values())
        return call, types.MappingProxyType(variables)


def _check_text(variables: Iterable[str]) -> None:
    """Refuse a path on which Glance fails.

    :raises BadRequest: if a variable is not valid UTF-8
    """
    try:
        for each in variables:
            each.encode("latin-1").decode()
    except UnicodeDecodeError as error:
        raise errors.BadRequest("The path is not valid UTF-8") from error


def _query_method(environ: Mapping[str, Any]) -> str:
    """Return the method by which Routes will match (``?_method=PATCH``).

    :returns: an empty text if the query has none, or if it is not UTF-8: then
        Routes goes by the method of the request
    """
    try:
        override = webob.Request(dict(environ)).GET.get("_method")
    except UnicodeDecodeError:
        return ""
    return (override or "").upper()


def is_form_post(environ: Mapping[str, Any]) -> bool:
    """Return True if Routes reads the body, to look for ``_method`` in it."""
    if environ["REQUEST_METHOD"] != "POST":
        return False
    if "_method" in environ.get("QUERY_STRING", ""):
        return False
    # Routes folds the type's case, webob, of which it asks the form, does not.
    content_type: str = environ.get("CONTENT_TYPE", "")
    return content_type.partition(";")[0] in _FORM_TYPES


def form_method(environ: Mapping[str, Any], body: bytes) -> str:
    """Return the method by which Routes will match a form post.

    :param environ: the request's environ
    :param body: the request's body
    :raises BodyUnreadable: if the form breaks Routes
    """
    copy = dict(environ)
    copy["wsgi.input"] = io.BytesIO(body)
    copy["CONTENT_LENGTH"] = str(len(body))
    try:
        override = webob.Request(copy).POST.get("_method")
    # Whatever webob raises over a form: no boundary, an unknown charset, ...
    except Exception as error:
        raise errors.BodyUnreadable("it is not a valid form") from error
    if override is not None and not isinstance(override, str):
        raise errors.BodyUnreadable("the form field _method is not text")
    return override.upper() if override else "POST"


def _split_authority(path: str) -> tuple[str, str]:
    """Split a request target in absolute form, as a urlmap splits it.

    Some servers leave the absolute form (RFC 9112, section 3.2.2) in
    PATH_INFO. The first part is empty for any other path.
    """
    if not path.startswith(("http://", "https://")):
        return "", path
    scheme, _, rest = path.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme}://{host}", "/" + path


def _prefixes(environ: Mapping[str, Any], path: str) -> Sequence[str]:
    """Return each part of *path* that may come before a resource's path."""
    prefix = _prefix(environ, path)
    found = () if prefix is None else (prefix,)
    if environ.get("SCRIPT_NAME", "").endswith("/v2"):
        # Inside the urlmap, or an outer mount that is called so.
        return ("", *found)
    return found


def _prefix(environ: Mapping[str, Any], path: str) -> str | None:
    """Return what comes before a resource's path outside the urlmap."""
    if NEGOTIATED_KEY in environ:
        return "/v2" if path.startswith("/v2/") else None
    version = accepted_version(environ)
    if version is not None:
        return "" if _VERSION.fullmatch(version) else None
    start = "/" if path.startswith("/") else ""
    version = path[len(start) :].partition("/")[0]
    return start + version if _VERSION.fullmatch(version) else None


def accept_of_child(environ: Mapping[str, Any]) -> str:
    """Return the ``Accept`` of a child request of *environ*.

    It asks for JSON, and for the version that the parent asked for if its
    path is to be read in the same way.
    """
    version = accepted_version(environ)
    if version is None or NEGOTIATED_KEY in environ:
        return "application/json"
    return MEDIA_TYPE_PREFIX + version


def accepted_version(environ: Mapping[str, Any]) -> str | None:
    """Return the version that media-type versioning asks for, if it is used.

    Version negotiation takes it in the place of the URL's first segment. The
    text is whatever follows the prefix in ``Accept`` as webob tidies it, a
    version that Glance knows or not.
    """
    accept = environ.get("HTTP_ACCEPT", "")
    if MEDIA_TYPE_PREFIX not in accept.lower():
        return None
    text = str(webob.acceptparse.create_accept_header(accept))
    if not text.startswith(MEDIA_TYPE_PREFIX):
        return None
    return text[len(MEDIA_TYPE_PREFIX) :]
