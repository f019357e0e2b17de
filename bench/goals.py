# SPDX-License-Identifier: Apache-2.0

"""What the figures are to be, and whether they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench import figures


@dataclass(frozen=True)
class Goal:
    """A goal, and what was measured.

    :ivar text: what is to be reached
    :ivar limit: the value that just reaches it
    :ivar value: what was measured, in the limit's unit
    :ivar at_most: whether the value may not be above the limit; else it may
        not be below
    :ivar write: writes such a value
    """

    text: str
    limit: float
    value: float
    at_most: bool = True
    write: Callable[[float], str] = figures.digits

    @property
    def is_reached(self) -> bool:
        """Whether the goal is reached, by the value as it was measured."""
        if self.at_most:
            return self.value <= self.limit
        return self.value >= self.limit

    def row(self) -> tuple[str, str, str, str]:
        """Return the goal's text, its limit, the value and the verdict."""
        sign = "≤" if self.at_most else "≥"
        return (
            self.text,
            f"{sign} {self.write(self.limit)}",
            self.write(self.value),
            "reached" if self.is_reached else "**missed**",
        )


HEAD = ("Goal", "Limit", "Measured", "Verdict")
