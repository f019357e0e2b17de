# SPDX-License-Identifier: Apache-2.0

"""Where the filters of this package stand in a paste file of Glance.

A file is read by ConfigUpdater, which knows where each part of it stands, and
edited as text, so that all else stays as it is, to the byte.

Both layouts of Glance's file are known: ``[pipeline:glance-api-FLAVOR]``, a
section for each flavor (until 2023.1), and ``[composite:api]`` with
``glance.api:pipeline_factory``, a key for each (since 2023.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import configupdater

from glance_filters.filters import registry

DISTRIBUTION = "glance-filters"

# In the order in which they stand, outermost first.
FILTERS = tuple(each.name for each in registry.FILTERS)

_PIPELINE_FACTORY = "glance.api:pipeline_factory"
_CONTEXT_FACTORY = "glance.api.middleware.context:"
# What answers requests by itself, so that the filters stand before it.
_CACHE_FACTORIES = (
    "glance.api.middleware.cache:",
    "glance.api.middleware.cache_manage:",
)
_APPS = ("app", "composite", "pipeline")
_VARIABLE = re.compile(r"%\((.+)\)s")


class CannotHandle(Exception):
    """The file is not of a shape that is known; the text says where."""


@dataclass(frozen=True)
class Token:
    """One name in a pipeline.

    :ivar names: the name, or those that stand for it if it is a variable
    :ivar start: where it begins in the file's text, in characters
    :ivar end: where it ends, exclusive
    """

    names: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Pipeline:
    """A pipeline of one flavor.

    :ivar flavor: ``default`` for that without a flavor
    :ivar place: section and key, for messages
    :ivar tokens: its filters, outermost first, and the app
    """

    flavor: str
    place: str
    tokens: tuple[Token, ...]

    @property
    def names(self) -> list[str]:
        """The names of all of it."""
        return [name for token in self.tokens for name in token.names]


@dataclass(frozen=True)
class Section:
    """A section of the file.

    :ivar start: where its header begins in the file's text, in characters
    :ivar values: its keys' values
    """

    start: int
    values: Mapping[str, str]


class PasteFile:
    """A paste file's text, and where its pipelines are.

    :raises CannotHandle: if the text is no paste file of Glance
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.sections: dict[str, Section] = {}
        self._options: list[tuple[str, str, str, int]] = []
        try:
            self._read()
        except configupdater.ParsingError as error:
            raise CannotHandle(f"it cannot be read: {error}") from error
        except configupdater.DuplicateSectionError as error:
            raise CannotHandle(
                f"section [{error.section}] stands in it twice"
            ) from error
        except configupdater.DuplicateOptionError as error:
            raise CannotHandle(
                f"key {error.option} stands twice in [{error.section}]"
            ) from error
        self.pipelines = tuple(self._pipelines())
        if not self.pipelines:
            raise CannotHandle("there is no pipeline of Glance in it")

    def _read(self) -> None:
        updater = configupdater.ConfigUpdater()
        updater.optionxform = str  # type: ignore[assignment, method-assign]
        updater.read_string(self.text)
        position = 0
        for block in updater.iter_blocks():
            start = position
            position += len(str(block))
            if not isinstance(block, configupdater.Section):
                continue
            values: dict[str, str] = {}
            parts = list(block.iter_blocks())
            at = position - sum(len(str(part)) for part in parts)
            for part in parts:
                if isinstance(part, configupdater.Option):
                    values[part.key] = part.value or ""
                    self._options.append((block.name, part.key, str(part), at))
                at += len(str(part))
            self.sections[block.name] = Section(start, values)

    def _pipelines(self) -> Iterator[Pipeline]:
        for section, key, raw, start in self._options:
            kind, _, name = section.partition(":")
            if kind == "pipeline" and key == "pipeline":
                flavor = name.partition("glance-api-")[2] or name
                if name == "glance-api":
                    flavor = "default"
            elif self._factory(section, "composite") == _PIPELINE_FACTORY:
                flavor = key
            else:
                continue
            tokens = tuple(self._tokens(section, key, raw, start))
            # Other keys are the factory, and variables.
            if tokens and self._is_app(tokens[-1].names[-1]):
                yield Pipeline(flavor, f"[{section}] {key}", tokens)

    def _tokens(
        self, section: str, key: str, raw: str, start: int
    ) -> Iterator[Token]:
        position = raw.index(key) + len(key)
        position = re.compile(r"\s*[=:]").match(raw, position).end()  # type: ignore[union-attr]
        for line in re.finditer(r"[^\r\n]+", raw[position:]):
            if line.group().lstrip().startswith(("#", ";")):
                continue
            for word in re.finditer(r"\S+", line.group()):
                at = start + position + line.start() + word.start()
                names = tuple(self._expanded(section, word.group()))
                yield Token(names, at, at + len(word.group()))

    def _expanded(self, section: str, word: str) -> Iterator[str]:
        variable = _VARIABLE.fullmatch(word)
        if variable is None:
            yield word
            return
        values = self.sections[section].values
        if variable[1] not in values:
            raise CannotHandle(f"[{section}] has no {variable[1]} for {word}")
        for each in values[variable[1]].split():
            yield from self._expanded(section, each)

    def _factory(self, section: str, kind: str) -> str:
        values = self.sections[section].values
        return values.get(f"paste.{kind}_factory", "").strip()

    def _is_app(self, name: str) -> bool:
        return any(f"{kind}:{name}" in self.sections for kind in _APPS)

    def is_context(self, name: str) -> bool:
        """Tell whether a filter establishes the user's identity."""
        return self._is_made_by(name, (_CONTEXT_FACTORY,))

    def is_cache(self, name: str) -> bool:
        """Tell whether a filter belongs to Glance's cache."""
        return self._is_made_by(name, _CACHE_FACTORIES)

    def _is_made_by(self, name: str, factories: tuple[str, ...]) -> bool:
        section = f"filter:{name}"
        return section in self.sections and self._factory(
            section, "filter"
        ).startswith(factories)

    def filter_of(self, name: str) -> str | None:
        """Return which of this package's filters a name stands for."""
        section = self.sections.get(f"filter:{name}")
        if section is None:
            return None
        egg, _, entry_point = section.values.get("use", "").partition("#")
        is_ours = egg.strip() == f"egg:{DISTRIBUTION}"
        return entry_point.strip() if is_ours else None

    def filters_in(self, pipeline: Pipeline) -> list[str]:
        """Return this package's filters in a pipeline, outermost first."""
        found = [self.filter_of(name) for name in pipeline.names]
        return [each for each in found if each is not None]


