# SPDX-License-Identifier: Apache-2.0

"""Only the disk formats that the operator allows, and contents to match.

A request that gives an image a disk format outside the operator's list is
answered with 400 Bad Request, and the image schemas offer the formats of the
list, so that clients know it beforehand.

The data of an upload are looked at on their way. Data that are unsafe, or of
another format than the image's, are refused with 415 Unsupported Media Type,
if possible before the core is called, else so that it forgets what it has
stored of them.

Place it after the filters that establish the user's identity, and in front of
``location_guard``::

    [filter:disk_format_validator]
    use = egg:glance-filters#disk_format_validator

environ keys read: REQUEST_METHOD, PATH_INFO, SCRIPT_NAME, QUERY_STRING,
CONTENT_TYPE, CONTENT_LENGTH, HTTP_ACCEPT, HTTP_TRANSFER_ENCODING, wsgi.input,
api.version. environ keys set: wsgi.input, with the same body.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oslo_config import cfg
from oslo_log import log as logging

from glance_filters import answers, errors
from glance_filters.filters import base, configuration, counters
from glance_filters.filters.disk_format_validator import changes
from glance_filters.filters.disk_format_validator import (
    inspection as upload_inspection,
)
from glance_filters.glance_api import (
    api_calls,
    image_formats,
    request_body,
    schemas,
)
from glance_filters.wsgi import input_streams, response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)

NAME = "disk_format_validator"

OPTS: tuple[cfg.Opt, ...] = (
    base.enabled_opt("validates disk formats"),
    cfg.ListOpt(
        "disk_formats",
        default=[
            *("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2"),
            *("vdi", "iso", "ploop"),
        ],
        mutable=True,
        help=(
            "The disk formats that an image may have. A request that sets "
            "another one is answered with 400 Bad Request. Glance itself "
            "must know them too: see its option [image_format] disk_formats."
        ),
    ),
    cfg.StrOpt(
        "inspect",
        default="auto",
        choices=[
            ("auto", "warn if oslo.utils has inspectors, else off"),
            ("off", "data are not looked at"),
            ("warn", "unsafe data are refused, a wrong format is logged"),
            ("enforce", "unsafe data and those of a wrong format are refused"),
        ],
        mutable=True,
        help=(
            "What is done about uploads whose data are unsafe or not of the "
            "image's disk format. Needs the format inspectors of oslo.utils "
            "(7.3.0 or newer), which the extra 'inspect' of this package "
            "installs with all that they need."
        ),
    ),
    cfg.IntOpt(
        "max_body_size",
        default=1024 * 1024,
        min=1,
        mutable=True,
        help=(
            "The longest request body that the filter reads for a disk "
            "format, in bytes. A request with a longer one is answered with "
            "413. It does not limit the data of images."
        ),
    ),
    *counters.OPTS,
)

# Far more than any image schema.
_MAX_SCHEMA_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class DiskFormatValidatorSettings:
    """The values of the filter's options.

    :ivar inspect: ``off``, ``warn`` or ``enforce``
    """

    enabled: bool
    disk_formats: tuple[str, ...]
    inspect: str
    max_body_size: int

    @classmethod
    def read(cls, inspect: str, **options: Any) -> DiskFormatValidatorSettings:
        """Settle what ``auto`` means here.

        :raises ValueError: if data cannot be looked at, but are to be
        """
        if inspect != "off" and not upload_inspection.is_available():
            if inspect != "auto":
                raise ValueError(
                    f"inspect = {inspect} needs the format inspectors of "
                    "oslo.utils: install glance-filters[inspect]"
                )
            LOG.info(
                "The data of uploads are not inspected: there are no format "
                "inspectors of oslo.utils (install glance-filters[inspect])"
            )
            inspect = "off"
        elif inspect == "auto":
            inspect = "warn"
        return cls(inspect=inspect, **options)


class DiskFormatValidator(base.Filter[DiskFormatValidatorSettings]):
    """Validates the disk formats of images."""

    name = NAME
    opts = OPTS
    calls = (
        api_calls.CREATE_IMAGE,
        api_calls.CREATE_TASK,
        api_calls.UPDATE_IMAGE,
        api_calls.SHOW_IMAGE_SCHEMA,
        api_calls.SHOW_IMAGES_SCHEMA,
        api_calls.UPLOAD_IMAGE,
        api_calls.STAGE_IMAGE,
    )
    settings_class = DiskFormatValidatorSettings.read

    def __init__(
        self, app: WSGIApplication, config: configuration.Configuration
    ) -> None:
        super().__init__(app, config)
        _compare(self._settings, config)

    def handle(
        self,
        match: api_calls.Match,
        environ: WSGIEnvironment,
        settings: DiskFormatValidatorSettings,
    ) -> WSGIApplication:
        """Return the core, its schema with the list, or raise a refusal."""
        call = match.call
        if call in (api_calls.UPLOAD_IMAGE, api_calls.STAGE_IMAGE):
            if settings.inspect != "off":
                self._inspect(match, environ, settings)
            return self._app
        if call in (api_calls.SHOW_IMAGE_SCHEMA, api_calls.SHOW_IMAGES_SCHEMA):
            return self._schema(call, environ, settings)
        self._check_formats(call, environ, settings)
        return self._app

    def _schema(
        self,
        call: api_calls.ApiCall,
        environ: WSGIEnvironment,
        settings: DiskFormatValidatorSettings,
    ) -> WSGIApplication:
        """Return the core's answer, with the list in the schema."""
        answer = response.ask_whole(self._app, environ)
        if answer.code != 200:
            return answer
        document = answer.read_json(_MAX_SCHEMA_BYTES)
        offer = (
            schemas.offer_in_image
            if call == api_calls.SHOW_IMAGE_SCHEMA
            else schemas.offer_in_images
        )
        offered = offer(document, settings.disk_formats)
        return answer if offered is document else answer.with_json(offered)

    def _check_formats(
        self,
        call: api_calls.ApiCall,
        environ: WSGIEnvironment,
        settings: DiskFormatValidatorSettings,
    ) -> None:
        """Refuse a request that sets a format outside the list.

        :raises DiskFormatNotAllowed: if it sets one
        """
        for value in changes.read(call, environ, settings.max_body_size):
            # Null is no format yet.
            if value is not None and value not in settings.disk_formats:
                raise errors.DiskFormatNotAllowed(value, settings.disk_formats)

    def _inspect(
        self,
        match: api_calls.Match,
        environ: WSGIEnvironment,
        settings: DiskFormatValidatorSettings,
    ) -> None:
        """Look at the head of an upload now, and at the rest on its way.

        Of an image that the core does not show to the user, only unsafe data
        are refused; the rest is the core's.

        :raises ContentMismatch: if the data are of another format
        :raises UnsafeContent: if they are unsafe
        :raises ImageUnknown: if the core does not tell what they should be
        """
        formats = image_formats.ask(self._app, environ, match, self.name)
        body = input_streams.take(environ)
        judged: input_streams.InputStream = body
        # The core takes no data for an image without formats, and what a
        # container holds is not for us to know.
        if formats is None or (
            formats.container_format == "bare" and formats.disk_format
        ):
            inspection = upload_inspection.UploadInspection(
                match.variables["image_id"],
                None if formats is None else formats.disk_format,
                enforce=settings.inspect == "enforce",
            )

            def on_refusal(error: errors.FilterError) -> None:
                self.note_refusal(match, error)

            upload = input_streams.InspectedInput(body, inspection, on_refusal)
            # The core refuses data in any other status, and need not be sent
            # any.
            if formats is not None and formats.status == "queued":
                upload.read_head(inspection.max_head)
            judged = upload
        # The core may write into its own.
        parent = dict(environ)
        request_body.replace(
            environ,
            input_streams.FirstReadInput(
                judged, lambda: self._look_again(match, parent, formats)
            ),
        )

    def _look_again(
        self,
        match: api_calls.Match,
        environ: WSGIEnvironment,
        judged_by: image_formats.ImageFormats | None,
    ) -> None:
        """Refuse an upload if its image has other formats by now.

        Who reads the data has set the image's status before, and from then on
        the core lets nobody change the formats. Until then, anybody could.

        :raises HTTPError: to refuse it, as Glance expects it of a stream
        """
        try:
            formats = image_formats.ask(self._app, environ, match, self.name)
            if formats != judged_by:
                raise errors.FormatsChanged(match.variables["image_id"])
        except errors.FilterError as error:
            self.note_refusal(match, error)
            raise answers.answer(error) from error


def _compare(
    settings: DiskFormatValidatorSettings,
    config: configuration.Configuration,
) -> None:
    """Say which formats of the list the core itself would refuse."""
    known = config.of_service("image_format", "disk_formats")
    if not settings.enabled or known is None:
        return
    refused = [each for each in settings.disk_formats if each not in known]
    if refused:
        LOG.warning(
            "Glance itself refuses disk formats that are allowed here: %s. "
            "Add them to its option [image_format] disk_formats.",
            ", ".join(refused),
        )
