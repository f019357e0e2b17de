# SPDX-License-Identifier: Apache-2.0

"""What Glance says about an image and its data, for one request."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from glance_filters import errors, stores
from glance_filters.glance_api import images
from glance_filters.glance_api.request import Request
from glance_filters.wsgi.response import CapturedResponse


class ImageData:
    """An image and its data, as Glance gives them out.

    :param request: the client's request
    :ivar calls: how often Glance was asked for data
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self.calls = 0
        # What its store opens once for all parts.
        self._shared = stores.Shared()

    @property
    def image_id(self) -> str:
        """The image's id as text, as the request spells it."""
        return self._request.image_id

    @functools.cached_property
    def image(self) -> images.Image | None:
        """The image, which Glance is asked for once; None if it is hidden."""
        try:
            return self._request.fetch_image()
        except (images.ImageHidden, errors.ImageUnknown):
            return None

    @property
    def known_image(self) -> images.Image | None:
        """The image, if Glance was asked for it."""
        image: images.Image | None = self.__dict__.get("image")
        return image

    @property
    def size(self) -> int | None:
        """The image's size in bytes, if Glance tells it."""
        return self.image.size if self.image else None

    def fetch(
        self, fields: Mapping[str, str] | None = None
    ) -> CapturedResponse:
        """Ask Glance for the data.

        :param fields: environ keys to set
        :raises Exception: whatever Glance raises
        """
        self.calls += 1
        with self._shared:
            return self._request.capture_whole(
                {**(fields or {}), "REQUEST_METHOD": "GET"}
            )

    def close(self) -> None:
        """Close what the store opened for the parts."""
        self._shared.close()
