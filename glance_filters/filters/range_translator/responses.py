# SPDX-License-Identifier: Apache-2.0

"""The answer to a download: RFC 9110, sections 13, 14 and 15.5.17.

The core is asked first: whether a user may download, only it can tell. What
it answers other than with data is the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import webob.exc

from glance_filters.filters.range_translator import sources
from glance_filters.http import (
    byte_ranges,
    digest_fields,
    multipart,
    preconditions,
)
from glance_filters.http.byte_ranges import ByteRange
from glance_filters.wsgi import bodies, response
from glance_filters.wsgi.response import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_OCTETS = "application/octet-stream"


@dataclass(frozen=True)
class Wanted:
    """The ranges that a request asks for.

    :ivar specs: at least one; none if the request asks for none rightly
    :ivar size: the image's size in bytes that the request vouches for
    """

    specs: Sequence[byte_ranges.RangeSpec]
    size: int | None = None


def plain(
    download: sources.ImageDownload,
    environ: WSGIEnvironment,
    is_head: bool = False,
) -> WSGIApplication:
    """Return the answer with the whole image.

    :param is_head: answer as to GET, but without the body
    """
    answer = download.whole()
    try:
        refusal = _improved(answer, download, environ)
    except BaseException:
        answer.close()
        raise
    if refusal is not None:
        answer.close()
        return refusal
    if is_head:
        answer.close()
        answer.body = ()
    return answer


def _improved(
    answer: response.CapturedResponse,
    download: sources.ImageDownload,
    environ: WSGIEnvironment,
) -> WSGIApplication | None:
    """Add to an answer with data what it lacks, or return what refuses it."""
    if answer.code != 200:
        return None
    tag = _tag(download, environ, answer.header("Content-MD5"))
    refusal = _refusal(environ, tag)
    if refusal is None:
        answer.headers = _with(answer.headers, _validators(download, tag))
    return refusal


def partial(
    download: sources.ImageDownload,
    environ: WSGIEnvironment,
    wanted: Wanted,
    limits: byte_ranges.Limits,
) -> WSGIApplication:
    """Return the answer with the parts that are wanted."""
    try:
        return _partial(download, environ, wanted, limits)
    except BaseException:
        download.close()
        raise


def _partial(
    download: sources.ImageDownload,
    environ: WSGIEnvironment,
    wanted: Wanted,
    limits: byte_ranges.Limits,
) -> WSGIApplication:
    opened = None
    if len(wanted.specs) == 1:
        opened = download.open_spec(wanted.specs[0])
    if opened is not None:
        ranges: Sequence[ByteRange] = opened[:1]
        size = opened[1]
    else:
        record = download.record()
        if record is None or record.size is None:
            return plain(download, environ)
        size = record.size
        try:
            ranges = byte_ranges.resolve(wanted.specs, size, limits)
        except byte_ranges.Unsatisfiable:
            return unsatisfied(download, size)
        except (byte_ranges.Invalid, byte_ranges.TooCostly):
            return plain(download, environ)
    if wanted.size not in (None, size):
        return unsatisfied(download, size)
    if opened is None:
        other = download.open_part(ranges[0], size)
        if other is not None:
            return other
    tag = _tag(download, environ, download.header("Content-MD5"))
    refusal = _refusal(environ, tag)
    if refusal is not None:
        download.close()
        return refusal
    if not preconditions.honours_range(environ, tag):
        return plain(download, environ)
    headers = _validators(download, tag)
    if len(ranges) == 1:
        return _one_part(download, ranges[0], size, headers)
    return _many_parts(download, ranges, size, headers)


def unsatisfied(
    download: sources.ImageDownload, size: int | None
) -> WSGIApplication:
    """Return 416, or the core's answer if that is not data at all.

    :param size: the image's size in bytes, if it is known
    """
    answer = download.whole()
    if answer.code != 200:
        return answer
    answer.close()
    if size is None:
        size = answer.content_length()
    headers = [("Accept-Ranges", "bytes")]
    if size is not None:
        field = byte_ranges.format_unsatisfied(size)
        headers.append(("Content-Range", field))
    return webob.exc.HTTPRequestRangeNotSatisfiable(
        "The requested range is not within the image"
        + (f" of {size} bytes." if size is not None else "."),
        headers=headers,
    )


def _one_part(
    download: sources.ImageDownload,
    part: ByteRange,
    size: int,
    headers: Headers,
) -> WSGIApplication:
    return response.CapturedResponse(
        "206 Partial Content",
        [
            ("Content-Type", download.header("Content-Type") or _OCTETS),
            ("Content-Length", str(len(part))),
            ("Content-Range", byte_ranges.format_content_range(part, size)),
            *headers,
        ],
        bodies.Owned(download.read(part), download.close),
    )


def _many_parts(
    download: sources.ImageDownload,
    parts: Sequence[ByteRange],
    size: int,
    headers: Headers,
) -> WSGIApplication:
    framing = multipart.Framing(
        parts, size, download.header("Content-Type") or _OCTETS
    )

    def chunks() -> Iterator[bytes]:
        for number, (head, part) in enumerate(zip(framing.heads, parts)):
            if number:
                other = download.open_part(part, size)
                if other is not None:
                    other.close()
                    raise bodies.WrongLength(
                        f"the core gave a part before, but now {other.status}"
                    )
            yield head
            yield from download.read(part)
        yield framing.end

    return response.CapturedResponse(
        "206 Partial Content",
        [
            ("Content-Type", framing.content_type),
            ("Content-Length", str(framing.content_length)),
            *headers,
        ],
        bodies.Owned(chunks(), download.close),
    )


def _tag(
    download: sources.ImageDownload,
    environ: WSGIEnvironment,
    md5_hex: str | None,
) -> str | None:
    """Return the image's entity tag, if it has one.

    The core tells the MD5 of an image with its data. Only for a condition
    the image is looked up if it does not.
    """
    if md5_hex:
        return preconditions.make(md5_hex)
    if not preconditions.is_conditional(environ):
        return None
    record = download.record()
    value = record and (record.checksum or record.os_hash_value)
    return preconditions.make(value) if value else None


def _refusal(
    environ: WSGIEnvironment, tag: str | None
) -> WSGIApplication | None:
    """Return the answer if a condition of the request is not met."""
    outcome = preconditions.evaluate(environ, tag)
    if outcome is preconditions.Outcome.FAILED:
        return webob.exc.HTTPPreconditionFailed(
            "The image is not the one that If-Match names."
        )
    if outcome is preconditions.Outcome.NOT_MODIFIED:
        headers = [("ETag", tag)] if tag else []
        return response.CapturedResponse("304 Not Modified", headers, ())
    return None


def _validators(download: sources.ImageDownload, tag: str | None) -> Headers:
    headers = [("Accept-Ranges", "bytes")]
    if tag is not None:
        headers.append(("ETag", tag))
    record = download.known_record
    digest = record and digest_fields.repr_digest(
        record.os_hash_algo, record.os_hash_value
    )
    if digest:
        headers.append(("Repr-Digest", digest))
    return headers


def _with(headers: Headers, more: Headers) -> Headers:
    """Add the fields that are not there yet."""
    names = {name.lower() for name, _ in headers}
    return headers + [each for each in more if each[0].lower() not in names]
