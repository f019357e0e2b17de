# SPDX-License-Identifier: Apache-2.0

"""A service that answers what a test says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from glance_filters.acceptance.checks import Check, Seen, Trial
from glance_filters.acceptance.scratch import Scratch
from glance_filters.acceptance.service import Answer, Service


def answer(status: int, body: Any = b"", **fields: str) -> Answer:
    """Return an answer; a body that is not bytes is made JSON."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    headers = {name.replace("_", "-"): text for name, text in fields.items()}
    return Answer(status, tuple(headers.items()), body)


class FakeService:
    """Answers every request about anything but images alike."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        return self._answer

    def send_json(self, *args: Any) -> Answer:
        return self._answer

    def patch(self, image_id: str, *operations: Any) -> Answer:
        return self._answer

    def upload(self, image_id: str, data: bytes) -> Answer:
        return self._answer


class FakeScratch:
    """Makes nothing.

    :param answer: to a request for an image
    :param statuses: of any image: the first, ...; the last stays
    """

    def __init__(self, answer: Answer, *statuses: str) -> None:
        self._answer = answer
        self._statuses = list(statuses)

    def create(self, **members: Any) -> tuple[str, Answer]:
        return "x", self._answer

    def image(self, data: bytes | None = None, **members: Any) -> str:
        return "x"

    def shared(self, data: bytes) -> str:
        return "x"

    def status(self, image_id: str) -> str:
        if len(self._statuses) > 1:
            return self._statuses.pop(0)
        return self._statuses[0]


def run(check: Check, given: Answer, status: str = "active") -> Seen:
    """Make a check on a service that gives one answer to all."""
    service = cast(Service, FakeService(given))
    scratch = cast(Scratch, FakeScratch(given, status))
    return check.run(Trial(service, scratch))
