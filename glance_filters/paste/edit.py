# SPDX-License-Identifier: Apache-2.0

"""Put the filters into the text of a paste file, and take them out.

The file is edited as text, so that all else stays as it is, to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from glance_filters.paste.file import (
    FACTORIES,
    NAMES,
    CannotHandle,
    PasteFile,
    Pipeline,
    Token,
)
from glance_filters.paste.places import LINE, Section

_COMMENT = ("#", ";")
_EMPTY_LINE = re.compile(r"[ \t]*(?:\r\n|\r|\n)")


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

    A filter that is already in a pipeline stays where it is.

    :param filters: from :data:`file.NAMES`, in any order
    :param flavors: of the pipelines; all if empty
    :raises CannotHandle: if one of the pipelines has no place for them
    """
    file = PasteFile(text)
    wanted = [name for name in NAMES if name in filters]
    edits: list[tuple[int, str]] = []
    for pipeline in chosen(file, flavors):
        present = file.filters_in(pipeline)
        edits.extend(
            (_place(file, pipeline, name), f"{name} ")
            for name in wanted
            if name not in present
        )
    sections = [
        name for name in wanted if file.find(("filter",), name) is None
    ]
    for name in wanted:
        if name not in sections and file.filter_of(name) != name:
            raise CannotHandle(
                f"[filter:{name}] is there, and is no filter of this package"
            )
    if sections:
        edits.append((_place_of_sections(file), _sections(text, sections)))
    # From the end, so that earlier positions stay valid; of two at one place,
    # the first in the list comes first in the text.
    edits.sort(key=lambda edit: edit[0])
    for position, new in reversed(edits):
        text = text[:position] + new + text[position:]
    return text


def remove(
    text: str, filters: Sequence[str], flavors: Sequence[str] = ()
) -> str:
    """Return the text of a paste file without filters.

    A filter's section is removed once no pipeline needs it.

    :param filters: from :data:`file.NAMES`
    :param flavors: of the pipelines; all if empty
    :raises CannotHandle: if a filter is in a variable
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
            word = text[token.start : token.end]
            if word not in ours:
                raise CannotHandle(
                    f"{pipeline.place}: {', '.join(ours)} is in the variable "
                    f"{word}"
                )
            cuts.append(_with_space(text, token))
    for kind, name, header in file.named_sections():
        is_needed = kind != "filter" or name in kept
        if not is_needed and file.filter_of(name) in filters:
            cuts.append(_extent(text, file.sections[header]))
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
            "filters must be"
        )
    # It is not in the pipeline itself.
    later = NAMES[NAMES.index(name) :]
    for number, token in enumerate(tokens[last_context:]):
        if any(
            file.is_cache(each) or file.filter_of(each) in later
            for each in token.names
        ):
            if not number:
                raise CannotHandle(
                    f"{pipeline.place}: {name} must be between filters that "
                    f"are in one variable: {' '.join(token.names)}"
                )
            return token.start
    if last_context == len(tokens) - 1:
        raise CannotHandle(f"{pipeline.place}: there is no app at its end")
    return tokens[-1].start


def _place_of_sections(file: PasteFile) -> int:
    """Return where the sections go: before the first filter's.

    Comments right above that one belong to it.
    """
    start = min(
        section.start
        for header, section in file.sections.items()
        if header.startswith("filter:")
    )
    lines = LINE.findall(file.text[:start])
    while lines and lines[-1].startswith(_COMMENT):
        start -= len(lines.pop())
    return start


def _sections(text: str, names: Sequence[str]) -> str:
    # Not "use = egg:glance-filters#NAME": for that, old releases of
    # setuptools demand that every package of the environment fits.
    end = "\r\n" if "\r\n" in text else "\n"
    return "".join(
        f"[filter:{name}]{end}"
        f"paste.filter_factory = {FACTORIES[name]}{end}{end}"
        for name in names
    )


def _with_space(text: str, token: Token) -> tuple[int, int]:
    if text[token.end : token.end + 1] == " ":
        return token.start, token.end + 1
    if text[token.start - 1] == " ":
        return token.start - 1, token.end
    return token.start, token.end


def _extent(text: str, section: Section) -> tuple[int, int]:
    """Return where a section is, with the empty line behind it.

    Comments right behind it are its own, unless another section follows.
    """
    end = section.end
    for line in LINE.finditer(text, end):
        if not line.group().startswith(_COMMENT):
            break
        end = line.end()
    if text.startswith("[", end):
        end = section.end
    if empty := _EMPTY_LINE.match(text, end):
        end = empty.end()
    return section.start, end
