# SPDX-License-Identifier: Apache-2.0

"""A Glance with one image, which can be made to answer otherwise."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from glance_filters.filters import range_translator
from glance_filters.glance_api import calls, matching
from glance_filters.glance_api.request import Request
from glance_filters.http import byte_ranges
from glance_filters.tests.fixtures import http_client
from glance_filters.tests.unit import fakes

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

IMAGE_ID = fakes.IMAGE_ID
PATH = f"/v2/images/{IMAGE_ID}/file"
DATA = bytes(range(200))
SIZE = len(DATA)
MD5 = hashlib.md5(DATA).hexdigest()
SHA512 = hashlib.sha512(DATA).hexdigest()
TAG = f'"{MD5}"'
CHUNK_BYTES = 7
RANGE = "HTTP_RANGE"
CONTENT_RANGE = "HTTP_CONTENT_RANGE"


class Reply:
    """What is answered to a request for data.

    :param status: the status
    :param body: the chunks; an exception among them is raised
    :param fields: the header fields, with ``_`` for ``-``; Content-Type need
        not be among them
    """

    def __init__(
        self, status: str, *body: bytes | Exception, **fields: str
    ) -> None:
        self.status = status
        self.body = body
        if not status.startswith("204"):
            fields.setdefault("Content_Type", "application/octet-stream")
        self.headers = [
            (name.replace("_", "-"), value) for name, value in fields.items()
        ]


@dataclass
class FakeGlance:
    """A Glance.

    :ivar image: the image's document; None if it is hidden
    :ivar understands: the key of the request by which it gives out parts;
        None for none, with 400 to ``Range`` as from a store without random
        access
    :ivar replies: what it answers to the next requests for data; None, and
        all after, as it should
    :ivar headers: more fields of a response with data
    :ivar left: what it leaves in the environ
    :ivar asked: what was asked: the value of the request's field, empty for
        the whole, ``image`` for the document
    :ivar opened: how many bodies of data were handed out
    :ivar closed: how many were closed
    :ivar taken: how many bytes of data were taken
    """

    image: dict[str, Any] | None = field(
        default_factory=lambda: {
            "id": IMAGE_ID,
            "size": SIZE,
            "checksum": MD5,
            "os_hash_algo": "sha512",
            "os_hash_value": SHA512,
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-02T00:00:00Z",
        }
    )
    understands: str | None = RANGE
    replies: list[Reply | Exception | None] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    left: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    environs: list[dict[str, Any]] = field(default_factory=list)
    opened: int = 0
    closed: int = 0
    taken: int = 0

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        self.environs.append(dict(environ))
        environ.update(self.left)
        if not environ["PATH_INFO"].endswith("/file"):
            self.asked.append("image")
            if self.image is None:
                start_response("404 Not Found", [])
                return []
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self.image).encode()]
        self.asked.append(
            str(environ.get(RANGE, environ.get(CONTENT_RANGE, "")))
        )
        reply = self.replies.pop(0) if self.replies else None
        reply = reply or self._reply(environ)
        if isinstance(reply, Exception):
            raise reply
        start_response(reply.status, reply.headers)
        return _Body(self, reply.body)

    def _reply(self, environ: WSGIEnvironment) -> Reply:
        start, stop = 0, SIZE
        fields = {}
        if self.image is not None and self.image.get("checksum"):
            fields["Content_MD5"] = self.image["checksum"]
        status = "200 OK"
        text = environ.get(self.understands or RANGE)
        if text is not None:
            if self.understands is None:
                return Reply("400 Bad Request", b"no random access")
            status = "206 Partial Content"
            if self.understands == RANGE:
                limits = byte_ranges.Limits(1, 0)
                (spec,) = byte_ranges.parse(text, limits)
                found = byte_ranges.within(spec, SIZE)
                if found is None:
                    return Reply("416 Range Not Satisfiable", b"no")
            else:
                found, _ = byte_ranges.parse_content_range(text)
            start, stop = found.start, found.stop
            fields["Content_Range"] = f"bytes {start}-{stop - 1}/{SIZE}"
        fields["Content_Length"] = str(stop - start)
        data = DATA[start:stop]
        reply = Reply(
            status,
            *(
                data[place : place + CHUNK_BYTES]
                for place in range(0, len(data), CHUNK_BYTES)
            ),
            **fields,
        )
        reply.headers += self.headers
        return reply


class _Body:
    def __init__(
        self, glance: FakeGlance, chunks: tuple[bytes | Exception, ...]
    ) -> None:
        glance.opened += 1
        self._glance = glance
        self._chunks = chunks
        self._is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if isinstance(chunk, Exception):
                raise chunk
            self._glance.taken += len(chunk)
            yield chunk

    def close(self) -> None:
        self._glance.closed += not self._is_closed
        self._is_closed = True


@dataclass(frozen=True)
class Answer:
    """What a client gets.

    :ivar status: the status code
    :ivar fields: the header fields, by lower-case names
    :ivar body: the body
    """

    status: int
    fields: dict[str, str]
    body: bytes


def make_filter(
    glance: WSGIApplication, **options: str
) -> range_translator.RangeTranslator:
    """Return the filter in front of *glance*."""
    options = {"core_protocol": "range", **options}
    made = range_translator.RangeTranslator.factory({}, **options)(glance)
    assert isinstance(made, range_translator.RangeTranslator)
    return made


def get(
    app: Any, text: str | None = None, method: str = "GET", **keys: Any
) -> Answer:
    """Ask for the image.

    :param text: the value of Range
    :param keys: more environ keys
    """
    if text is not None:
        keys[RANGE] = text
    found = http_client.call_wsgi(app, fakes.environ_of(method, PATH, **keys))
    fields = {name.lower(): value for name, value in found.headers}
    assert len(fields) == len(found.headers), found.headers
    return Answer(found.status, fields, found.body)


def make_request(glance: WSGIApplication, **keys: Any) -> Request:
    """Return a download as the filter sees it."""
    match = matching.Match(
        calls.DOWNLOAD_IMAGE,
        {"image_id": IMAGE_ID},
        f"/images/{IMAGE_ID}/file",
        "/v2",
    )
    environ = fakes.environ_of("GET", PATH, **keys)
    return Request(glance, environ, match, "test")
