# SPDX-License-Identifier: Apache-2.0

"""The response to a download: RFC 9110, sections 13, 14 and 15.3.7.

Glance is asked first: only it knows whether the user may download. What it
answers other than with data is the response. Then come the conditions of the
request, and then its ranges (13.2.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oslo_log import log as logging

from glance_filters import errors
from glance_filters.filters.range_translator import (
    options,
    planning,
    sources,
    validators,
)
from glance_filters.filters.range_translator.image_data import ImageData
from glance_filters.filters.range_translator.parts_body import PartsBody
from glance_filters.filters.range_translator.sources import (
    AnySource,
    Opened,
)
from glance_filters.http import byte_ranges, multipart, preconditions
from glance_filters.http.byte_ranges import RangeSpec
from glance_filters.wsgi.response import CapturedResponse, Headers

LOG = logging.getLogger(__name__)

_OCTETS = "application/octet-stream"
# Fields of Glance's response that do not hold for parts as they are sent.
_OF_ANOTHER_BODY = frozenset(
    (
        "content-digest",
        "content-length",
        "content-md5",
        "content-range",
        "content-type",
    )
)
# Where Glance's cache leaves the image that it looked up.
_IMAGE_OF_CACHE_KEY = "api.cache.image"
# What a request discards without a line in the log, in bytes.
_DISCARDED_SILENTLY = 8 * 1024 * 1024


class Download:
    """One client's download of one image.

    :param data: what Glance says about the image
    :param source: where parts of it come from
    :param environ: the client's request
    :param settings: the filter's settings for this request
    """

    def __init__(
        self,
        data: ImageData,
        source: AnySource,
        environ: Mapping[str, Any],
        settings: options.RangeTranslatorSettings,
    ) -> None:
        self._data = data
        self._source = source
        self._environ = environ
        self._settings = settings

    def whole(self, opened: Opened | None = None) -> CapturedResponse:
        """Return the response with the whole image.

        :param opened: what is open already, taken over
        :raises NotModified: if the client has the data already
        :raises PreconditionFailed: if a condition of the request is not met
        """
        if opened is not None and not opened.is_whole:
            opened.close()
            opened = None
        response = opened.response if opened else self._data.fetch()
        # HEAD is answered as GET, but without the body (RFC 9110, 9.3.2).
        is_head = self._environ["REQUEST_METHOD"] == "HEAD"
        try:
            if sources.is_image(response):
                _, response.headers = self._validated(response)
                self._add_length(response, is_head)
        except BaseException:
            response.close()
            raise
        if is_head:
            response.close()
            response.body = ()
        return response

    def _add_length(self, response: CapturedResponse, is_head: bool) -> None:
        """Add the Content-Length that Glance's cache has taken away."""
        if response.header("Content-Length") is not None:
            return
        image: Any = response.environ.get(_IMAGE_OF_CACHE_KEY)
        if image is None:
            # For GET it is not worth a call of Glance.
            image = self._data.image if is_head else self._data.known_image
        size = getattr(image, "size", None)
        if type(size) is int:
            response.headers.append(("Content-Length", str(size)))

    def partial(
        self, specs: Sequence[RangeSpec], size: int | None = None
    ) -> CapturedResponse:
        """Return the response with the parts that are wanted.

        :param specs: the ranges, at least one
        :param size: the image's size in bytes according to the client, if it
            names one
        :raises NotModified: if the client has the data already
        :raises PreconditionFailed: if a condition of the request is not met
        :raises RangeNotSatisfiable: if no range is within the image
        """
        response = None
        try:
            response = self._partial(specs, size)
        finally:
            if response is None or not isinstance(response.body, PartsBody):
                self._data.close()
        return response

    def _partial(
        self, specs: Sequence[RangeSpec], claimed: int | None
    ) -> CapturedResponse:
        spec = planning.opening(specs, self._settings.costs)
        # Each round asks Glance once more, and leaves the plan fewer calls.
        while True:
            opened = None
            try:
                opened = self._source.open(spec)
                size = opened.size
            except sources.Refused as refused:
                return refused.response
            except sources.Unsatisfied as error:
                size = self._data.size if error.size is None else error.size
            try:
                tag, headers = self._validated(
                    opened.response if opened else None
                )
                plan = None
                if size is not None and preconditions.honours_range(
                    self._environ, tag
                ):
                    if claimed not in (None, size):
                        raise errors.RangeNotSatisfiable(size)
                    plan = self._plan(specs, size, opened)
                if plan is None:
                    return self.whole(opened)
                if opened is not None and plan.opened is not None:
                    return self._parts(plan, opened, headers)
            except BaseException:
                if opened is not None:
                    opened.close()
                raise
            if opened is not None:
                opened.close()
            spec = planning.spec_of(plan.reads[0])

    def _plan(
        self, specs: Sequence[RangeSpec], size: int, opened: Opened | None
    ) -> planning.Plan | None:
        """Return how to read the parts; None if the whole is to be sent."""
        if len(specs) == 1 and opened and not opened.is_whole:
            return planning.of_one(opened.span)
        costs = self._settings.costs
        try:
            return planning.plan(
                byte_ranges.resolve(specs, size, self._settings.limits),
                costs,
                costs.max_calls - self._data.calls,
                opened.span if opened else None,
                random_access=not (opened and opened.is_whole),
            )
        except byte_ranges.Unsatisfiable:
            raise errors.RangeNotSatisfiable(size) from None
        except (byte_ranges.Invalid, byte_ranges.TooCostly):
            return None

    def _parts(
        self, plan: planning.Plan, opened: Opened, headers: Headers
    ) -> CapturedResponse:
        """Return a 206 (RFC 9110, 15.3.7)."""
        size = opened.size or 0
        content_type = opened.response.header("Content-Type") or _OCTETS
        headers = [
            each for each in headers if each[0].lower() not in _OF_ANOTHER_BODY
        ]
        parts = plan.parts
        framing = None
        if len(parts) == 1:
            length = parts[0].length
            value = byte_ranges.format_content_range(parts[0], size)
            headers.append(("Content-Range", value))
        else:
            framing = multipart.Framing(parts, size, content_type)
            length = framing.content_length
            content_type = framing.content_type
        headers.append(("Content-Type", content_type))
        headers.append(("Content-Length", str(length)))
        if opened.is_whole and plan.discarded > _DISCARDED_SILENTLY:
            LOG.info(
                "Discarding %d bytes of image %.80r to answer a request for "
                "ranges: Glance gives out no parts of it (%s). Its store may "
                "have no random access.",
                plan.discarded,
                self._data.image_id,
                self._source.reason,
            )
        body = PartsBody(
            self._source,
            plan,
            opened,
            framing,
            self._settings.max_gap,
            self._data,
        )
        return CapturedResponse("206 Partial Content", headers, body)

    def _validated(
        self, response: CapturedResponse | None
    ) -> tuple[str | None, Headers]:
        """Return the entity tag, and the fields of a 200.

        :param response: a response of Glance with data; None if it only says
            that it would have given one
        :raises NotModified: if the client has the data already
        :raises PreconditionFailed: if a condition of the request is not met
        """
        tag = validators.tag_of(self._data, response)
        headers = validators.with_missing(
            response.headers if response else [],
            validators.fields(
                self._data,
                tag,
                # RFC 9530, section 4.
                "HTTP_WANT_REPR_DIGEST" in self._environ,
                self._settings.cache_control,
            ),
        )
        outcome = preconditions.evaluate(self._environ, tag)
        if outcome is preconditions.Outcome.FAILED:
            raise errors.PreconditionFailed
        if outcome is preconditions.Outcome.NOT_MODIFIED:
            raise errors.NotModified(validators.of_not_modified(headers))
        return tag, headers
