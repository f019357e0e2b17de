# SPDX-License-Identifier: Apache-2.0

"""The request and the two answers with which the page of a filter opens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from demo import rows
from glance_filters.tests.fixtures import auth, http_client

FOLDER = Path(__file__).parents[1] / "doc" / "source" / "filters"
_HEAD = ".. Made by make readme; do not edit.\n"
# They differ from run to run, or say nothing about Glance.
_LEFT_OUT = ("connection", "date", "server", "x-openstack-request-id")
# As long as the texts that they stand for, so that Content-Length is right.
_BOUNDARY = "0123456789abcdef0123456789abcdef"
_IMAGE_ID = "0a5f4d2e-7c1b-4e9d-8f36-1b2c3d4e5f60"
_LONGEST_TEXT = 90


@dataclass(frozen=True)
class Request:
    """A request as it is sent, without the token.

    :ivar method: the request method
    :ivar path: the target
    :ivar headers: header fields
    :ivar body: the body
    :ivar shown_body: the body in words; empty to show it as it is
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    shown_body: str = ""

    def send(self, client: http_client.Client) -> http_client.Response:
        """Send it and return the answer."""
        return client.request(self.method, self.path, self.headers, self.body)

    def lines(self) -> Iterator[str]:
        """Yield the lines that the page shows."""
        yield f"{self.method} {self.path}"
        yield f"{auth.HEADER}: TOKEN"
        yield from (f"{name}: {text}" for name, text in self.headers.items())
        if self.body:
            yield ""
            yield self.shown_body or self.body.decode()


@dataclass(frozen=True)
class Observation:
    """What was sent to a side, and what was observed.

    :ivar request: the request
    :ivar answer: the answer to it
    :ivar image_id: the image that both are about, if any
    :ivar remark: what else was observed, in a sentence, if anything
    """

    request: Request
    answer: http_client.Response
    image_id: str = ""
    remark: str = ""

    def request_lines(self) -> list[str]:
        """Return the lines of the request that the page shows."""
        return [self._shown(line) for line in self.request.lines()]

    def answer_lines(self) -> list[str]:
        """Return the lines of the answer that the page shows."""
        lines = [self._shown(line) for line in _answer_lines(self.answer)]
        return [*lines, "", f"({self.remark})"] if self.remark else lines

    def _shown(self, line: str) -> str:
        return (
            line.replace(self.image_id, _IMAGE_ID) if self.image_id else line
        )


@dataclass(frozen=True)
class Example:
    """What the page of a filter opens with.

    :ivar caption: what the request is about, in a sentence without its end
    :ivar observe: prepares a side and sends the request
    """

    caption: str
    observe: Callable[[rows.GlanceSide], Observation]

    def blocks(
        self, alone: rows.GlanceSide, filtered: rows.GlanceSide
    ) -> Iterator[tuple[str, list[str]]]:
        """Observe both sides; yield captions and the lines below them."""
        observed = self.observe(alone)
        yield self.caption, observed.request_lines()
        yield "Glance alone answers", observed.answer_lines()
        yield "With the filters", self.observe(filtered).answer_lines()


def include_file(filter_name: str) -> Path:
    """Return the path of the file that the page of a filter includes."""
    return FOLDER / f"{filter_name}-example.inc"


def include_text(
    example: Example, alone: rows.GlanceSide, filtered: rows.GlanceSide
) -> str:
    """Observe both sides and return the text of the included file."""
    return _HEAD + "".join(
        f"\n{caption}:\n\n.. code-block:: text\n   :class: exchange\n\n"
        + "".join(f"   {line}".rstrip() + "\n" for line in lines)
        for caption, lines in example.blocks(alone, filtered)
    )


def _answer_lines(answer: http_client.Response) -> Iterator[str]:
    yield rows.describe_status(answer.status)
    for name, text in answer.headers:
        if name.lower() not in _LEFT_OUT:
            yield f"{name}: {_with_known_boundary(text)}"
    body = answer.body.decode()
    if (answer.header("Content-Type") or "").startswith("application/json"):
        body = json.dumps(_shortened(json.loads(body)), ensure_ascii=False)
    if body and answer.status != HTTPStatus.NO_CONTENT:
        yield ""
        yield from _with_known_boundary(body).rstrip().splitlines()


def _with_known_boundary(text: str) -> str:
    """Replace the boundary of a multipart body, which is a random one."""
    return re.sub(r"(boundary=|--)[0-9a-f]{32}", rf"\g<1>{_BOUNDARY}", text)


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shortened(member) for name, member in value.items()}
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[:_LONGEST_TEXT]}..."
    return value
