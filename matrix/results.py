# SPDX-License-Identifier: Apache-2.0

"""What was found for a release, kept for the table of all."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

_FOLDER = Path(__file__).parents[1] / ".matrix"
_FILE = "result.json"

# What was observed: whether it is as it should be, and in words.
Seen = tuple[bool, str]
# What was asked, and what was observed without and with the filters.
Row = tuple[str, Seen, Seen]

# How a test ends that found nothing wrong.
GOOD = ("success", "skip", "xfail")


@dataclasses.dataclass
class Result:
    """What was found in one environment.

    :ivar glance: the version of Glance
    :ivar series: the name of its series
    :ivar python: the version of Python
    :ivar ours: how many of this project's tests ended how
    :ivar imports: by what imports are inspected, empty if they are not
    :ivar glances: how many of Glance's own tests ended how, without filters
    :ivar excepted: those that ended differently with the filters, and may
    :ivar different: those that ended differently, and must not
    :ivar observed: what a client observes
    """

    glance: str
    series: str
    python: str
    ours: dict[str, int] = dataclasses.field(default_factory=dict)
    imports: str = ""
    glances: dict[str, int] = dataclasses.field(default_factory=dict)
    excepted: list[str] = dataclasses.field(default_factory=list)
    different: list[str] = dataclasses.field(default_factory=list)
    observed: list[Row] = dataclasses.field(default_factory=list)

    def save(self) -> None:
        """Keep it, in place of what was found before."""
        path = folder(self.glance, self.python)
        path.mkdir(parents=True, exist_ok=True)
        text = json.dumps(dataclasses.asdict(self), indent=1)
        (path / _FILE).write_text(text)


def folder(glance: str, python: str) -> Path:
    """Return the folder for what an environment's runs leave."""
    return _FOLDER / f"{glance}-py{python}"


def forget(glance: str) -> None:
    """Drop what was found for a release."""
    for path in _FOLDER.glob(f"{glance}-*/{_FILE}"):
        path.unlink()


def load() -> Iterator[Result]:
    """Yield what was found last in each environment, by Glance's version."""
    for path in sorted(_FOLDER.glob(f"*/{_FILE}")):
        yield Result(**json.loads(path.read_text()))
