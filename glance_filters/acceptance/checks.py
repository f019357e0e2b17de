# SPDX-License-Identifier: Apache-2.0

"""What a check is, and the order in which all are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from glance_filters.acceptance.scratch import Scratch
from glance_filters.acceptance.service import Service


@dataclass(frozen=True)
class Trial:
    """What a check works with.

    :ivar service: the service that is tried
    :ivar scratch: makes images for it
    :ivar location_url: a URL that the service accepts as a location; None to
        do without
    """

    service: Service
    scratch: Scratch
    location_url: str | None = None


@dataclass(frozen=True)
class Seen:
    """What was observed.

    :ivar holds: whether it is as expected
    :ivar text: in a few words
    """

    holds: bool
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Check:
    """One feature that a client can observe.

    :ivar asked: what is asked of the service
    :ivar expected: what is to be observed
    :ivar run: asks it; raises NotTried if the service does not let it
    """

    asked: str
    expected: str
    run: Callable[[Trial], Seen]