def chosen(file: PasteFile, flavors: Sequence[str]) -> tuple[Pipeline, ...]:
    """Return the pipelines of some flavors, of all if none is named.

    :raises CannotHandle: if there is no such flavor
    """
    known = {each.flavor for each in file.pipelines}
    for flavor in flavors:
        if flavor not in known:
            raise CannotHandle(
                f"there is no flavor {flavor}; flavors: "
                f"{', '.join(sorted(known))}"
            )
    return tuple(
        each
        for each in file.pipelines
        if not flavors or each.flavor in flavors
    )


def insert(
    text: str, filters: Sequence[str], flavors: Sequence[str] = ()
) -> str:
    """Return the text of a paste file with filters in their places.

    Those that are in a pipeline already stay where they are.

    :param filters: names of :data:`FILTERS`, in any order
    :param flavors: of the pipelines; all if empty
    :raises CannotHandle: if one of the pipelines has no place for them
    """
    file = PasteFile(text)
    edits: list[tuple[int, str]] = []
    for pipeline in chosen(file, flavors):
        present = set(file.filters_in(pipeline))
        lacking = [
            name for name in FILTERS if name in filters and name not in present
        ]
        for name in lacking:
            edits.append((_place(file, pipeline, name), f"{name} "))
    lacking = [name for name in FILTERS if name in filters]
    sections = [
        name for name in lacking if f"filter:{name}" not in file.sections
    ]
    for name in set(lacking) - set(sections):
        if file.filter_of(name) != name:
            raise CannotHandle(
                f"[filter:{name}] is there, and is no filter of this package"
            )
    if sections:
        edits.append((_place_of_sections(file), _sections(text, sections)))
    return _edited(text, edits)


