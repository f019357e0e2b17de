# SPDX-License-Identifier: Apache-2.0

"""The documentation names what the tree has."""

from __future__ import annotations

import pathlib
import re
from xml.etree import ElementTree

import testtools

import glance_filters
from bench import cost, table
from glance_filters.filters.registry import FILTERS

DOCS = pathlib.Path(glance_filters.__file__).parents[1] / "doc" / "source"
_SVG = "{http://www.w3.org/2000/svg}"


def names_in(picture: str) -> list[str]:
    """Return the names of the boxes of a picture, from top to bottom."""
    root = ElementTree.parse(DOCS / "pictures" / picture)
    texts = root.findall(f"{_SVG}text[@class='name']")
    return [text.text or "" for text in texts]


class FiltersTest(testtools.TestCase):
    def test_picture_has_them_in_their_order(self) -> None:
        expected = [each.name for each in FILTERS]
        names = names_in("pipeline.svg")
        self.assertEqual(
            expected, [name for name in names if name in expected]
        )

    def test_each_has_a_page_that_opens_with_its_example(self) -> None:
        index = (DOCS / "index.rst").read_text()
        for each in FILTERS:
            page = (DOCS / "filters" / f"{each.name}.rst").read_text()
            self.assertIn(f".. include:: {each.name}-example.inc\n", page)
            self.assertIn(f":doc:`filters/{each.name}`", index)


class FaultsTest(testtools.TestCase):
    def test_table_names_tests_that_there_are(self) -> None:
        tests = pathlib.Path(glance_filters.__file__).parent / "tests"
        table = (DOCS / "faults-table.inc").read_text()
        named = re.findall(r"- ``(\S+\.py)`` ``(\w+)``$", table, re.MULTILINE)
        # But for the head of the table.
        self.assertEqual(table.count("* - ") - 1, len(named))
        for path, name in named:
            found = re.findall(
                r"^class (\w+)", (tests / path).read_text(), re.M
            )
            self.assertIn(name, found)


class RoomsTest(testtools.TestCase):
    def test_picture_and_page_have_those_of_the_import_contract(self) -> None:
        text = (DOCS.parents[1] / "pyproject.toml").read_text()
        contract = re.search(r"^layers = \[(.*?)\]", text, re.M | re.S)
        assert contract is not None
        # opts.py holds no more than a list of what filters have.
        rooms = [
            room for room in re.findall(r"\w+", contract[1]) if room != "opts"
        ]
        page = (DOCS / "architecture.rst").read_text()
        self.assertEqual(rooms, names_in("rooms.svg"))
        self.assertEqual(
            rooms, re.findall(r"^   \* - ``(\w+)``$", page, re.MULTILINE)
        )

    def test_page_names_modules_that_there_are(self) -> None:
        package = pathlib.Path(glance_filters.__file__).parent
        page = (DOCS / "architecture.rst").read_text()
        named = re.findall(r"``([a-z_/]+/[a-z_0-9]+\.py)``", page)
        self.assertNotEqual([], named)
        self.assertEqual(
            [], [each for each in named if not (package / each).is_file()]
        )


class SecurityTest(testtools.TestCase):
    def test_each_key_that_is_read_is_there(self) -> None:
        """What a filter reads of the environ, and what is kept from Glance."""
        page = (DOCS / "security.rst").read_text()
        named = set(re.findall(r"``([\w.]+)``", page))
        package = pathlib.Path(glance_filters.__file__).parent
        key = re.compile(
            r"environ(?:\.get\(|\.pop\(|\[)\s*\"([\w.]+)\"|"
            r"^ +\"((?:HTTP_IF|HTTP_RANGE|HTTP_CONTENT_R)\w*)\",$|"
            r"^(?:NEGOTIATED|_IMAGE_OF_CACHE)_KEY = \"([\w.]+)\"$",
            re.MULTILINE,
        )
        read = {
            name
            for path in package.rglob("*.py")
            if not {"tests", "cmd"} & set(path.relative_to(package).parts)
            for found in key.findall(path.read_text())
            for name in found
            if name
        }
        self.assertGreater(len(read), 20)
        self.assertEqual(set(), read - named)


class LogTest(testtools.TestCase):
    def test_words_to_search_for_are_logged(self) -> None:
        package = pathlib.Path(glance_filters.__file__).parent
        source = "".join(
            file.read_text()
            for file in package.rglob("*.py")
            if "tests" not in file.parts
        )
        # Texts go on in the next line.
        source = re.sub(r'"\s+"', "", source)
        page = (DOCS / "operation.rst").read_text()
        table, _, _ = page.partition("\nCounters\n")
        cells = re.findall(r"^     - (``.*``)$", table, re.MULTILINE)
        self.assertTrue(cells)
        for cell in cells:
            for words in re.findall("``(.+?)``", cell):
                self.assertIn(words, source)


class CostTest(testtools.TestCase):
    def test_table_has_what_it_is_made_of(self) -> None:
        """The rows and columns by name are those of the detailed tables."""
        detailed = (DOCS / "benchmarks-table.inc").read_text()
        for _, row, title, columns, _, _ in cost.QUESTIONS:
            _, found, section = detailed.partition(f"\n{title}\n---")
            self.assertTrue(found, title)
            self.assertIn(f"   * - {row}\n", section)
            for column in columns:
                self.assertIn(f"     - {column}\n", section)

    def test_a_part_that_was_not_measured_is_left_out(self) -> None:
        asked, row, title, columns, form, reason = cost.QUESTIONS[-1]
        head = ("", "other", *columns)
        cells = (row, "x", "1 us (2)")
        sections = [table.Section(title, "", head, [cells])]
        self.assertEqual(
            [(asked, form.format("1 us"), reason)], list(cost.rows(sections))
        )
