# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Refuse to change an image's locations while its status forbids it.

Glance lets some requests replace or remove an image's locations in a status
in which data is on its way or the image is taken out of use, and old releases
let many. This filter asks the core for the image's status, in the name of the
user, and answers 409 Conflict by itself when the status is none of those that
the operator allows for the operation. The core is not called then.

It also refuses a patch that names a part of the core's image object instead
of a property: the core would set it, and so act on another image, for
example.

Place it after the filters that establish the user's identity and before
``cache``::

    [filter:location_guard]
    use = egg:glance-filters#location_guard

environ keys read: REQUEST_METHOD, PATH_INFO, SCRIPT_NAME, QUERY_STRING,
CONTENT_TYPE, CONTENT_LENGTH, HTTP_ACCEPT, HTTP_TRANSFER_ENCODING, wsgi.input,
api.version. environ keys set: wsgi.input, with the same body.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oslo_config import cfg, types
from oslo_log import log as logging

from glance_filters import (
    api_calls,
    base,
    errors,
    image_document,
    image_object,
    image_status,
    json_body,
    json_patch,
    request_body,
    subrequest,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)

NAME = "location_guard"


def _statuses_opt(name: str, default: list[str], operation: str) -> cfg.Opt:
    return cfg.ListOpt(
        name,
        default=default,
        item_type=types.String(choices=image_status.STATUSES),
        mutable=True,
        help=(
            "Image statuses in which a request may "
            f"{operation}. In any other status it is answered with 409 "
            "Conflict. An empty list forbids it always."
        ),
    )


OPTS: tuple[cfg.Opt, ...] = (
    cfg.BoolOpt(
        "enabled",
        default=True,
        mutable=True,
        help=(
            "Whether the filter guards the locations of images. If not, "
            "every request passes it untouched."
        ),
    ),
    _statuses_opt(
        "remove_statuses",
        ["active"],
        "remove a location (PATCH with remove /locations/N) or delete the "
        "image's data from one store (DELETE /v2/stores/STORE/ID)",
    ),
    _statuses_opt(
        "replace_statuses",
        ["active", "queued"],
        "replace the locations (PATCH with replace /locations)",
    ),
    _statuses_opt(
        "add_statuses",
        ["active", "queued"],
        "add a location (PATCH with add /locations/N or add /locations/-)",
    ),
    _statuses_opt(
        "location_api_statuses",
        ["queued"],
        "add a location by the location API (POST /v2/images/ID/locations)",
    ),
    cfg.IntOpt(
        "max_body_size",
        default=1024 * 1024,
        min=1,
        mutable=True,
        help=(
            "The longest request body that the filter reads, in bytes. A "
            "patch with a longer body is answered with 413."
        ),
    ),
)


@dataclass(frozen=True)
class LocationGuardSettings:
    """The values of the filter's options."""

    enabled: bool
    remove_statuses: tuple[str, ...]
    replace_statuses: tuple[str, ...]
    add_statuses: tuple[str, ...]
    location_api_statuses: tuple[str, ...]
    max_body_size: int

    def allowed(self, call: api_calls.ApiCall, op: str) -> tuple[str, ...]:
        """Return the statuses in which *call* may do *op* to locations."""
        if call == api_calls.ADD_LOCATION:
            return self.location_api_statuses
        if op == json_patch.REMOVE:
            return self.remove_statuses
        if op == json_patch.REPLACE:
            return self.replace_statuses
        return self.add_statuses


@dataclass(frozen=True)
class Change:
    """What a request would change.

    :ivar ops: what it does to locations, in its order: ``remove``,
        ``replace`` or ``add``
    :ivar object_name: the part of the core's image object that it names
    """

    ops: Sequence[str]
    object_name: str | None = None


NO_CHANGE = Change(())


