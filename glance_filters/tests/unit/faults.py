# SPDX-License-Identifier: Apache-2.0

"""A Glance that fails in all ways, and a server that sees what comes of it."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from wsgiref import util

from glance_filters.glance_api import calls, subrequest
from glance_filters.tests.unit import fakes
from glance_filters.tests.unit.fakes import IMAGE_ID

DATA = b"0123456789"
VARIABLES = {
    "image_id": IMAGE_ID,
    "store_id": "fast",
    "tag_value": "a",
    "namespace": "OS::Compute::Hypervisor",
    "property_name": "hypervisor_type",
}
BODIES = {
    "PATCH": b'[{"op": "replace", "path": "/name", "value": "x"}]',
    "POST": b'{"name": "x"}',
    "PUT": b"data",
}
PATCH_TYPE = "application/openstack-images-v2.1-json-patch"
# An image that the call can change.
STATUSES = {calls.DELETE_FROM_STORE: "active"}


class Body:
    """A body of Glance's: an exception among the chunks is raised.

    :param bodies: those that are open
    """

    def __init__(
        self,
        bodies: set[Body],
        *chunks: bytes | BaseException,
        close_error: Exception | None = None,
    ) -> None:
        self._bodies = bodies
        self._chunks = chunks
        self._close_error = close_error
        bodies.add(self)

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk

    def close(self) -> None:
        self._bodies.discard(self)
        if self._close_error is not None:
            raise self._close_error


Fault = Callable[[dict[str, Any], Any, "set[Body]"], Any]


def begin(start_response: Any, length: int = len(DATA)) -> Any:
    fields = [("Content-Type", "a/b"), ("Content-Length", str(length))]
    return start_response("200 OK", fields)


def body_of(*chunks: Any, length: int = len(DATA), **options: Any) -> Fault:
    def app(environ: Any, start_response: Any, bodies: set[Body]) -> Any:
        begin(start_response, length)
        return Body(bodies, *chunks, **options)

    return app


def raises(error: BaseException, has_begun: bool) -> Fault:
    def app(environ: Any, start_response: Any, bodies: set[Body]) -> Any:
        if has_begun:
            begin(start_response)
        raise error

    return app


def generator(*chunks: bytes | Exception) -> Fault:
    """Answer as late as PEP 3333 allows: when the body is asked for."""

    def app(environ: Any, start_response: Any, bodies: set[Body]) -> Any:
        body = Body(bodies, *chunks)
        begin(start_response)
        try:
            yield from body
        finally:
            body.close()

    return app


def restart(chunks: int, has_error: bool) -> Fault:
    """Begin again, after some chunks, with another status."""

    def app(environ: Any, start_response: Any, bodies: set[Body]) -> Any:
        begin(start_response)
        for _ in range(chunks):
            yield DATA[:5]
        try:
            raise OSError("the store is gone")
        except OSError:
            told = (sys.exc_info(),) if has_error else ()
            start_response("500 Error", [("Content-Type", "a/b")], *told)
        yield b"gone"

    return app


def file_wrapper(environ: Any, start_response: Any, bodies: set[Body]) -> Any:
    class File(io.BytesIO):
        def close(self) -> None:
            bodies.discard(opened)
            super().close()

    opened = Body(bodies)
    begin(start_response)
    # Not each server has one.
    wrapper = environ.get("wsgi.file_wrapper", util.FileWrapper)
    return wrapper(File(DATA))


def written(environ: Any, start_response: Any, bodies: set[Body]) -> Any:
    begin(start_response)(DATA[:5])
    return Body(bodies, DATA[5:])


def listed(environ: Any, start_response: Any, bodies: set[Body]) -> Any:
    begin(start_response)
    return [DATA]


FAULTS: dict[str, Fault] = {
    "none": body_of(DATA[:5], b"", DATA[5:]),
    "a list": listed,
    "a generator": generator(DATA),
    "a file wrapper": file_wrapper,
    "write": written,
    "no data": body_of(length=0),
    "raised before": raises(OSError("x"), False),
    "raised after": raises(OSError("x"), True),
    # As gunicorn ends a worker that takes too long.
    "ended before": raises(SystemExit(1), False),
    "ended in the body": body_of(DATA[:5], SystemExit(1)),
    "raised first in the body": body_of(OSError("x")),
    "raised in the body": body_of(DATA[:5], OSError("x")),
    "raised in a generator": generator(DATA[:5], OSError("x")),
    "raised first in a generator": generator(OSError("x")),
    "raised in close": body_of(DATA, close_error=OSError("x")),
    "raised in the body and in close": body_of(
        DATA[:5], OSError("x"), close_error=OSError("y")
    ),
    "begun again": restart(0, True),
    "begun again too late": restart(1, True),
    "begun again for no reason": restart(0, False),
    "never begun": lambda environ, start_response, bodies: Body(bodies, DATA),
    "shorter than promised": body_of(DATA[:5]),
    "longer than promised": body_of(DATA, DATA),
}


def answering(status: str, *chunks: Any, **options: Any) -> Fault:
    def app(environ: Any, start_response: Any, bodies: set[Body]) -> Any:
        start_response(status, [("Content-Type", "application/json")])
        return Body(bodies, *chunks, **options)

    return app


# What Glance may answer to a request of a filter's own.
CHILD_FAULTS: dict[str, Fault] = {
    **{name: fault for name, fault in FAULTS.items() if "ended" not in name},
    **{
        status: answering(f"{status} X", b'{"status": "active"}')
        for status in ("300", "401", "403", "404", "409", "413", "500", "503")
    },
    "no object": answering("200 OK", b"[1]"),
    "too deep": answering("200 OK", b"[" * 100_000),
    "no UTF-8": answering("200 OK", b"\xff"),
    "endless": answering("200 OK", *[bytes(2**20)] * 17),
}


class Seen(NamedTuple):
    """What a client gets.

    :ivar status: the status; empty if the server has to make one up, or
        breaks the connection: the client sees that it is not whole
    :ivar length: what is promised
    :ivar data: the body
    """

    status: str
    length: str | None = None
    data: bytes = b""


FAILURE = Seen("")


def serve(app: Any, environ: dict[str, Any]) -> Seen:
    """Do what a server does with an application (PEP 3333)."""
    head: list[Any] = []
    data: list[bytes] = []

    def start_response(status: str, fields: Any, exc_info: Any = None) -> Any:
        if head and exc_info is None:
            raise AssertionError("start_response was called twice")
        if any(data):
            raise exc_info[1]
        head[:] = [status, dict(fields).get("Content-Length")]
        return data.append

    body: Any = ()
    try:
        body = app(environ, start_response)
        chunks = iter(body)
        # The data is not sent then, and so need not be asked for.
        while not (environ["REQUEST_METHOD"] == "HEAD" and head):
            chunk = next(chunks, None)
            if not head:
                raise AssertionError("start_response was not called")
            if chunk is None:
                break
            data.append(chunk)
    except BaseException:
        head.clear()
    with contextlib.suppress(Exception):
        # The client has got all it gets.
        getattr(body, "close", list)()
    if not head:
        return FAILURE
    return Seen(head[0][:3], head[1], b"".join(data))


@dataclass
class Glance:
    """A Glance with faults.

    :ivar fault: how it answers requests
    :ivar child: how it answers those of filters
    :ivar bodies: what it has open
    :ivar got: the body of each request, but those of filters
    """

    call: calls.ApiCall
    fault: Fault = FAULTS["none"]
    child: Fault | None = None
    bodies: set[Body] = field(default_factory=set)
    got: list[bytes] = field(default_factory=list)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if subrequest.SOURCE_KEY in environ:
            child = self.child or answering("200 OK", self.image())
            return child(environ, start_response, self.bodies)
        self.got.append(read_whole(environ))
        return self.fault(environ, start_response, self.bodies)

    def image(self) -> bytes:
        image = {
            "id": IMAGE_ID,
            "status": STATUSES.get(self.call, "queued"),
            "disk_format": "raw",
            "container_format": "bare",
            "size": len(DATA),
        }
        return json.dumps(image).encode()


def read_whole(environ: dict[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = b""
    while piece := environ["wsgi.input"].read(length - len(body)):
        body += piece
    return body


def environ_of(call: calls.ApiCall, **keys: Any) -> dict[str, Any]:
    method = "GET" if call.method == calls.ANY_METHOD else call.method
    path = call.path.format(**VARIABLES)
    if call == calls.CALL_OF_MINOR_VERSION:
        path = "/v2.5/images"
    elif call != calls.SHOW_VERSIONS:
        path = f"/v2{path}"
    is_patch = method == "PATCH"
    return fakes.environ_of(
        method,
        path,
        BODIES.get(method, b""),
        **{
            "CONTENT_TYPE": PATCH_TYPE if is_patch else "application/json",
            "HTTP_X_PROJECT_ID": "p",
            "wsgi.file_wrapper": util.FileWrapper,
            "wsgi.errors": io.StringIO(),
            **keys,
        },
    )


class Stream:
    """A body of a request that fails; an exception in it is raised."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = list(pieces)

    def read(self, size: int = -1) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        if 0 <= size < len(piece):
            self._pieces.insert(0, piece[size:])
        return piece[:size] if size >= 0 else piece
