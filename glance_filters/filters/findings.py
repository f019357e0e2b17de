# SPDX-License-Identifier: Apache-2.0

"""What a check of the configuration finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or to be known.

    :ivar place: the section and key
    :ivar message: what is wrong
    :ivar mend: what to do about it
    :ivar is_harmless: whether nothing needs to be done
    """

    place: str
    message: str
    mend: str
    is_harmless: bool = False

    def __str__(self) -> str:
        kind = "note" if self.is_harmless else "error"
        return f"{kind}: {self.place}: {self.message}. {self.mend}."
