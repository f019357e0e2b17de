# SPDX-License-Identifier: Apache-2.0

"""All checks, on one service or on two beside each other."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glance_filters.acceptance import changes, downloads
from glance_filters.acceptance.checks import Check, Seen, Trial
from glance_filters.acceptance.scratch import NotTried, Scratch
from glance_filters.acceptance.service import Service, Unreachable

CHECKS: Sequence[Check] = (*downloads.CHECKS, *changes.CHECKS)


class Verdict(enum.Enum):
    """What becomes of a feature; the words stand in the table."""

    HOLDS = "holds"
    BY_ITSELF = "by itself"
    LACKS = "lacks"
    NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Row:
    """What was observed of one check.

    :ivar seen: on the service; a text if it was not tried, why
    :ivar alone: on the same one without the filters, likewise; None if there
        is no such one
    """

    check: Check
    seen: Seen | str
    alone: Seen | str | None = None

    @property
    def verdict(self) -> Verdict:
        """Whether the feature is there, and whose it is."""
        if not isinstance(self.seen, Seen):
            return Verdict.NOT_TRIED
        if not self.seen.holds:
            return Verdict.LACKS
        if isinstance(self.alone, Seen) and self.alone.holds:
            return Verdict.BY_ITSELF
        return Verdict.HOLDS


def run(trial: Trial, alone: Trial | None = None) -> Iterator[Row]:
    """Make all checks, and yield a row for each as it is observed.

    :param alone: the same service without the filters, if there is one
    """
    for check in CHECKS:
        beside = None if alone is None else _seen(check, alone)
        yield Row(check, _seen(check, trial), beside)


def _seen(check: Check, trial: Trial) -> Seen | str:
    """Make a check; return why not if it cannot be made."""
    try:
        return check.run(trial)
    except NotTried as reason:
        return f"not tried: {reason}"
    except Unreachable as error:
        return Seen(False, str(error))


def refusal(service: Service) -> str | None:
    """Return why nothing can be tried; None if all is well."""
    try:
        answer = service.request("GET", "/v2/images?limit=1")
    except Unreachable as error:
        return str(error)
    return None if answer.status == 200 else f"GET images: {answer}"


__all__ = ["CHECKS", "Row", "Scratch", "Trial", "Verdict", "refusal", "run"]
