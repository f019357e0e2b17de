# SPDX-License-Identifier: Apache-2.0

"""Refuse to change an image's locations while its status forbids it.

Glance lets some requests replace or remove an image's locations in a status
in which data is on its way or the image is taken out of use, and old releases
let many. This filter asks the core for the image's status, in the name of the
user, and answers 409 Conflict by itself when the status is none of those that
the operator allows for the operation. The core is not called then.

While the core carries out a request that changes an image's status or
locations, the image is locked against other such requests, of this process
and of others. So the status that was asked for is still the status when the
core acts. An upload lets go when the core begins to read the data.

It also refuses a patch that names a part of the core's image object instead
of a property: the core would set it, and so act on another image, for
example.

Place it after the filters that establish the user's identity and before
``cache``::

    [filter:location_guard]
    use = egg:glance-filters#location_guard

environ keys read: REQUEST_METHOD, PATH_INFO, SCRIPT_NAME, QUERY_STRING,
CONTENT_TYPE, CONTENT_LENGTH, HTTP_ACCEPT, HTTP_TRANSFER_ENCODING, wsgi.input,
api.version. environ keys set: wsgi.input, with the same body (and those by
which a core finds out how long it is).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from oslo_config import cfg, types

from glance_filters import errors
from glance_filters.filters import base, configuration, counters
from glance_filters.filters.location_guard import changes, locked_call, locking
from glance_filters.glance_api import (
    api_calls,
    image_document,
    image_status,
    json_patch,
    subrequest,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

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
    base.enabled_opt("guards the locations of images"),
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
            "request that changes an image, by anything but data, and has a "
            "longer body is answered with 413."
        ),
    ),
    cfg.StrOpt(
        "coordination_url",
        default=locking.DEFAULT_URL,
        mutable=True,
        help=(
            "By what images are locked. file:///FOLDER: for the processes of "
            "one host, by files in that folder; file:// alone: in a folder of "
            "the service's own, below [oslo_concurrency] lock_path if that is "
            "set. redis://HOST:PORT, etcd3+http://HOST:PORT or another URL of "
            "tooz: for several hosts, which all must have the same (needs the "
            "extra 'coordination'). Empty: within each process only."
        ),
    ),
    cfg.FloatOpt(
        "lock_timeout",
        default=10.0,
        min=0.0,
        mutable=True,
        help=(
            "How long a request waits for other requests that change the same "
            "image, in seconds. Then it is answered with 409 Conflict."
        ),
    ),
    cfg.StrOpt(
        "on_lock_failure",
        default="proceed",
        choices=[
            ("proceed", "they go on without a lock; the log tells"),
            ("refuse", "they are answered with 503"),
        ],
        mutable=True,
        help=(
            "What becomes of uploads and other requests that change an "
            "image's status, but not its locations, while images cannot be "
            "locked: the lock server gives no answer, or the folder cannot be "
            "used. Changes of locations are answered with 503 then."
        ),
    ),
    *counters.OPTS,
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
    coordination_url: str
    lock_timeout: float
    on_lock_failure: str

    def allowed(self, call: api_calls.ApiCall, op: str) -> tuple[str, ...]:
        """Return the statuses in which *call* may do *op* to locations."""
        if call == api_calls.ADD_LOCATION:
            return self.location_api_statuses
        if op == json_patch.REMOVE:
            return self.remove_statuses
        if op == json_patch.REPLACE:
            return self.replace_statuses
        return self.add_statuses


class LocationGuard(base.Filter[LocationGuardSettings]):
    """Guards the locations of images."""

    name = NAME
    opts = OPTS
    calls = (
        api_calls.UPDATE_IMAGE,
        api_calls.ADD_LOCATION,
        api_calls.DELETE_FROM_STORE,
        *changes.UPLOADS,
        *changes.OF_STATUS,
    )
    settings_class = LocationGuardSettings

    def __init__(
        self, app: WSGIApplication, config: configuration.Configuration
    ) -> None:
        self._locking = locking.ImageLocking(config)
        super().__init__(app, config)

    def _read_settings(self) -> LocationGuardSettings:
        settings = super()._read_settings()
        if settings.enabled:
            self._locking.configure(
                settings.coordination_url, settings.lock_timeout
            )
        return settings

    def handle(
        self,
        match: api_calls.Match,
        environ: WSGIEnvironment,
        settings: LocationGuardSettings,
    ) -> WSGIApplication:
        """Return a call of the core, or raise what forbids it."""
        change = changes.read(match.call, environ, settings.max_body_size)
        is_guarded = change.object_name is not None or bool(change.ops)
        release = self._locking.lock(
            match,
            environ,
            is_required=is_guarded or settings.on_lock_failure == "refuse",
        )
        if release is None:
            return self._app
        try:
            if is_guarded:
                self._check(change, match, environ, settings)
        except BaseException:
            release()
            raise
        is_upload = match.call in changes.UPLOADS
        return locked_call.LockedCall(self._app, release, is_upload)

    def _check(
        self,
        change: changes.Change,
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
