# SPDX-License-Identifier: Apache-2.0

"""The mutants of a module: cosmic-ray's operators on its text."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray import mutating, plugins
from cosmic_ray.ast import ast_nodes, get_ast

from mutation import operators

operators.register()

# What these change, no test can see: numbers and None are what they equal.
_WITHOUT = re.compile(
    "core/ReplaceComparisonOperator_(Eq_Is|Is_Eq|NotEq_IsNot|IsNot_NotEq)"
)


@dataclass(frozen=True)
class Mutant:
    """A module with one change.

    :ivar module: its path in the checkout
    :ivar source: its text
    :ivar text: the changed text
    """

    module: Path
    source: str
    text: str

    @property
    def new_lines(self) -> list[str]:
        """The lines that it has and the module has not."""
        lines = self.diff.splitlines()[2:]
        return [line[1:] for line in lines if line.startswith("+")]

    @property
    def diff(self) -> str:
        """What it changes, with the lines around it."""
        lines = difflib.unified_diff(
            self.source.splitlines(),
            self.text.splitlines(),
            f"a/{self.module}",
            f"b/{self.module}",
            lineterm="",
            n=1,
        )
        return "\n".join(lines)


@dataclass(frozen=True)
class Place:
    """Where a module can be changed.

    :ivar operator: cosmic-ray's name of the kind of change
    :ivar occurrence: which place of that kind it is, from 0
    """

    module: Path
    operator: str
    occurrence: int


def places(module: Path) -> Iterator[Place]:
    """Yield all places where a module can be changed."""
    nodes = list(ast_nodes(get_ast(module.read_text())))
    for name in sorted(plugins.operator_names()):
        kind = plugins.get_operator(name)
        if kind.arguments() or _WITHOUT.fullmatch(name):
            continue
        count = sum(len(list(kind().mutation_positions(n))) for n in nodes)
        for occurrence in range(count):
            yield Place(module, name, occurrence)


def make(place: Place) -> Mutant | None:
    """Return the mutant; None if no test could tell it from the module."""
    source = place.module.read_text()
    kind = plugins.get_operator(place.operator)
    try:
        text = mutating.mutate_code(source, kind(), place.occurrence)
    except AttributeError:
        # cosmic-ray cannot replace the exceptions of "except (a.B, c.D)".
        return None
    if not _is_visible(source, text):
        return None
    return Mutant(place.module, source, text)


class _WithoutAnnotations(ast.NodeTransformer):
    """Leaves out what is for readers and mypy: annotations, for example."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        """Leave out ``__all__``."""
        names = [
            each.id for each in node.targets if isinstance(each, ast.Name)
        ]
        return None if names == ["__all__"] else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Leave out declarations of types, and that it is abstract."""
        node.decorator_list = [
            each
            for each in node.decorator_list
            if ast.unparse(each) != "abc.abstractmethod"
        ]
        for each in ast.walk(node):
            body = getattr(each, "body", None)
            if isinstance(body, list):
                body[:] = map(_without_declaration, body)
        return self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                setattr(node, name, ast.Constant(None))
        return super().generic_visit(node)


def _without_declaration(node: ast.stmt) -> ast.stmt:
    is_declaration = isinstance(node, ast.AnnAssign) and node.value is None
    return ast.Pass() if is_declaration else node


def _is_visible(source: str, text: str) -> bool:
    """Return True if the change is to something that is run."""
    try:
        one, other = (
            ast.dump(_WithoutAnnotations().visit(ast.parse(each)))
            for each in (source, text)
        )
    except SyntaxError:
        return False
    return one != other
