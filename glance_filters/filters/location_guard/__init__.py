# SPDX-License-Identifier: Apache-2.0

"""Refuse to change an image's locations while its status forbids it.

Glance lets some requests replace or remove an image's locations in a status
in which data is on its way or the image is taken out of use, and old releases
let many. This filter gets the image's status from Glance, in the name of the
user, and answers 409 Conflict when the operator does not allow the operation
in that status. The request does not reach Glance then.

Glance saves the whole record that a request has read, whatever the request
changes. So while Glance carries out a request that saves an image, the image
is locked against other such requests, of this process and of others. An
upload releases the lock while Glance reads the data, and acquires it again
before Glance reads its end. What that end, or that of an import, would undo
is answered with 409 Conflict.

The filter also refuses a patch that names an attribute of Glance's image
object instead of a property: Glance would set it, and so act on another
image, for example.

Place it after the filters that establish the user's identity and before
``cache``::

    [filter:location_guard]
    use = egg:glance-filters#location_guard

environ keys read: REQUEST_METHOD, PATH_INFO, SCRIPT_NAME, QUERY_STRING,
CONTENT_TYPE, CONTENT_LENGTH, HTTP_ACCEPT, HTTP_TRANSFER_ENCODING,
HTTP_X_PROJECT_ID, HTTP_X_TENANT_ID, HTTP_X_ROLES, HTTP_X_AUTH_TOKEN,
HTTP_X_STORAGE_TOKEN, wsgi.input, api.version. environ keys set: wsgi.input,
with the same body (and those by which Glance finds out how long it is).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from glance_filters import errors, locks
from glance_filters.filters import base, configuration, findings
from glance_filters.filters.location_guard import (
    changes,
    locking,
    options,
    proxying,
    transfers,
)
from glance_filters.glance_api import images
from glance_filters.glance_api.request import Request
from glance_filters.wsgi import input_streams, response

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
            self._locking.configure(settings)

    def complaints(self) -> Iterator[str]:
        """Yield what is wrong: also that images cannot be locked."""
        yield from super().complaints()
        if self._settings.enabled:
            why = self._locking.made.check()
            if why is not None:
                yield f"images cannot be locked: {why}"

    @classmethod
    def check(
        cls, place: str, config: configuration.Configuration
    ) -> Iterator[findings.Finding]:
        """Yield what makes the guard weaker than it looks."""
        url = config.values()["coordination_url"]
        if not url and config.of_service(None, "workers") != 1:
            yield findings.Finding(
                place,
                "images are locked within each worker only, and there may be "
                "several workers",
                "Set coordination_url",
            )
        if locking.is_no_folder(url, config):
            yield findings.Finding(
                place,
                "images cannot be locked: coordination_url names a file",
                "Name a folder; the service makes it if it is not there",
            )
        if locking.is_mysql(url, config):
            yield findings.Finding(
                place,
                "MySQL locks are local to a server; several writing nodes of "
                "Galera do not see the locks of each other",
                "With such a cluster, set coordination_url to Redis or etcd",
                True,
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
        """Send the request to Glance under the image's lock, or refuse it.

        What Glance does not show to the user, it is left to refuse.
        """
        rule = changes.RULES[request.call]
        change = rule.read(request, settings.max_body_size)
        is_required = change.is_guarded or settings.on_lock_failure == "refuse"
        is_proxied = rule.is_proxied and proxying.is_possible(self._config)
        with contextlib.ExitStack() as stack:
            if is_proxied:
                guest = self._as_guest(request)
                if guest is not None:
                    stack.enter_context(guest)
                    return self._capture(request)
            try:
                held = self._locking.hold(request, is_required, rule.is_patch)
            except images.ImageHidden as hidden:
                _check_hidden(request, change, hidden)
                return None
            except locking.NotPermitted:
                return None
            stack.callback(held.release)
            self._check(request, rule, change, settings, held)
            if rule.is_upload:
                stack.enter_context(self._uploading(request, held))
            if is_proxied:
                stack.enter_context(
                    proxying.being_host(
                        proxying.key(request),
                        self._locking.made.acquire,
                        self._locking.try_acquire,
                    )
                )
            return self._capture(request)

    def _capture(self, request: Request) -> response.CapturedResponse:
        captured = request.capture()
        # It may be sent slowly: the lock must not wait for that.
        captured.read(_MAX_RESPONSE_BYTES)
        return captured

    def _as_guest(self, request: Request) -> contextlib.ExitStack | None:
        try:
            return proxying.enter_as_guest(
                proxying.key(request), self._locking.try_acquire
            )
        except locks.LockTimeout as error:
            raise errors.ImageBusy(request.image_id) from error
        except locks.LockUnavailable:
            # It is reported when the image is to be locked.
            return None

    @contextlib.contextmanager
    def _uploading(
        self, request: Request, held: locking.HeldImage
    ) -> Iterator[None]:
        """Lock the image at the beginning and at the end of an upload.

        Until Glance reads, it has written the image's new status; what it
        saves after it has read the last byte is what it read before the
        first. The hours between block nobody, but for changes that this end
        would undo.
        """

        def at_end() -> None:
            try:
                held.acquire_again()
            except errors.FilterError as error:
                self.note_refusal(request, error)
                raise response.from_error(error) from error

        # First: it may refuse the request.
        body = request.take_upload()
        request.replace_input(
            input_streams.HookedStream(body, held.release, at_end)
        )
        upload = None
        with contextlib.suppress(locks.LockUnavailable):
            upload = self._locking.try_acquire(_upload_name(held))
        try:
            yield
        finally:
            if upload is not None:
                upload.release()

    def _check(
        self,
        request: Request,
        rule: changes.Rule,
        change: changes.Change,
        settings: options.LocationGuardSettings,
        held: locking.HeldImage,
    ) -> None:
        """Refuse what the image's state does not allow.

        :raises ProtectedAttribute: if an attribute of Glance's image object
            is named
        :raises LocationConflict: if the image's status forbids an operation
        :raises ImageInTransfer: if the end of a transfer would undo it
        :raises ImageUnknown: if Glance does not tell the status
        """
        if change.protected_attribute is not None:
            raise errors.ProtectedAttribute(change.protected_attribute)
        status = held.image.status
        if change.operations and status is None:
            raise errors.ImageUnknown(request.image_id)
        for operation in change.operations:
            allowed: tuple[str, ...] = getattr(settings, operation.option)
            if status in allowed:
                continue
            if not rule.is_old and not request.route_exists():
                return
            raise errors.LocationConflict(
                operation.op, request.image_id, str(status), allowed
            )
        for transfer in rule.undone_by:
            if self._is_under_way(transfer, request, held):
                raise errors.ImageInTransfer(request.image_id, transfer.value)

    def _is_under_way(
        self,
        transfer: changes.Transfer,
        request: Request,
        held: locking.HeldImage,
    ) -> bool:
        if transfer is changes.Transfer.IMPORT:
            return transfers.is_importing(request, held.image)
        if transfer is changes.Transfer.HASH:
            return transfers.is_hashing(request, held.image)
        if held.image.status not in transfers.UPLOADING:
            return False
        # An upload that ended, in whatever way, has released it.
        try:
            upload = self._locking.try_acquire(_upload_name(held))
        except locks.LockUnavailable:
            return False
        if upload is not None:
            upload.release()
        return upload is None


def _upload_name(held: locking.HeldImage) -> str:
    """Return the name of the lock that an upload holds to its end."""
    return f"{held.image_id} upload"


def _check_hidden(
    request: Request, change: changes.Change, hidden: images.ImageHidden
) -> None:
    """Refuse a patch of a protected attribute of an image that is hidden.

    A policy may forbid to see an image, but not to change it; then nobody
    else would keep the patch from another image.
    """
    name = change.protected_attribute
    if (
        name is not None
        and hidden.code in (403, 404)
        and request.route_exists()
    ):
        raise errors.ProtectedAttribute(name) from hidden
