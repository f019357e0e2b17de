# SPDX-License-Identifier: Apache-2.0

"""Only the disk formats that the operator allows, and data to match.

A request that gives an image a disk format outside the operator's list is
answered with 400 Bad Request, and the image schemas offer the formats of the
list, so that clients know it beforehand.

The data of an upload is inspected on its way. Data that is unsafe, or in
another format than the image's, is refused with 415 Unsupported Media Type,
if possible before Glance is called, else so that Glance deletes what it has
stored of it.

Place it after the filters that establish the user's identity, and before
``location_guard``::

    [filter:disk_format_validator]
    use = egg:glance-filters#disk_format_validator

environ keys read: REQUEST_METHOD, PATH_INFO, SCRIPT_NAME, QUERY_STRING,
CONTENT_TYPE, CONTENT_LENGTH, HTTP_ACCEPT, HTTP_TRANSFER_ENCODING,
HTTP_X_OPENSTACK_IMAGE_SIZE, wsgi.input, api.version. environ keys set:
wsgi.input, with the same body (and those by which Glance finds out how long it
is).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from oslo_log import log as logging

from glance_filters import errors
from glance_filters.filters import base, configuration, findings
from glance_filters.filters.disk_format_validator import (
    changes,
    import_plugin,
    inspection,
    options,
)
from glance_filters.filters.disk_format_validator.options import (
    DiskFormatValidatorSettings,
)
from glance_filters.glance_api import calls, images, schemas
from glance_filters.glance_api.request import Request
from glance_filters.wsgi import input_streams, response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

LOG = logging.getLogger(__name__)

# Far more than any image schema.
_MAX_SCHEMA_BYTES = 4 * 1024 * 1024

_UPLOADS = (calls.UPLOAD_IMAGE, calls.STAGE_IMAGE)
_SCHEMAS = {
    calls.SHOW_IMAGE_SCHEMA: schemas.offer_in_image,
    calls.SHOW_IMAGES_SCHEMA: schemas.offer_in_images,
}


class DiskFormatValidator(base.Filter[DiskFormatValidatorSettings]):
    """Validates the disk formats of images."""

    name = "disk_format_validator"
    opts = options.OPTS
    api_calls = (
        *changes.READERS,
        calls.ADD_LOCATION,
        *_SCHEMAS,
        *_UPLOADS,
    )

    @classmethod
    def make_settings(
        cls, values: Mapping[str, Any], config: configuration.Configuration
    ) -> DiskFormatValidatorSettings:
        """Settle what the defaults mean here."""
        known = config.of_service("image_format", "disk_formats")
        return options.make_settings(values, known)

    @classmethod
    def check(
        cls, place: str, config: configuration.Configuration
    ) -> Iterator[findings.Finding]:
        """Yield what Glance itself refuses, and what nobody inspects."""
        values = config.values()
        refused = _refused_by_glance(values["disk_formats"] or (), config)
        if refused:
            yield findings.Finding(
                place,
                f"Glance itself refuses {', '.join(refused)}",
                "Remove them, or add them to [image_format] disk_formats in "
                "glance-api.conf",
            )
        yield from import_plugin.check(place, values, config)

    def start(self) -> None:
        """Read the options, and say what contradicts Glance's own."""
        super().start()
        settings = self._settings
        refused = _refused_by_glance(settings.disk_formats, self._config)
        if settings.enabled and refused:
            LOG.warning(
                "Glance itself refuses disk formats that are allowed here: "
                "%s. Add them to its option [image_format] disk_formats.",
                ", ".join(refused),
            )
        if (
            settings.enabled
            and settings.staged_data == "leave"
            and not import_plugin.is_in_force(self._config)
        ):
            LOG.warning(
                "Staged data is inspected by nobody: staged_data is leave, "
                "and %s is not in [image_import_opts] image_import_plugins.",
                import_plugin.NAME,
            )

    def handle(
        self, request: Request, settings: DiskFormatValidatorSettings
    ) -> WSGIApplication | None:
        """Refuse the request, inspect its data, or answer with the list."""
        if request.call in _UPLOADS:
            is_left = (
                request.call == calls.STAGE_IMAGE
                and settings.staged_data == "leave"
            )
            if settings.inspect == "off" or is_left:
                return None
            return self._inspect(request, settings)
        if request.call in _SCHEMAS:
            return self._schema(request, settings)
        if (
            settings.refuse_locations
            and settings.inspect == "enforce"
            and changes.adds_location(request, settings.max_body_size)
        ):
            raise errors.LocationNotInspected
        if request.call not in changes.READERS:
            return None
        read = changes.READERS[request.call]
        for value in read(request, settings.max_body_size):
            # Null is no format yet.
            if value is not None and value not in settings.disk_formats:
                raise errors.DiskFormatNotAllowed(value, settings.disk_formats)
        if settings.inspect == "enforce" and changes.names_format(
            request, settings.max_body_size
        ):
            _refuse_while_importing(request)
        return None

    def _schema(
        self, request: Request, settings: DiskFormatValidatorSettings
    ) -> response.CapturedResponse:
        """Return Glance's response, with the list in the schema."""
        captured = request.capture_whole()
        if captured.code != 200:
            return captured
        document = captured.read_json(_MAX_SCHEMA_BYTES)
        offered = _SCHEMAS[request.call](document, settings.disk_formats)
        if offered is document:
            return captured
        return captured.with_json(offered)

    def _inspect(
        self, request: Request, settings: DiskFormatValidatorSettings
    ) -> response.CapturedResponse:
        """Judge the head of an upload now, and the rest on its way.

        Of an image that Glance does not show to the user, only unsafe data
        is refused; the rest is Glance's.

        :raises ContentMismatch: if the data is in another format
        :raises UnsafeContent: if it is unsafe
        :raises ImageUnknown: if Glance does not tell what it should be
        """
        image = _fetch_visible(request)
        body = request.take_upload()
        refusals: list[errors.FilterError] = []

        def on_refusal(error: errors.FilterError) -> None:
            refusals.append(error)
            self.note_refusal(request, error)

        upload = inspection.UploadInspection(
            request.image_id,
            image,
            inspection.size_of(request, body),
            enforce=settings.inspect == "enforce",
        )
        judged = inspection.InspectedStream(body, upload, on_refusal)
        # Glance refuses data in any other status, and need not be sent any.
        if image is not None and image.status == "queued":
            judged.read_head(upload.max_head)

        def look_again() -> None:
            """Refuse the upload if its image has other formats by now.

            Whoever reads the data has set the image's status before, and from
            then on Glance lets nobody change the formats. Until then, anybody
            could.
            """
            try:
                if _formats(_fetch_visible(request)) != _formats(image):
                    raise errors.FormatsChanged(request.image_id)
            except errors.FilterError as error:
                on_refusal(error)
                raise response.from_error(error) from error

        request.replace_input(
            input_streams.HookedStream(judged, on_start=look_again)
        )
        captured = request.capture()
        if refusals:
            request.drain(self._in_force.drain_timeout)
        return captured


def _refuse_while_importing(request: Request) -> None:
    """Refuse to change the formats by which data is judged just now.

    Glance lets an image have other ones while it is imported, though its data
    has been judged when it was staged, or by the plugin.

    :raises ImageInTransfer: if the image is being imported
    """
    image = _fetch_visible(request)
    if image is not None and image.status == "importing":
        raise errors.ImageInTransfer(request.image_id, "imported")


def _fetch_visible(request: Request) -> images.Image | None:
    """Return the request's image, None if Glance hides it from the user.

    :raises ImageUnknown: if Glance does not describe it
    """
    try:
        return request.fetch_image()
    except images.ImageHidden:
        return None


def _formats(image: images.Image | None) -> tuple[str | None, ...] | None:
    """Return what uploads are judged by."""
    return (
        None if image is None else (image.disk_format, image.container_format)
    )


def _refused_by_glance(
    disk_formats: tuple[str, ...], config: configuration.Configuration
) -> list[str]:
    """Return the formats that Glance itself does not take, if it tells."""
    known = config.of_service("image_format", "disk_formats")
    if known is None:
        return []
    return [each for each in disk_formats if each not in known]
