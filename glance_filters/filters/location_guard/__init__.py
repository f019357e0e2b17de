# SPDX-License-Identifier: Apache-2.0

"""Refuse to change an image's locations while its status forbids it.

Glance lets some requests replace or remove an image's locations in a status
in which data is on its way or the image is taken out of use, and old releases
let many. This filter gets the image's status from Glance, in the name of the
user, and answers 409 Conflict when the operator does not allow the operation
in that status. The request does not reach Glance then.

While Glance carries out a request that changes an image's status or
locations, the image is locked against other such requests, of this process
and of others. So the status is still the same when Glance acts. An upload
releases the lock when Glance begins to read the data.

The filter also refuses a patch that names an attribute of Glance's image
object instead of a property: Glance would set it, and so act on another
image, for example.

Place it after the filters that establish the user's identity and before
``cache``::

    [filter:location_guard]
    use = egg:glance-filters#location_guard

environ keys read: REQUEST_METHOD, PATH_INFO, SCRIPT_NAME, QUERY_STRING,
CONTENT_TYPE, CONTENT_LENGTH, HTTP_ACCEPT, HTTP_TRANSFER_ENCODING, wsgi.input,
api.version. environ keys set: wsgi.input, with the same body (and those by
which Glance finds out how long it is).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from glance_filters import errors
from glance_filters.filters import base, configuration, findings
from glance_filters.filters.location_guard import changes, locking, options
from glance_filters.glance_api import images
from glance_filters.glance_api.request import Request
from glance_filters.wsgi import input_streams

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

# An image's record, with room to spare. Glance may go on working while it
# answers; no response to these calls is longer.
_MAX_RESPONSE_BYTES = 1024 * 1024


class LocationGuard(base.Filter[options.LocationGuardSettings]):
    """Guards the locations of images."""

    name = "location_guard"
    opts = options.OPTS
    api_calls = tuple(changes.RULES)

    def __init__(
        self, app: WSGIApplication, config: configuration.Configuration
    ) -> None:
        super().__init__(app, config)
        self._locking = locking.ImageLocking(config)

    @classmethod
    def make_settings(
        cls, values: Mapping[str, Any], config: configuration.Configuration
    ) -> options.LocationGuardSettings:
        """Make the settings of the options' values."""
        return options.LocationGuardSettings(**values)

    def prepare(self, settings: options.LocationGuardSettings) -> None:
        """Make the locks.

        :raises ValueError: if the URL cannot be used
        """
        if settings.enabled:
            self._locking.configure(
                settings.coordination_url, settings.lock_timeout
            )

    @classmethod
    def check(
        cls, place: str, config: configuration.Configuration
    ) -> Iterator[findings.Finding]:
        """Yield what makes the guard weaker than it looks."""
        url = config.values()["coordination_url"]
        if url and not url.startswith("file:"):
            if importlib.util.find_spec("tooz") is None:
                yield findings.Finding(
                    place,
                    "coordination_url needs tooz, which is not installed",
                    "Install glance-filters[coordination]",
                )
        elif not url and config.of_service(None, "workers") != 1:
            yield findings.Finding(
                place,
                "images are locked within each worker only, and there may be "
                "several workers",
                "Set coordination_url",
            )
        if config.of_service(None, "show_multiple_locations") is False:
            yield findings.Finding(
                place,
                "Glance's show_multiple_locations is off, so patches cannot "
                "change locations anyway",
                "The other requests are guarded all the same",
                True,
            )

    def handle(
        self, request: Request, settings: options.LocationGuardSettings
    ) -> WSGIApplication | None:
        """Send the request to Glance under the image's lock, or refuse it."""
        rule = changes.RULES[request.call]
        change = rule.read(request, settings.max_body_size)
        release = self._locking.lock(
            request,
            rule.is_proxied,
            is_required=change.is_guarded
            or settings.on_lock_failure == "refuse",
        )
        if release is None:
            return None
        try:
            if change.is_guarded:
                self._check_status(request, rule, change, settings)
            if rule.is_upload:
                # Until Glance reads it has written the image's new status,
                # and reading takes as long as the client likes.
                request.replace_input(
                    input_streams.HookedStream(
                        request.take_upload(), on_start=release
                    )
                )
            response = request.capture()
            # It may be sent slowly: the lock must not wait for that.
            response.read(_MAX_RESPONSE_BYTES)
        finally:
            release()
        return response

    def _check_status(
        self,
        request: Request,
        rule: changes.Rule,
        change: changes.Change,
        settings: options.LocationGuardSettings,
    ) -> None:
        """Refuse a change if any part of it is not allowed.

        What Glance does not show to the user, it is left to refuse.

        :raises ProtectedAttribute: if an attribute of Glance's image object
            is named
        :raises LocationConflict: if the image's status forbids an operation
        :raises ImageUnknown: if Glance does not tell the status
        """
        name = change.protected_attribute
        try:
            status = request.fetch_image().status
        except images.ImageHidden as hidden:
            # A policy may forbid to see an image, but not to change it; then
            # nobody else would keep the patch from another image.
            if (
                name is not None
                and hidden.code in (403, 404)
                and request.route_exists()
            ):
                raise errors.ProtectedAttribute(name) from hidden
            return
        if name is not None:
            raise errors.ProtectedAttribute(name)
        if status is None:
            raise errors.ImageUnknown(request.image_id)
        for operation in change.operations:
            allowed: tuple[str, ...] = getattr(settings, operation.option)
            if status in allowed:
                continue
            if not rule.is_old and not request.route_exists():
                return
            raise errors.LocationConflict(
                operation.op, request.image_id, status, allowed
            )
