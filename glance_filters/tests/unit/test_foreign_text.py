# SPDX-License-Identifier: Apache-2.0

"""Text from elsewhere is read in bounded time, by all of the package."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import resource
import subprocess
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import glance_filters
from glance_filters.tests.fixtures import optional

# Of the processor, not of the clock; all of them take some two seconds.
_CPU_SECONDS = 60

# Python's own parser of patterns, which was public until 3.10.
_PARSER: Any = importlib.import_module(
    "re._parser" if sys.version_info >= (3, 11) else "sre_parse"
)
_FUNCTIONS = {name for name in dir(re) if callable(getattr(re, name))}


def module_names() -> Iterator[str]:
    prefix = f"{glance_filters.__name__}."
    for each in pkgutil.walk_packages(glance_filters.__path__, prefix):
        if not each.name.startswith(f"{prefix}tests"):
            yield each.name


def compiled(module: Any) -> Iterator[re.Pattern[Any]]:
    """Yield the patterns that a module, or a class of it, holds."""
    owners = [
        module,
        *filter(lambda each: isinstance(each, type), vars(module).values()),
    ]
    for owner in owners:
        for value in vars(owner).values():
            if isinstance(value, re.Pattern):
                yield value


def written_in(path: Path) -> Iterator[str]:
    """Yield the patterns that a module gives to functions of ``re``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.func.attr in _FUNCTIONS
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value)


def matches_before_a_line_feed(pattern: Any, flags: int = 0) -> bool:
    """Return True if ``$`` is in a pattern: it also matches before ``\\n``."""
    return "AT_END" in _flat(_PARSER.parse(pattern, flags))


def _flat(parsed: Any) -> Iterator[str]:
    for each in parsed:
        if isinstance(each, (tuple, list)) or hasattr(each, "data"):
            yield from _flat(each)
        else:
            yield str(each)


class PatternTest(unittest.TestCase):
    def test_what_is_found(self) -> None:
        for pattern, expected in (
            ("a$", True),
            ("(?:a|(b$))", True),
            ("(?:,|$)+x", True),
            ("(?=a$)", True),
            (b"a$", True),
            ("[$]", False),
            (r"\$", False),
            (r"a\Z", False),
            ("^a", False),
        ):
            with self.subTest(pattern):
                found = matches_before_a_line_feed(pattern)
                self.assertEqual(expected, found)

    def test_no_dollar(self) -> None:
        count = 0
        for name in module_names():
            try:
                module = importlib.import_module(name)
            except ImportError:
                # It needs a Glance, or its libraries, that are not installed.
                room = name.split(".")[1]
                self.assertIn(
                    room, ("disk_formats", "imports", "proxy", "stores")
                )
                continue
            found = [(each.pattern, each.flags) for each in compiled(module)]
            path = Path(str(module.__file__))
            found += [(each, 0) for each in written_in(path)]
            for pattern, flags in found:
                count += 1
                self.assertFalse(
                    matches_before_a_line_feed(pattern, flags),
                    f"{name}: {pattern!r}",
                )
        # The walk does find them.
        self.assertGreater(count, 10)


@unittest.skipUnless(
    optional.module("oslo_utils.imageutils.format_inspector"),
    "this oslo.utils has no format inspectors",
)
class ParserTest(unittest.TestCase):
    def test_all_come_to_an_end(self) -> None:
        limit = (_CPU_SECONDS, _CPU_SECONDS)
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "glance_filters.tests.fixtures.foreign_texts",
            ],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, limit),
            capture_output=True,
            text=True,
        )
        last = done.stdout.splitlines()[-1:]
        self.assertEqual(0, done.returncode, f"{last}: {done.stderr[-2000:]}")
