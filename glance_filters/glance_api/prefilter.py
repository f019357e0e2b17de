# SPDX-License-Identifier: Apache-2.0

"""Which paths cannot be of a route, told by plain text.

Nearly all requests are none of a filter's. A router's regular expressions
take microseconds to say so, a look for a few words some tens of nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterable

USUAL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class PathFilter:
    """Tells whether the router need be asked about a path at all.

    :param routes: the method and the path of each, with ``{name}`` for each
        variable
    :ivar marks: for each method, parts of paths of which each path of its
        routes holds one
    """

    def __init__(self, routes: Iterable[tuple[str, str]]) -> None:
        self.marks: dict[str, tuple[str, ...]] = {}
        self._needed: dict[str, list[tuple[list[str], str]]] = {}
        for method, path in routes:
            literals = _literals(path)
            last = "" if path.endswith("}") else literals[-1]
            self._needed.setdefault(method, []).append((literals, last))
            marks = self.marks.get(method, ())
            if not any(each in marks for each in literals):
                self.marks[method] = (*marks, _mark(literals))

    def may_match(self, method: str, path: str) -> bool:
        """Tell whether a path may be of one of the routes.

        :param path: the path as it came, whatever slashes, version or mount
            come before or between
        """
        # What the router's patterns allow behind their last segment.
        end = path.rstrip("/\n")
        # Loops: twice as fast as all().
        for literals, last in self._needed.get(method, ()):
            for literal in literals:
                if literal not in path:
                    break
            else:
                if end.endswith(last):
                    return True
        return False


def _literals(path: str) -> list[str]:
    """Return the fixed segments of a route, as its paths hold them."""
    segments = path[1:].split("/")
    last = len(segments) - 1
    return [
        f"/{segment}" if index == last else f"/{segment}/"
        for index, segment in enumerate(segments)
        if not segment.startswith("{")
    ]


def _mark(literals: list[str]) -> str:
    """Return the segment that tells most other paths from those of a route.

    It is the last that is not about images, as most paths of the API are.
    """
    rare = [each for each in literals if not each.startswith("/image")]
    return (rare or literals)[-1]
