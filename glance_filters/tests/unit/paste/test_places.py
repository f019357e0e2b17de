# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import configparser
import io
import unittest
from typing import Any

import hypothesis
from hypothesis import strategies as st

from glance_filters.paste.file import CannotHandle, PasteFile
from glance_filters.paste.places import find_sections
from glance_filters.tests.unit.paste.samples import OLD

# Every control character, other white space, and what has a meaning.
ODD = st.sampled_from(
    [*map(chr, range(0x21)), *"\x7f\x85\xa0\u2028\ufeff#;%[]=:w\u00e9"]
)
LINE = st.one_of(
    st.sampled_from(("[a]", "[b] ", "[a]]", "[DEFAULT]", "  [c]")),
    st.builds("{}{} = {} x{}".format, ODD, st.sampled_from("klm"), ODD, ODD),
    st.builds("  {}v{} w".format, ODD, ODD),
    st.lists(ODD, max_size=5).map("".join),
)
TEXT = st.builds(
    "{0}[start]{0}{1}".format,
    st.sampled_from(("\n", "\r\n", "\r")),
    st.lists(LINE, max_size=8).map("\n".join),
)


class PlacesTest(unittest.TestCase):
    def test_of_sections(self) -> None:
        text = "# x\n[a]\nk = v\n   w\n# y\n\n[b]\nk = v"
        found = find_sections(text)
        self.assertEqual(["a", "b"], [*found])
        spans = {
            header: text[section.start : section.end]
            for header, section in found.items()
        }
        self.assertEqual({"a": "[a]\nk = v\n   w\n", "b": "[b]\nk = v"}, spans)

    @hypothesis.given(TEXT)
    def test_are_those_of_configparser(self, text: str) -> None:
        """Each section, key and word, in any text that can be read."""
        text = f"{text}\n{OLD}"
        parser = configparser.ConfigParser()
        parser.optionxform = str  # type: ignore[assignment, method-assign]
        try:
            parser.read_file(io.StringIO(text, newline=None))
        except configparser.Error:
            self.assertRaises(CannotHandle, PasteFile, text)
            return
        file = PasteFile(text)
        found = {
            header: {
                key: [text[start:end] for start, end in words]
                for key, words in section.words.items()
            }
            for header, section in file.sections.items()
        }
        default = found.pop("DEFAULT", {})
        read: Any = parser
        for keys, expected in (
            (default, read._defaults),
            *((found[header], read._sections[header]) for header in found),
        ):
            words = {key: value.split() for key, value in expected.items()}
            self.assertEqual(words, keys)
        self.assertEqual(read.sections(), [*found])
