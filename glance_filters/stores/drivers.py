# SPDX-License-Identifier: Apache-2.0

"""What the drivers with random access have in common."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class HiddenOptions:
    """The options of a builtin driver, for its instances alone.

    glance_store lists the options of the class of each entry point, and the
    builtin driver has told its own there.
    """

    OPTIONS: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.OPTIONS = super().OPTIONS  # type: ignore[misc]
        super().__init__(*args, **kwargs)


@dataclass(frozen=True)
class Builtin:
    """What a driver builds on.

    :ivar classes: the classes of the stores that it can take the place of
    :ivar methods: what it calls or overrides: the names of the parameters of
        each method, but self
    """

    classes: tuple[type[Any], ...]
    methods: Mapping[str, tuple[str, ...]]

    def misfit(self, kind: type[Any]) -> str | None:
        """Return why a store of this class stays as it is, if it does."""
        if kind not in self.classes:
            return f"its driver is {kind.__module__}.{kind.__qualname__}"
        for name, wanted in self.methods.items():
            method = getattr(kind, name, None)
            if method is None:
                return f"its driver has no {name}"
            names = tuple(
                each
                for each in inspect.signature(method).parameters
                if each != "self"
            )
            if names != wanted:
                return f"its driver's {name} takes {', '.join(names)}"
        return None
