# SPDX-License-Identifier: Apache-2.0

"""Tests of Glance's own that assert what the filters are there to change."""

from __future__ import annotations

# The reason, by the name of the test.
EXCEPTED: dict[str, str] = {
    "test_download_random_access_w_range_request": (
        "It wants 416 for ``Range: bytes=10-5``, whose last position is "
        "before its first. Such a header is invalid (RFC 9110, section "
        "14.1.1), so range_translator ignores it and the answer is 200."
    ),
    "test_cache_image_queue_delete": (
        "It wants an image to be in the queue of the cache still when it has "
        "been deleted. A thread of Glance takes it from there at once, and a "
        "deletion takes longer with location_guard, which asks for the image "
        "first."
    ),
    "test_cache_middleware_transparent_v2": (
        "It looks for the file in the cache as soon as it has the image. With "
        "range_translator the response has a length, by which the client "
        "knows the end a moment before the cache has closed its file."
    ),
}


def reason(test: str) -> str | None:
    """Return why a test of Glance's may end differently, None if not.

    :param test: the id of the test
    """
    return EXCEPTED.get(test.rpartition(".")[2])
