# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest
from typing import Any

from oslo_config import cfg

from glance_filters.filters import values

SIZE = cfg.IntOpt("size", default=1, mutable=True)
NAMES = cfg.ListOpt("names", default=["a"], mutable=True)
KEY = cfg.StrOpt("key", default="open", secret=True, mutable=True)
URL = cfg.StrOpt("url", default="u")
OPTS = {"one": (SIZE, NAMES, KEY), "two": (URL, SIZE)}


def of(
    size: int = 1,
    names: tuple[str, ...] = ("a",),
    key: str = "open",
    url: str = "u",
    other: int = 1,
) -> dict[str, dict[str, Any]]:
    return {
        "one": {"size": size, "names": names, "key": key},
        "two": {"url": url, "size": other},
    }


class ValuesTest(unittest.TestCase):
    def test_told(self) -> None:
        for opt, value, expected in (
            (SIZE, 7, "7"),
            (SIZE, None, "None"),
            (NAMES, ("a", "b"), "a,b"),
            (NAMES, (), ""),
            (KEY, "x", "****"),
            # No secrets: none, and what everybody knows.
            (KEY, "", ""),
            (KEY, "open", "open"),
        ):
            self.assertEqual(expected, values.told(opt, value))

    def test_defaults(self) -> None:
        self.assertEqual(of(), values.defaults(OPTS))

    def test_differences(self) -> None:
        for former, now, expected in (
            (of(), of(), []),
            (of(), of(size=2), ["[one] size: 1 -> 2"]),
            (of(other=3), of(), ["[two] size: 3 -> 1"]),
            (
                of(key="x"),
                of(key="y", names=("b", "c")),
                ["[one] names: a -> b,c", "[one] key: **** -> ****"],
            ),
        ):
            found = list(values.differences(OPTS, former, now))
            self.assertEqual(expected, found)

    def test_keep_fixed(self) -> None:
        for former, now, kept, fixed in (
            (of(), of(size=2), of(size=2), set()),
            (of(), of(url="v"), of(), {"[two] url"}),
            (of(), of(url="v", size=2), of(size=2), {"[two] url"}),
        ):
            before = repr(now)
            self.assertEqual(
                (kept, fixed), values.keep_fixed(OPTS, former, now)
            )
            self.assertEqual(before, repr(now))
