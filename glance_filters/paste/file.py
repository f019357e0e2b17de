# SPDX-License-Identifier: Apache-2.0

"""A paste file of Glance: its pipelines, and where they are in its text.

The values are read as Paste Deploy reads them. The places are kept too, so
that an edit changes nothing else, to the byte.

Two layouts are known: ``[pipeline:glance-api-FLAVOR]``, one section per flavor
(until Glance 2023.1), and ``[composite:api]`` with
``glance.api:pipeline_factory``, one key per flavor (since 2023.2).
"""

from __future__ import annotations

import configparser
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from glance_filters.filters.registry import FILTERS
from glance_filters.paste import places

DISTRIBUTION = "glance-filters"

# The names of the filters, outermost first.
NAMES = tuple(each.name for each in FILTERS)
# What a section's paste.filter_factory says.
FACTORIES = {
    each.name: f"{each.__module__}:{each.__qualname__}.factory"
    for each in FILTERS
}
_OURS = (f"egg:{DISTRIBUTION}#", "glance_filters.")
_FILTER_OF = {
    **{f"egg:{DISTRIBUTION}#{name}": name for name in NAMES},
    **{factory: name for name, factory in FACTORIES.items()},
}

# Glance loads this section, with "-FLAVOR" behind it if a flavor is set.
ROOT = "glance-api"
DEFAULT_FLAVOR = "default"
PIPELINE_FACTORY = "glance.api:pipeline_factory"
_CONTEXT_FACTORY = "glance.api.middleware.context:"
# These answer requests themselves, so our filters must be before them.
_CACHE_FACTORIES = (
    "glance.api.middleware.cache:",
    "glance.api.middleware.cache_manage:",
)
# The kinds of sections in which Paste Deploy looks for an application.
APPS = (
    *("app", "application", "composite", "composit"),
    *("pipeline", "filter-app"),
)


class CannotHandle(Exception):
    """The file has an unknown shape; the text says where."""


@dataclass(frozen=True)
class Token:
    """One word of a pipeline.

    :ivar names: the word itself, or the names in its variables
    :ivar start: where it begins in the file's text, in characters
    :ivar end: where it ends, exclusive
    """

    names: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Pipeline:
    """The pipeline of one flavor.

    :ivar flavor: ``default`` if Glance uses it without a flavor
    :ivar header: its section
    :ivar key: its key in the section
    :ivar tokens: the filters, outermost first, then the application
    """

    flavor: str
    header: str
    key: str
    tokens: tuple[Token, ...]

    @property
    def place(self) -> str:
        """Section and key, for messages."""
        return f"[{self.header}] {self.key}"

    @property
    def names(self) -> list[str]:
        """The names in all tokens."""
        return [name for token in self.tokens for name in token.names]


