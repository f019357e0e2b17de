# SPDX-License-Identifier: Apache-2.0

"""Checks of downloads: ranges, conditions, HEAD, the versions."""

from __future__ import annotations

import re
from collections.abc import Callable

from glance_filters.acceptance.checks import Check, Seen, Trial
from glance_filters.acceptance.scratch import NotTried
from glance_filters.acceptance.service import Answer

DATA = bytes(range(250)) * 4
SIZE = len(DATA)

# The part that most ask for.
_FIRST, _LAST = 12, 30
_PART = DATA[_FIRST : _LAST + 1]


def _is_whole(answer: Answer) -> bool:
    return answer.status == 200 and answer.is_whole and answer.body == DATA


def _is_part(answer: Answer, first: int, last: int) -> bool:
    return (
        answer.status == 206
        and answer.is_whole
        and answer.header("Content-Range") == f"bytes {first}-{last}/{SIZE}"
        and answer.body == DATA[first : last + 1]
    )


def _is_several(answer: Answer) -> bool:
    media_type = answer.header("Content-Type") or ""
    return (
        answer.status == 206
        and answer.is_whole
        and media_type.startswith("multipart/byteranges")
        and DATA[:5] in answer.body
        and DATA[-3:] in answer.body
        and f"bytes 997-999/{SIZE}".encode() in answer.body
    )


def _describe(answer: Answer, method: str) -> str:
    """Return the status, and what matters of the rest."""
    words = [str(answer)]
    if (answer.header("Content-Type") or "").startswith("multipart/byter"):
        words.append("multipart/byteranges")
    for name in ("Content-Range", "ETag"):
        value = answer.header(name)
        if value is not None:
            words.append(value if name == "Content-Range" else name)
    if answer.header("Deprecation") is not None:
        words.append("Deprecation")
    if answer.status in (200, 206) and answer.is_whole and method == "GET":
        words.append(f"{len(answer.body)} bytes")
    if method == "HEAD" and answer.status == 200:
        words.append(f"Content-Length: {answer.header('Content-Length')}")
    return ", ".join(words)


def _download(
    expected: str,
    is_right: Callable[[Answer], bool],
    headers: dict[str, str] | None = None,
    method: str = "GET",
) -> Check:
    def run(trial: Trial) -> Seen:
        path = f"/v2/images/{trial.scratch.shared(DATA)}/file"
        answer = trial.service.request(method, path, headers)
        return Seen(is_right(answer), _describe(answer, method))

    fields = [f"{name}: {value}" for name, value in (headers or {}).items()]
    return Check(", ".join([f"{method} file", *fields]), expected, run)


def _newest_version(trial: Trial) -> Seen:
    """Ask for an image by the URL of the version that is called CURRENT."""
    answer = trial.service.request("GET", "/versions")
    try:
        current = [
            each["id"]
            for each in answer.json["versions"]
            if each["status"] == "CURRENT"
            and re.fullmatch(r"v2\.[0-9]+", each["id"])
        ]
    except (KeyError, TypeError):
        current = []
    if not current:
        raise NotTried(f"GET versions: {answer}")
    image_id = trial.scratch.image()
    answer = trial.service.request("GET", f"/{current[0]}/images/{image_id}")
    return Seen(answer.status == 200, f"{current[0]}, {answer}")


CHECKS = (
    _download(
        f"206, bytes {_FIRST}-{_LAST}/{SIZE}, {len(_PART)} bytes",
        lambda answer: _is_part(answer, _FIRST, _LAST),
        {"Range": f"bytes={_FIRST}-{_LAST}"},
    ),
    _download(
        f"206, bytes 995-999/{SIZE}, 5 bytes",
        lambda answer: _is_part(answer, 995, 999),
        {"Range": "bytes=-5"},
    ),
    _download(
        "206, multipart/byteranges",
        _is_several,
        {"Range": "bytes=0-4,-3"},
    ),
    _download(
        f"416, bytes */{SIZE}",
        lambda answer: (
            answer.status == 416
            and answer.header("Content-Range") == f"bytes */{SIZE}"
        ),
        {"Range": f"bytes={SIZE}-"},
    ),
    _download(
        f"200, Content-Length: {SIZE}",
        lambda answer: (
            answer.status == 200
            and answer.header("Content-Length") == str(SIZE)
        ),
        method="HEAD",
    ),
    _download(
        f"200, ETag, {SIZE} bytes",
        lambda answer: (
            _is_whole(answer)
            and answer.header("ETag") is not None
            and answer.header("Accept-Ranges") == "bytes"
        ),
    ),
    _download(
        "304",
        lambda answer: answer.status == 304,
        {"If-None-Match": "*"},
    ),
    _download(
        "412",
        lambda answer: answer.status == 412,
        {"If-Match": '"another"'},
    ),
    _download(
        f"200, {SIZE} bytes",
        _is_whole,
        {"If-Range": '"another"', "Range": f"bytes={_FIRST}-{_LAST}"},
    ),
    _download(
        f"206, bytes {_FIRST}-{_LAST}/{SIZE}, {len(_PART)} bytes",
        lambda answer: _is_part(answer, _FIRST, _LAST),
        {"Content-Range": f"bytes {_FIRST}-{_LAST}/{SIZE}"},
    ),
    Check(
        "GET versions; GET image by the URL of the CURRENT one",
        "200",
        _newest_version,
    ),
)
