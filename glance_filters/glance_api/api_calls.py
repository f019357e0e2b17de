# SPDX-License-Identifier: Apache-2.0

"""Which call of the Images API a request is, decided as the core decides.

The core looks at a request three times: version negotiation takes a version
from the URL or from ``Accept``, a urlmap collapses slashes and takes off
``/v2``, and Routes matches what is left, with a method that ``_method`` may
override. Each step is mirrored here, with Routes itself for the last, so that
a filter recognises a call wherever in the pipeline it stands.

Where the environ alone cannot tell how the core will read it (is ``v2.99`` a
version of this core? is there a version negotiation behind us?), a match is
given: the filter asks the core before it decides, and the core's own answer
to that question tells.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import routes
import webob
import webob.acceptparse

from glance_filters.glance_api import prefilter

# Set by Glance's version negotiation once it has rewritten PATH_INFO.
NEGOTIATED_KEY = "api.version"
MEDIA_TYPE_PREFIX = "application/vnd.openstack.images-"

_VERSION = re.compile(r"v2(\.[0-9]+)?")
_COLLAPSIBLE = re.compile("//+")
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True)
class ApiCall:
    """A call of the Images API, version 2.

    :ivar action: the name by which a filter knows it
    :ivar method: the request method
    :ivar path: the path below ``/v2``, with ``{name}`` for each variable, as
        the core's own router spells it
    """

    action: str
    method: str
    path: str


CREATE_IMAGE = ApiCall("create_image", "POST", "/images")
CREATE_TASK = ApiCall("create_task", "POST", "/tasks")
UPDATE_IMAGE = ApiCall("update_image", "PATCH", "/images/{image_id}")
DELETE_IMAGE = ApiCall("delete_image", "DELETE", "/images/{image_id}")
IMPORT_IMAGE = ApiCall("import_image", "POST", "/images/{image_id}/import")
DEACTIVATE_IMAGE = ApiCall(
    "deactivate_image", "POST", "/images/{image_id}/actions/deactivate"
)
REACTIVATE_IMAGE = ApiCall(
    "reactivate_image", "POST", "/images/{image_id}/actions/reactivate"
)
ADD_LOCATION = ApiCall("add_location", "POST", "/images/{image_id}/locations")
DELETE_FROM_STORE = ApiCall(
    "delete_from_store", "DELETE", "/stores/{store_id}/{image_id}"
)
DOWNLOAD_IMAGE = ApiCall("download_image", "GET", "/images/{image_id}/file")
HEAD_DOWNLOAD = ApiCall("head_download", "HEAD", "/images/{image_id}/file")
UPLOAD_IMAGE = ApiCall("upload_image", "PUT", "/images/{image_id}/file")
STAGE_IMAGE = ApiCall("stage_image", "PUT", "/images/{image_id}/stage")
SHOW_IMAGE_SCHEMA = ApiCall("show_image_schema", "GET", "/schemas/image")
SHOW_IMAGES_SCHEMA = ApiCall("show_images_schema", "GET", "/schemas/images")
SHOW_NAMESPACE = ApiCall(
    "show_namespace", "GET", "/metadefs/namespaces/{namespace}"
)
LIST_PROPERTIES = ApiCall(
    "list_properties", "GET", "/metadefs/namespaces/{namespace}/properties"
)
SHOW_PROPERTY = ApiCall(
    "show_property",
    "GET",
    "/metadefs/namespaces/{namespace}/properties/{property_name}",
)


@dataclass(frozen=True)
class Match:
    """A request that is one of a filter's calls.

    :ivar call: the call
    :ivar variables: the values of the path's variables, in the environ's own
        encoding (Latin-1 text of the octets, PEP 3333)
    :ivar path: the path below version 2 of the API
    :ivar prefix: what comes in PATH_INFO before the call's path: where the
        core's version 2 resources are, as this request addresses them
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
    """

    def __init__(self, calls: Iterable[ApiCall]) -> None:
        calls = tuple(calls)
        self._calls = {call.action: call for call in calls}
        self._filter = prefilter.PathFilter(
            (call.method, call.path) for call in calls
        )
        self._mapper = routes.Mapper()
        for call in calls:
            self._mapper.connect(
                None,
                call.path,
                controller="core",
                action=call.action,
                conditions={"method": [call.method]},
            )
        self._mapper.create_regs([])

    @property
    def marks(self) -> Mapping[str, tuple[str, ...]]:
        """For each method, parts of paths: each path of ours holds one."""
        return self._filter.marks

    def match(self, environ: Mapping[str, Any]) -> Match | None:
        """Return the call that *environ* is, or None if it is none of ours.

        The override of the method by a form field is not looked for here, as
        that would read the body: see :func:`form_method`.
        """
        method = _method(environ)
        path = environ.get("PATH_INFO", "")
        if not self._filter.may_match(method, path):
            return None
        authority, path = _split_authority(path)
        if "//" in path:
            path = _COLLAPSIBLE.sub("/", path)
        for prefix in _prefixes(environ, path):
            resource = path[len(prefix) :]
            found = self._mapper.routematch(
                resource, {"REQUEST_METHOD": method}
            )
            if found is not None:
                variables = dict(found[0])
                del variables["controller"]
                call = self._calls[variables.pop("action")]
                return Match(call, variables, resource, authority + prefix)
        return None


def _method(environ: Mapping[str, Any]) -> str:
    """Return the method by which Routes will match (``?_method=PATCH``)."""
    method: str = environ["REQUEST_METHOD"]
    if "_method" not in environ.get("QUERY_STRING", ""):
        return method
    try:
        override = webob.Request(dict(environ)).GET.get("_method")
    except UnicodeDecodeError:
        override = None
    return override.upper() if override else method


def is_form_post(environ: Mapping[str, Any]) -> bool:
    """Tell whether Routes reads the body, to look for ``_method`` in it."""
    if environ["REQUEST_METHOD"] != "POST":
        return False
    if "_method" in environ.get("QUERY_STRING", ""):
        return False
    # Routes folds the type's case, webob, of which it asks the form, does not.
    content_type: str = environ.get("CONTENT_TYPE", "")
    return content_type.split(";", 1)[0] in _FORM_TYPES


def form_method(environ: Mapping[str, Any], body: bytes) -> str:
    """Return the method by which Routes will match a form post.

    A ``_method`` that is no text breaks Routes; it counts as none.

    :param environ: the request's environ
    :param body: the request's body
    """
    copy = dict(environ)
    copy["wsgi.input"] = io.BytesIO(body)
    copy["CONTENT_LENGTH"] = str(len(body))
    try:
        override = webob.Request(copy).POST.get("_method")
    except UnicodeDecodeError:
        override = None
    if isinstance(override, str) and override:
        return override.upper()
    return "POST"


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


def _prefixes(environ: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield each part of *path* that may come before a resource's path."""
    if environ.get("SCRIPT_NAME", "").endswith("/v2"):
        yield ""  # inside the urlmap, or an outer mount that is called so
    if NEGOTIATED_KEY in environ:
        if path.startswith("/v2/"):
            yield "/v2"
        return
    version = accepted_version(environ)
    if version is not None:
        if _VERSION.fullmatch(version):
            yield ""
        return
    start = "/" if path.startswith("/") else ""
    version = path[len(start) :].partition("/")[0]
    if _VERSION.fullmatch(version):
        yield start + version


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
    version that the core knows or not.
    """
    accept = environ.get("HTTP_ACCEPT", "")
    if MEDIA_TYPE_PREFIX not in accept.lower():
        return None
    text = str(webob.acceptparse.create_accept_header(accept))
    if not text.startswith(MEDIA_TYPE_PREFIX):
        return None
    return text[len(MEDIA_TYPE_PREFIX) :]
