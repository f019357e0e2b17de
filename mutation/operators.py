# SPDX-License-Identifier: Apache-2.0

"""Kinds of changes that cosmic-ray does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cosmic_ray import plugins
from cosmic_ray.operators.operator import Operator
from parso.python.tree import Keyword

Position = tuple[tuple[int, int], tuple[int, int]]

_KEPT = ("pass_stmt", "keyword", "string", "strings", "global_stmt")


class RemoveStatement(Operator):  # type: ignore[misc]
    """Leaves out a statement of a function."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        """Yield where *node* can be changed."""
        if node.type != "simple_stmt" or "import" in node.children[0].type:
            return
        if node.children[0].type in _KEPT or not _is_in_function(node):
            return
        if not _is_implied(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Return the changed node."""
        old = node.children[0]
        prefix = old.get_first_leaf().prefix
        node.children[0] = Keyword("pass", old.start_pos, prefix)
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return none."""
        return ()


class ChangeString(Operator):  # type: ignore[misc]
    """Adds to a string that is no prose: a name, a field, a pattern."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        """Yield where *node* can be changed."""
        if node.type == "string":
            # Not a documentation string.
            is_value = node.parent.type not in ("simple_stmt", "file_input")
        else:
            is_value = node.type == "fstring_string" and (
                node.parent.type == "fstring"
            )
        if is_value and " " not in node.value:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Return the changed node."""
        quotes = 0 if node.type == "fstring_string" else 1
        end = len(node.value) - quotes
        node.value = f"{node.value[:end]}x{node.value[end:]}"
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return none."""
        return ()


def _is_implied(node: Any) -> bool:
    """Return True for "return None" where a function would end anyway."""
    code = node.children[0].get_code(include_prefix=False)
    if code not in ("return", "return None"):
        return False
    while node.get_next_sibling() is None:
        node = node.parent.parent
        if node.type == "funcdef":
            return True
        if node.type not in ("if_stmt", "try_stmt", "with_stmt"):
            return False
    return False


def _is_in_function(node: Any) -> bool:
    while node is not None and node.type != "funcdef":
        node = node.parent
    return node is not None


def register() -> None:
    """Make them known to cosmic-ray."""
    plugins.OPERATOR_PROVIDERS["own"] = {
        each.__name__: each for each in (RemoveStatement, ChangeString)
    }