class LocationGuard(base.Filter[LocationGuardSettings]):
    """Guards the locations of images."""

    name = NAME
    opts = OPTS
    calls = (
        api_calls.UPDATE_IMAGE,
        api_calls.ADD_LOCATION,
        api_calls.DELETE_FROM_STORE,
    )
    settings_class = LocationGuardSettings

    def handle(
        self,
        match: api_calls.Match,
        environ: WSGIEnvironment,
        settings: LocationGuardSettings,
    ) -> WSGIApplication:
        """Return the core, or raise what forbids it to be called."""
        max_bytes = settings.max_body_size
        if match.call == api_calls.UPDATE_IMAGE:
            change = _patch(environ, max_bytes)
        elif match.call == api_calls.ADD_LOCATION:
            change = _addition(environ, max_bytes)
        else:
            change = _deletion(environ)
        if change.object_name is not None or change.ops:
            self._check(change, match, environ, settings)
        return self._app

    def _check(
        self,
        change: Change,
        match: api_calls.Match,
        environ: WSGIEnvironment,
        settings: LocationGuardSettings,
    ) -> None:
        """Refuse a change if any part of it is not allowed.

        What the core does not show to the user, it is left to refuse.

        :raises InternalName: if a part of the core's image object is named
        :raises LocationConflict: if the image's status forbids an operation
        :raises ImageUnknown: if the core does not tell the status
        """
        name = change.object_name
        image_id = match.variables["image_id"]
        try:
            status = image_status.ask(self._app, environ, match, self.name)
        except image_document.Hidden as hidden:
            # A policy may forbid to see an image, but not to change it; then
            # nobody else would keep the patch from another image.
            if (
                name is None
                or hidden.code not in (403, 404)
                or not self._offered(match, environ)
            ):
                return
            status = "hidden"
        if name is not None:
            LOG.info("Refused: patch of %.80r of image %.80r", name, image_id)
            raise errors.InternalName(name)
        for op in change.ops:
            allowed = settings.allowed(match.call, op)
            if status in allowed:
                continue
            # The location API and the deletion from one store came late.
            if match.call != api_calls.UPDATE_IMAGE and not self._offered(
                match, environ
            ):
                return
            LOG.info(
                "Refused: %s of locations of image %.80r, which is %.80r",
                op,
                image_id,
                status,
            )
            raise errors.LocationConflict(op, image_id, status, allowed)

    def _offered(
        self, match: api_calls.Match, environ: WSGIEnvironment
    ) -> bool:
        """Tell whether the core has the call at all.

        A core that has not answers with 404, and so must we. One that has it
        answers 405 to a method that it does not know there.
        """
        try:
            answer = subrequest.ask(
                self._app,
                environ,
                source=self.name,
                method="HEAD",
                path_info=match.path_info,
                accept=api_calls.accept_of_child(environ),
            )
        except subrequest.NoAnswer:
            return True
        return answer.status != 404


def _patch(environ: WSGIEnvironment, max_bytes: int) -> Change:
    """Return what a patch changes; nothing if the core will not take it."""
    content_type = environ.get("CONTENT_TYPE", "")
    if not json_patch.is_patch(content_type):
        return NO_CHANGE
    body = request_body.read(environ, max_bytes)
    if body is None:
        return NO_CHANGE
    try:
        operations = json_patch.parse(content_type, body)
    except json_patch.NotAPatch:
        return NO_CHANGE
    names = (operation.path[0] for operation in operations)
    return Change(
        [each.op for each in operations if each.path[0] == "locations"],
        next(filter(image_object.is_attribute, names), None),
    )


def _addition(environ: WSGIEnvironment, max_bytes: int) -> Change:
    """Return what a request to the location API changes."""
    if json_body.read_posted(environ, max_bytes) is None:
        return NO_CHANGE
    return Change([json_patch.ADD])


def _deletion(environ: WSGIEnvironment) -> Change:
    """Return what a request to delete from a store changes.

    The core refuses it with 400 if it has a body.
    """
    if request_body.has_body(environ):
        return NO_CHANGE
    return Change([json_patch.REMOVE])
