# SPDX-License-Identifier: Apache-2.0

"""Where the sections and words of an ini file are, by configparser's rules."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass, field

# A line with its end, which the last one may lack.
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
# What a header may hold differs between the versions of Python.
_HEADER = configparser.ConfigParser.SECTCRE
_WORD = re.compile(r"\S+")
_DELIMITER = re.compile(r"[=:]")


@dataclass
class Section:
    """The place of a section in the text.

    :ivar start: where its header begins, in characters
    :ivar end: where the line of its last value ends, exclusive
    :ivar words: of each key, its words' starts and ends
    """

    start: int
    end: int
    words: dict[str, list[tuple[int, int]]] = field(default_factory=dict)


def find_sections(text: str) -> dict[str, Section]:
    """Return the sections of a text, by their headers.

    :param text: one that configparser can read
    """
    sections: dict[str, Section] = {}
    key, indent = "", 0
    for line in LINE.finditer(text):
        stripped = line.group().strip()
        if not stripped or stripped[0] in "#;":
            continue
        level = len(line.group()) - len(line.group().lstrip())
        start = line.start() + level
        if not key or level <= indent:
            indent, key = level, ""
            if match := _HEADER.match(stripped):
                header = match["header"]
                # [DEFAULT] may be there more than once.
                sections.setdefault(header, Section(start, line.end()))
                continue
            key = _DELIMITER.split(stripped)[0]
            start += len(key) + 1
            key = key.rstrip()
            sections[header].words[key] = []
        sections[header].end = line.end()
        words = _WORD.finditer(text, start, line.end())
        sections[header].words[key].extend(word.span() for word in words)
    return sections
