# SPDX-License-Identifier: Apache-2.0

"""How much is measured: all that a figure needs, or just enough to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    :ivar is_quick: whether it is only to be seen that all runs
    """

    is_quick: bool

    def of(self, full: T, quick: T) -> T:
        """Return the one of two values that suits."""
        return quick if self.is_quick else full
