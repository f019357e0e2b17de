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
    """Answers every request about anything but images alike.

    :ivar asked: what it was asked
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: list[Any] = []

    def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        self.asked.append(f"{method} {path}")
        return self._answer

    def patch(self, image_id: str, *operations: Any) -> Answer:
        self.asked.extend(operations)
        return self._answer

    def upload(self, image_id: str, data: bytes) -> Answer:
        self.asked.append("upload")
        return self._answer


class FakeScratch:
    """Makes nothing.

    :param answer: to a request for an image
    :param statuses: of any image: the first, ...; the last stays
    :ivar asked: the members of the images that it should make
    """

    def __init__(self, answer: Answer, *statuses: str) -> None:
        self._answer = answer
        self._statuses = list(statuses)
        self.asked: list[Any] = []

    def create(self, **members: Any) -> tuple[str, Answer]:
        self.asked.append(members)
        return "x", self._answer

    def image(self, data: bytes | None = None, **members: Any) -> str:
        self.asked.append(members)
        return "x"

    def shared(self, data: bytes) -> str:
        return "x"

    def status(self, image_id: str) -> str:
        if len(self._statuses) > 1:
            return self._statuses.pop(0)
        return self._statuses[0]


def run(
    check: Check,
    given: Answer,
    status: str = "active",
    asked: list[Any] | None = None,
) -> Seen:
    """Make a check on a service that gives one answer to all.

    :param asked: where to note what it is asked
    """
    service = FakeService(given)
    scratch = FakeScratch(given, status)
    if asked is not None:
        service.asked = scratch.asked = asked
    return check.run(Trial(cast(Service, service), cast(Scratch, scratch)))
