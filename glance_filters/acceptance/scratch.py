# SPDX-License-Identifier: Apache-2.0

"""The images that a trial makes, and their end."""

from __future__ import annotations

import uuid
from typing import Any

from glance_filters.acceptance.service import Answer, Service, Unreachable

# Names what was left, should the trial be killed.
NAME = "glance-filters-trial"


class NotTried(Exception):
    """A check cannot be made on this service; the text says why."""


class Scratch:
    """Makes images, and deletes them at the end.

    :param service: the service
    :ivar left: the images that could not be deleted
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._ids: list[str] = []
        self._shared: dict[bytes, str] = {}
        self.left: list[str] = []

    def create(self, **members: Any) -> tuple[str, Answer]:
        """Ask for an image; return its id and the answer.

        :param members: of the image, those that differ from a raw one
        """
        # Known before it is sent: an answer may be lost.
        image_id = str(uuid.uuid4())
        self._ids.append(image_id)
        image = {
            "id": image_id,
            "name": NAME,
            "visibility": "private",
            "disk_format": "raw",
            "container_format": "bare",
            **members,
        }
        answer = self._service.send_json("POST", "/v2/images", image)
        return image_id, answer

    def image(self, data: bytes | None = None, **members: Any) -> str:
        """Make an image and return its id.

        :param data: what to upload; None for an image without data
        :raises NotTried: if the service does not allow that
        """
        image_id, answer = self.create(**members)
        if answer.status != 201:
            raise NotTried(f"POST image: {answer}")
        if data is not None:
            answer = self._service.upload(image_id, data)
            if answer.status != 204:
                raise NotTried(f"PUT file: {answer}")
        return image_id

    def shared(self, data: bytes) -> str:
        """Return the id of an image with *data* that no check changes.

        :raises NotTried: if the service does not allow to make it
        """
        if data not in self._shared:
            self._shared[data] = self.image(data)
        return self._shared[data]

    def status(self, image_id: str) -> str:
        """Return the status of an image.

        :raises NotTried: if the service does not tell
        """
        answer = self._service.request("GET", f"/v2/images/{image_id}")
        document = answer.json
        if answer.status != 200 or not isinstance(document, dict):
            raise NotTried(f"GET image: {answer}")
        return str(document.get("status"))

    def __enter__(self) -> Scratch:
        """Begin."""
        return self

    def __exit__(self, *error: object) -> None:
        """Delete all images that were made."""
        for image_id in self._ids:
            try:
                answer = self._service.request(
                    "DELETE", f"/v2/images/{image_id}"
                )
            except Unreachable:
                self.left.append(image_id)
            else:
                if answer.status not in (204, 404):
                    self.left.append(image_id)
