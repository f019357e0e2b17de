# SPDX-License-Identifier: Apache-2.0

"""Which releases of Glance there are environments for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PINS = Path(__file__).parent / "pins"


@dataclass(frozen=True)
class Release:
    """One release of Glance.

    :ivar version: its version
    :ivar series: the name of its series
    :ivar day: about a month after the series was released, as an ISO date;
        its libraries are those of that day
    :ivar pythons: the versions of Python that it is tested with, the one
        that the libraries are chosen for first
    :ivar limits: what its libraries must be besides, where its own
        requirements leave open what it cannot live with
    """

    version: str
    series: str
    day: str
    pythons: tuple[str, ...]
    limits: tuple[str, ...] = ()

    @property
    def pins(self) -> Path:
        """The file with the versions of all that is installed."""
        return PINS / f"{self.version}.txt"

    @property
    def environments(self) -> tuple[str, ...]:
        """The names of its tox environments."""
        return tuple(
            f"glance-{self.version}-py{each.replace('.', '')}"
            for each in self.pythons
        )


RELEASES = (
    Release("22.1.1", "Wallaby", "2021-05-14", ("3.9",)),
    Release("24.2.1", "Yoga", "2022-04-30", ("3.9",)),
    Release(
        "26.1.0",
        "2023.1",
        "2023-04-22",
        ("3.10",),
        # Paste Deploy 3.0 cannot read a name that stands on a line of its own.
        ("SQLAlchemy<2", "PasteDeploy<3"),
    ),
    Release("28.1.0", "2024.1", "2024-05-03", ("3.11",)),
    Release("30.2.0", "2025.1", "2025-05-02", ("3.12",)),
    Release("31.1.0", "2025.2", "2025-11-01", ("3.12",)),
    # The cursive of that day needs what cryptography 47 no longer has.
    Release("32.0.0", "2026.1", "2026-05-01", ("3.13",), ("cryptography<47",)),
    Release("33.0.0", "2026.2", "2026-10-30", ("3.11", "3.13")),
)