def remove(
    text: str, filters: Sequence[str], flavors: Sequence[str] = ()
) -> str:
    """Return the text of a paste file without filters.

    A filter's section goes when no pipeline needs it any more.

    :param filters: names of :data:`FILTERS`
    :param flavors: of the pipelines; all if empty
    :raises CannotHandle: if a filter stands in a variable
    """
    file = PasteFile(text)
    cuts: list[tuple[int, int]] = []
    kept: set[str] = set()
    removed = chosen(file, flavors)
    for pipeline in file.pipelines:
        for token in pipeline.tokens:
            ours = [
                name for name in token.names if file.filter_of(name) in filters
            ]
            if not ours:
                continue
            if pipeline not in removed:
                kept.update(ours)
                continue
            if text[token.start : token.end] not in ours:
                raise CannotHandle(
                    f"{pipeline.place}: {', '.join(ours)} stands in the "
                    f"variable {text[token.start : token.end]}"
                )
            cuts.append(_with_space(text, token))
    for header in file.sections:
        kind, _, name = header.partition(":")
        is_needed = kind != "filter" or name in kept
        if not is_needed and file.filter_of(name) in filters:
            cuts.append(_extent(text, file.sections[header].start))
    for start, end in sorted(cuts, reverse=True):
        text = text[:start] + text[end:]
    return text


def _place(file: PasteFile, pipeline: Pipeline, name: str) -> int:
    """Return where in the text a filter is to be put into a pipeline."""
    tokens = pipeline.tokens
    last_context = None
    for number, token in enumerate(tokens):
        if any(map(file.is_context, token.names)):
            last_context = number
    if last_context is None:
        raise CannotHandle(
            f"{pipeline.place}: there is no context filter, after which the "
            "filters are to stand"
        )
    later = FILTERS[FILTERS.index(name) + 1 :]
    for token in tokens[last_context + 1 :]:
        if any(
            file.is_cache(each) or file.filter_of(each) in later
            for each in token.names
        ):
            return token.start
    if last_context == len(tokens) - 1:
        raise CannotHandle(f"{pipeline.place}: there is no app at its end")
    return tokens[-1].start


def _place_of_sections(file: PasteFile) -> int:
    """Return where the sections go: before the first filter's.

    Comments right above that one belong to it.
    """
    starts = [
        section.start
        for name, section in file.sections.items()
        if name.startswith("filter:")
    ]
    if not starts:
        raise CannotHandle("there is no [filter:...] section in it")
    start = min(starts)
    lines = file.text[:start].splitlines(keepends=True)
    while lines and lines[-1].startswith(("#", ";")):
        start -= len(lines.pop())
    return start


def _sections(text: str, names: Sequence[str]) -> str:
    end = "\r\n" if "\r\n" in text else "\n"
    return "".join(
        f"[filter:{name}]{end}use = egg:{DISTRIBUTION}#{name}{end}{end}"
        for name in names
    )


def _edited(text: str, edits: list[tuple[int, str]]) -> str:
    # From the end, so that what is still to come stays where it is; of two at
    # one place, the first in the list comes first in the text.
    edits.sort(key=lambda edit: edit[0])
    for position, new in reversed(edits):
        text = text[:position] + new + text[position:]
    return text


def _with_space(text: str, token: Token) -> tuple[int, int]:
    if text[token.end : token.end + 1] == " ":
        return token.start, token.end + 1
    if text[token.start - 1] == " ":
        return token.start - 1, token.end
    return token.start, token.end


def _extent(text: str, start: int) -> tuple[int, int]:
    """Return where a section is, with the empty line behind it."""
    end = start
    for number, line in enumerate(text[start:].splitlines(keepends=True)):
        if number and line.startswith("["):
            break
        end += len(line)
        if not line.strip():
            break
    return start, end
