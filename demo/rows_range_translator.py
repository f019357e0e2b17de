# SPDX-License-Identifier: Apache-2.0

"""What clients get when they ask for parts of an image."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable

from demo import examples
from demo.rows import GlanceSide, Row, Section, Side, describe_status
from glance_filters.tests.fixtures import auth, http_client

DATA = bytes(range(250)) * 4


def _file_image(side: Side) -> str:
    return side.add_data(DATA)


def _queued_image(side: Side) -> str:
    return side.add_image("queued", 0)


def _http_image(side: Side) -> str:
    return side.add_image("active", 1)


def _describe(answer: http_client.Response) -> str:
    """Return the status, and what matters of the header fields and body."""
    lines = [describe_status(answer.status)]
    content_type = answer.header("Content-Type") or ""
    if content_type.startswith("multipart/"):
        parts = re.findall(rb"Content-Range: (.*)\r", answer.body)
        lines += [part.decode() for part in parts]
    for name in ("Content-Range", "Deprecation"):
        value = answer.header(name)
        if value is not None:
            lines.append(value if name == "Content-Range" else name)
    promised = answer.header("Content-Length")
    if answer.status in (200, 206) and promised is not None:
        got = len(answer.body)
        lines.append(
            f"{got} bytes"
            if promised in (str(got), "0")
            else f"promises {promised}, sends {got}"
        )
    return "\n".join(lines)


def _row(
    asked: str,
    image: Callable[[Side], str],
    fields: dict[str, str],
    filtered: str,
    in_readme: bool = False,
) -> Row:
    def observe(side: Side) -> str:
        path = f"/v2/images/{image(side)}/file"
        client = side.client(auth.MEMBER)
        return _describe(client.request("GET", path, fields))

    return Row(asked, observe, filtered, in_readme)


def _qemu_img(side: Side) -> str:
    """Ask qemu-img about a disk image at its URL."""
    assert isinstance(side, GlanceSide)
    with tempfile.NamedTemporaryFile(suffix=".qcow2") as file:
        create = ["qemu-img", "create", "-q", "-f", "qcow2", file.name, "1M"]
        subprocess.run(create, check=True)
        image_id = side.add_data(file.read(), "qcow2")
    source = {
        "driver": "qcow2",
        "file": {
            "driver": "http",
            "url": f"{side.url}/v2/images/{image_id}/file",
            "cookie": f"{auth.COOKIE}{auth.MEMBER}",
        },
    }
    info = ["qemu-img", "info", "--output=json", f"json:{json.dumps(source)}"]
    done = subprocess.run(info, capture_output=True, text=True)
    if done.returncode:
        return "fails"
    size = json.loads(done.stdout)["virtual-size"]
    return f"a disk of {size} bytes"


_SIZE = len(DATA)

_PART = _row(
    "GET file, Range: bytes=0-4",
    _file_image,
    {"Range": "bytes=0-4"},
    f"206 Partial Content\nbytes 0-4/{_SIZE}\n5 bytes",
)
_OLD_PART = _row(
    "GET file, Content-Range: bytes 12-30/1000",
    _file_image,
    {"Content-Range": "bytes 12-30/1000"},
    "206 Partial Content\nbytes 12-30/1000\nDeprecation\n19 bytes",
)

_ROWS = [
    _PART,
    _row(
        "GET file, Range: bytes=0-4,-3",
        _file_image,
        {"Range": "bytes=0-4,-3"},
        "206 Partial Content\nbytes 0-4/1000\nbytes 997-999/1000\n274 bytes",
        in_readme=True,
    ),
    _row(
        "GET file, Range: bytes=1000-",
        _file_image,
        {"Range": "bytes=1000-"},
        f"416 Requested Range Not Satisfiable\nbytes */{_SIZE}",
    ),
    _row(
        "GET file, Range: bytes=5-3",
        _file_image,
        {"Range": "bytes=5-3"},
        "200 OK\n1000 bytes",
    ),
    _row(
        "GET file of an image in an http store, Range: bytes=0-4",
        _http_image,
        {"Range": "bytes=0-4"},
        f"206 Partial Content\nbytes 0-4/{_SIZE}\n5 bytes",
        in_readme=True,
    ),
    _row(
        "GET file of a queued image, Range: bytes=0-4",
        _queued_image,
        {"Range": "bytes=0-4"},
        "204 No Content",
    ),
    _row(
        "GET file, If-None-Match: *",
        _file_image,
        {"If-None-Match": "*"},
        "304 Not Modified",
    ),
    _OLD_PART,
]


def _head(side: Side) -> str:
    path = f"/v2/images/{_file_image(side)}/file"
    answer = side.client(auth.MEMBER).request("HEAD", path)
    length = answer.header("Content-Length")
    return f"{describe_status(answer.status)}\nContent-Length: {length}"


_ROWS.append(
    Row("HEAD file", _head, "200 OK\nContent-Length: 1000", in_readme=True)
)
if shutil.which("qemu-img") is not None:
    _ROWS.append(
        Row(
            "qemu-img info URL\n(the token is in a cookie, which only the "
            "authentication of this demonstration takes)",
            _qemu_img,
            "a disk of 1048576 bytes",
        )
    )

SECTION = Section(
    title="range_translator: parts of an image",
    rows=_ROWS,
    legacy_rows=(_PART, _OLD_PART),
)

_TEXT = b"".join(b"This is line %02d of the image.\n" % n for n in range(99))


def _show(side: GlanceSide) -> examples.Observation:
    client = side.client(auth.MEMBER)
    image_id = client.create_image(_TEXT)
    request = examples.Request(
        "GET",
        f"/v2/images/{image_id}/file",
        {"Range": "bytes=0-10,-7", "Accept": "text/plain"},
    )
    return examples.Observation(request, request.send(client), image_id)


EXAMPLE = examples.Example(
    "The first 11 bytes of an image, and the last 7", _show
)