class PasteFile:
    """The text of a paste file, and the pipelines in it.

    :param path: its name, for ``%(here)s`` and ``%(__file__)s``
    :raises CannotHandle: if the text is not a paste file of Glance
    """

    def __init__(self, text: str, path: Path = Path("paste.ini")) -> None:
        self.text = text
        self.path = path.absolute()
        self._parser = configparser.ConfigParser(
            {"here": str(self.path.parent), "__file__": str(self.path)}
        )
        self._parser.optionxform = str  # type: ignore[assignment, method-assign]
        try:
            # As open() does: any of the three line ends is one.
            lines = io.StringIO(text, newline=None)
            self._parser.read_file(lines, self.path.name)
        except configparser.Error as error:
            # Some say it in several lines.
            reason = " ".join(str(error).split())
            raise CannotHandle(f"it cannot be read: {reason}") from error
        self.sections = places.find_sections(text)
        self._compare()
        self.pipelines = tuple(self._pipelines())
        if not self.pipelines:
            raise CannotHandle("there is no pipeline of Glance in it")

    @classmethod
    def read(cls, path: Path) -> PasteFile:
        """Read a file; its line ends stay as they are.

        :raises OSError: if it cannot be read
        :raises CannotHandle: if it is not a paste file of Glance
        """
        try:
            with path.open(newline="", encoding="utf-8") as file:
                return cls(file.read(), path)
        except UnicodeDecodeError as error:
            raise CannotHandle(f"it cannot be read: {error}") from error

    def _compare(self) -> None:
        """Refuse a file whose places were not found as it is read.

        An edit at a wrong place would be worse than none.
        """
        for header, section in self.sections.items():
            for key, words in section.words.items():
                found = [self.text[start:end] for start, end in words]
                if self._raw(header, key).split() != found:
                    raise CannotHandle(f"[{header}] {key} cannot be read")

    def _raw(self, header: str, key: str) -> str:
        return self._parser.get(header, key, raw=True, fallback="")

    def flavors(self) -> list[str]:
        """Return the flavors with which Glance can start, in their order."""
        found = [
            flavor_of(name)
            for kind, name, _ in self.named_sections()
            if kind in APPS
        ]
        return [each for each in found if each is not None]

    def named_sections(self) -> Iterator[tuple[str, str, str]]:
        """Yield kind, name and header of each section that has a name."""
        for header in self.sections:
            kind, colon, name = header.partition(":")
            if colon:
                yield kind, name.strip(), header

    def values(self, header: str) -> dict[str, str]:
        """Return the keys of a section, those of [DEFAULT] not among them.

        Variables are not replaced. A section that is not there has no keys.
        """
        section = self.sections.get(header)
        words = section.words if section else ()
        # A value may begin on the line after its key.
        return {key: self._raw(header, key).strip() for key in words}

    def find(self, kinds: tuple[str, ...], name: str) -> str | None:
        """Return the header of a section, None if there is none."""
        for kind, found, header in self.named_sections():
            if kind in kinds and found == name:
                return header
        return None

    def _pipelines(self) -> Iterator[Pipeline]:
        for header, section in self.sections.items():
            kind, _, name = header.partition(":")
            if kind == "pipeline" and "pipeline" in section.words:
                pipeline = self._pipeline(name.strip(), header, "pipeline")
                # Others, such as one for the versions, know no user.
                if flavor_of(name.strip()) or any(
                    map(self.is_context, pipeline.names)
                ):
                    yield pipeline
            elif self.target("composite", header) == PIPELINE_FACTORY:
                for key in section.words:
                    pipeline = self._pipeline(root(key), header, key)
                    # Other keys are the factory and variables.
                    if self.find(APPS, root(key)) or (
                        pipeline.tokens and self.find(APPS, pipeline.names[-1])
                    ):
                        yield pipeline

    def _pipeline(self, name: str, header: str, key: str) -> Pipeline:
        tokens = tuple(self.tokens(header, key))
        return Pipeline(flavor_of(name) or name, header, key, tokens)

    def tokens(self, header: str, key: str) -> Iterator[Token]:
        """Yield the words of a value.

        :raises CannotHandle: if a variable in it cannot be replaced
        """
        for start, end in self.sections[header].words.get(key, ()):
            names = self._replaced(header, key, self.text[start:end])
            yield Token(tuple(names), start, end)

    def _replaced(self, header: str, key: str, word: str) -> list[str]:
        """Return the words that a word's variables stand for."""
        values: Mapping[str, str] = {
            **self._parser.defaults(),
            **self.values(header),
        }
        try:
            return (
                configparser.BasicInterpolation()
                .before_get(self._parser, header, key, word, values)
                .split()
            )
        except configparser.InterpolationError as error:
            raise CannotHandle(f"[{header}] {key}: {error}") from error

    def target(self, kind: str, header: str | None) -> str:
        """Return what a section makes a filter or application of.

        :param kind: ``filter``, or a kind of application
        :returns: MODULE:FACTORY, or the URI in ``use``; empty if there is none
        """
        seen = []
        while header is not None and header not in seen:
            seen.append(header)
            values = self.values(header)
            use = values.get("use", "")
            if not use:
                return values.get(f"paste.{kind}_factory", "")
            scheme, colon, rest = use.partition(":")
            if colon:
                return rest if scheme == "call" else use
            header = self.find((kind,), use)
        return ""

    def is_context(self, name: str) -> bool:
        """Return True if a filter establishes the user's identity."""
        return self._target_of(name).startswith(_CONTEXT_FACTORY)

    def is_cache(self, name: str) -> bool:
        """Return True if a filter belongs to Glance's cache."""
        return self._target_of(name).startswith(_CACHE_FACTORIES)

    def _target_of(self, name: str) -> str:
        # A pipeline may also name a URI, without a section.
        target = name
        if ":" not in name:
            target = self.target("filter", self.find(("filter",), name))
        egg, number, entry_point = target.partition("#")
        return egg.replace("_", "-") + "#" + entry_point if number else target

    def is_ours(self, name: str) -> bool:
        """Return True if a name leads to this package, rightly or not."""
        return self._target_of(name).startswith(_OURS)

    def filter_of(self, name: str) -> str | None:
        """Return which filter of this package a name stands for."""
        return _FILTER_OF.get(self._target_of(name))

    def filters_in(self, pipeline: Pipeline) -> list[str]:
        """Return this package's filters in a pipeline, outermost first."""
        found = map(self.filter_of, pipeline.names)
        return [each for each in found if each is not None]


def root(flavor: str) -> str:
    """Return the name of the application that Glance loads for a flavor."""
    return ROOT if flavor == DEFAULT_FLAVOR else f"{ROOT}-{flavor}"


def flavor_of(name: str) -> str | None:
    """Return the flavor for which Glance loads an application, if any."""
    if name == ROOT:
        return DEFAULT_FLAVOR
    prefix = f"{ROOT}-"
    return name[len(prefix) :] if name.startswith(prefix) else None
