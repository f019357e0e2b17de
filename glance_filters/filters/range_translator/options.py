# SPDX-License-Identifier: Apache-2.0

"""The options of range_translator."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from oslo_config import cfg, types

from glance_filters import stores
from glance_filters.filters import base, counters
from glance_filters.filters.range_translator import planning
from glance_filters.http import byte_ranges

OPTS: tuple[cfg.Opt, ...] = (
    base.enabled_opt("answers requests for parts of an image"),
    cfg.StrOpt(
        "core_protocol",
        default="auto",
        choices=[
            (
                "auto",
                "as the API versions of Glance say, which are asked for once",
            ),
            ("range", "by the Range header, as Glance does since Pike"),
            (
                "content-range",
                "by the Content-Range request header, as Glance did before",
            ),
            ("none", "not at all: parts are cut out of the whole image"),
        ],
        mutable=True,
        help="How Glance is asked for a part of an image.",
    ),
    cfg.IntOpt(
        "max_ranges",
        default=100,
        min=1,
        mutable=True,
        help=(
            "The largest number of ranges that one request may ask for. A "
            "request for more is answered with the whole image."
        ),
    ),
    cfg.IntOpt(
        "max_overlaps",
        default=2,
        min=0,
        mutable=True,
        help=(
            "How many ranges of one request may overlap others. A request "
            "with more is answered with the whole image."
        ),
    ),
    cfg.IntOpt(
        "max_gap",
        default=4 * 1024 * 1024,
        min=0,
        mutable=True,
        help=(
            "How many bytes between two ranges of one request are read and "
            "discarded, so that both come out of one call of Glance. A new "
            "call costs about as much as reading some MiB."
        ),
    ),
    cfg.IntOpt(
        "max_calls",
        default=4,
        min=2,
        mutable=True,
        help=(
            "How often Glance is asked for data to answer one request. A "
            "request that needs more is answered with the whole image."
        ),
    ),
    cfg.IntOpt(
        "max_discarded",
        default=1024 * 1024 * 1024,
        min=0,
        mutable=True,
        help=(
            "How many bytes are read from the store and discarded to answer "
            "one request, such as those before a range of an image in a store "
            "without random access. A request that needs more is answered "
            "with the whole image, which costs the store no more."
        ),
    ),
    cfg.StrOpt(
        "cache_control",
        default="private, no-cache",
        mutable=True,
        help=(
            "The Cache-Control of downloads, where Glance and the filters "
            "behind set none. Shared caches may store a response without one, "
            "as they do not know that X-Auth-Token makes it the answer to one "
            "user. Without no-cache, the cache of a user may show the image "
            "when it is deactivated, or no longer shared with that user. "
            "Empty: none is set."
        ),
    ),
    cfg.StrOpt(
        "request_content_range",
        default="accept",
        choices=[
            ("accept", "as a range; the answer says that it is deprecated"),
            ("refuse", "with 400 Bad Request"),
        ],
        mutable=True,
        help=(
            "How the Content-Range header in a request is answered, by which "
            "old clients of Glance ask for a part of an image."
        ),
    ),
    cfg.BoolOpt(
        "add_api_version",
        default=True,
        mutable=True,
        help=(
            "Whether a Glance that does not understand Range (its highest API "
            "version is below 2.6) gets one more minor version in its "
            "versions document, and in the URLs that it understands. The "
            "filter must come before versionnegotiation for that."
        ),
    ),
    cfg.ListOpt(
        "random_access_stores",
        item_type=types.String(choices=stores.TYPES),
        default=list(stores.TYPES),
        mutable=True,
        help=(
            "The types of stores, as in enabled_backends, whose images are "
            "read from any position, where Glance alone reads them only as a "
            "whole. The stores must be in the process of the filter. Empty: "
            "all stores stay as they are."
        ),
    ),
    *counters.OPTS,
)


@dataclass(frozen=True)
class RangeTranslatorSettings:
    """The values of the filter's options."""

    enabled: bool
    core_protocol: str
    max_ranges: int
    max_overlaps: int
    max_gap: int
    max_calls: int
    max_discarded: int
    cache_control: str
    request_content_range: str
    add_api_version: bool
    random_access_stores: Sequence[str]

    @functools.cached_property
    def limits(self) -> byte_ranges.Limits:
        """When the whole is sent instead of parts."""
        return byte_ranges.Limits(self.max_ranges, self.max_overlaps)

    @functools.cached_property
    def costs(self) -> planning.Limits:
        """What one request may cost."""
        return planning.Limits(
            self.max_gap, self.max_calls, self.max_discarded
        )
