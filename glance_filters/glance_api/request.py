# SPDX-License-Identifier: Apache-2.0

"""One request of the Images API on its way through a filter.

A :class:`Request` owns the request's environ: what a filter reads of it, asks
Glance about it or changes in it goes through one of its methods.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from oslo_log import log as logging

from glance_filters import errors
from glance_filters.glance_api import (
    framing,
    images,
    json_body,
    json_patch,
    matching,
    request_body,
    subrequest,
)
from glance_filters.glance_api.calls import ApiCall
from glance_filters.wsgi import input_streams, response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

LOG = logging.getLogger(__name__)

# There is no such image for this user, or no such API version (300).
_HIDDEN = (300, 401, 403, 404)

# The fields by which a request may be answered with less than the whole, or
# with another coding of it; some releases of Glance read Content-Range so.
_SELECTING_KEYS = (
    "HTTP_ACCEPT_ENCODING",
    "HTTP_CONTENT_RANGE",
    "HTTP_IF_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_RANGE",
    "HTTP_IF_UNMODIFIED_SINCE",
    "HTTP_RANGE",
)


class Request:
    """A request that is one of a filter's calls.

    :param app: the application behind the filter
    :param environ: the request's environ
    :param match: what the request is
    :param source: the name of the filter
    """

    def __init__(
        self,
        app: WSGIApplication,
        environ: WSGIEnvironment,
        match: matching.Match,
        source: str,
    ) -> None:
        self.app = app
        self.environ = environ
        self.match = match
        self.source = source
        self._upload: input_streams.BodyStream | None = None

    @property
    def call(self) -> ApiCall:
        """The API call."""
        return self.match.call

    @property
    def image_id(self) -> str:
        """The image's id as text, as the request spells it."""
        return self.variable("image_id")

    def variable(self, name: str) -> str:
        """Return a variable of the path as text."""
        return self.match.variables[name].encode("latin-1").decode()

    # What Glance says about it.

    def subrequest(
        self,
        path_info: str,
        method: str = "GET",
        content_type: str = "",
        body: bytes = b"",
    ) -> subrequest.SubResponse:
        """Send a child request to Glance, in the user's own name.

        It asks for JSON, and for the API version of this request.

        :raises NoResponse: if there is no response
        """
        return subrequest.send(
            self.app,
            self.environ,
            source=self.source,
            path_info=path_info,
            method=method,
            accept=matching.accept_of_child(self.environ),
            content_type=content_type,
            body=body,
        )

    def fetch_image(self) -> images.Image:
        """Return the image that the request is about, as it is now.

        :raises ImageHidden: if Glance does not show it to this user
        :raises ImageUnknown: if Glance does not answer, or with something
            that is not an image
        """
        try:
            answer = self.subrequest(self.match.image_path())
            if answer.status in _HIDDEN:
                raise images.ImageHidden(answer.status)
            if answer.status != 200:
                raise images.NotAnImage(f"status code {answer.status}")
            return images.parse(answer.body)
        except (subrequest.NoResponse, images.NotAnImage) as error:
            LOG.warning("Could not get image %.80r: %s", self.image_id, error)
            raise errors.ImageUnknown(self.image_id) from error

    def route_exists(self) -> bool:
        """Return False if Glance has no such call at all.

        It answers 404 then, and so must a filter. A Glance that has the call
        answers 405 to a method that it does not know there.
        """
        try:
            answer = self.subrequest(self.match.path_info, method="HEAD")
        except subrequest.NoResponse:
            return True
        return answer.status != 404

    # Its body.

    def buffer_body(self, max_bytes: int) -> bytes | None:
        """Read the body, so that Glance need not wait for it.

        :param max_bytes: the longest body that is read, inclusive
        :returns: the body; None if Glance sees none
        :raises BadRequest: if nobody can tell where it ends
        :raises BodyTooLarge: if the body is longer than that
        :raises BodyUnreadable: if the body cannot be read to its end
        """
        environ = self.environ
        framing.check(environ)
        if not request_body.has_body(environ) or (
            matching.is_form_post(environ)
            and not request_body.is_readable(environ)
        ):
            return None
        is_chunked_by_uwsgi = request_body.uwsgi_chunks(environ) is not None
        body, left = request_body.read(environ, max_bytes)
        if is_chunked_by_uwsgi:
            # The server's chunks are used up: Glance must find the body, of
            # a length that is now known, in wsgi.input.
            del environ["HTTP_TRANSFER_ENCODING"]
            environ["CONTENT_LENGTH"] = str(len(body))
        self.replace_input(io.BytesIO(left))
        return body

    def read_patch(self, max_bytes: int) -> list[json_patch.Operation]:
        """Return the operations of a JSON patch.

        :param max_bytes: the longest body that is read, inclusive
        :returns: an empty list if Glance does not take the body for a patch
        :raises FilterError: as :meth:`buffer_body`
        """
        content_type = self.environ.get("CONTENT_TYPE", "")
        if not json_patch.is_patch(content_type):
            return []
        body = self.buffer_body(max_bytes)
        if body is None:
            return []
        try:
            return json_patch.parse(content_type, body)
        except json_patch.NotAPatch:
            return []

    def read_json(self, max_bytes: int) -> dict[str, Any] | list[Any] | None:
        """Return the JSON document of a POST.

        :param max_bytes: the longest body that is read, inclusive
        :returns: None if Glance finds no document, or if a form in the body
            makes the request one of another method
        :raises FilterError: as :meth:`buffer_body`
        """
        is_form = matching.is_form_post(self.environ)
        body = self.buffer_body(max_bytes)
        if body is None:
            return None
        if is_form and matching.form_method(self.environ, body) != "POST":
            return None
        with contextlib.suppress(json_body.NotADocument):
            return json_body.load(body)
        return None

    def take_upload(self) -> input_streams.BodyStream:
        """Return the body that Glance will read, to be read piece by piece.

        Glance reads it if it, or what is made of it, is then put back by
        :meth:`replace_input`.

        :raises BadRequest: if nobody can tell where the body ends
        """
        framing.check(self.environ)
        self._upload = request_body.stream(self.environ)
        if request_body.uwsgi_chunks(self.environ) is not None:
            # Glance would ask the server for the chunks itself, past us.
            del self.environ["HTTP_TRANSFER_ENCODING"]
            self.environ["wsgi.input_terminated"] = True
        return self._upload

    def replace_input(self, stream: Any) -> None:
        """Make *stream* the body that Glance reads, once."""
        for key in request_body.CACHED_KEYS:
            self.environ.pop(key, None)
        self.environ["wsgi.input"] = stream

    def drain(self, seconds: float) -> None:
        """Read what the client still sends, so that it sees the response.

        :param seconds: for how long, at most
        """
        try:
            upload = self._upload or self.take_upload()
        except errors.FilterError:
            # Nobody can tell how much would have to be read.
            return
        upload.drain(seconds)

    # Glance's response to it.

    def capture(
        self,
        fields: Mapping[str, str] | None = None,
        without: Iterable[str] = (),
    ) -> response.CapturedResponse:
        """Send the request to Glance, and return the response.

        :param fields: environ keys to set; the request itself stays as it is
        :param without: environ keys to leave out
        :raises Exception: whatever Glance raises until it answers
        """
        environ = self.environ
        if fields is not None or without:
            environ = dict(environ)
            for key in without:
                environ.pop(key, None)
            environ.update(fields or {})
            # Each call of Glance may set attributes of its own.
            if "webob.adhoc_attrs" in environ:
                environ["webob.adhoc_attrs"] = dict(
                    environ["webob.adhoc_attrs"]
                )
        else:
            # Glance writes into its own, and may be asked again meanwhile.
            self.environ = dict(environ)
        return response.capture(self.app, environ)

    def capture_whole(
        self, fields: Mapping[str, str] | None = None
    ) -> response.CapturedResponse:
        """Send the request for a response that is to be read and changed.

        It goes without a condition, a range or a content coding: else a
        client that knows Glance's own response would go on with that.

        :param fields: environ keys to set, these too
        """
        return self.capture(fields, without=_SELECTING_KEYS)
