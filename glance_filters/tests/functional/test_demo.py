# SPDX-License-Identifier: Apache-2.0

"""The demonstration observes what it says, on real Glance."""

from __future__ import annotations

import contextlib
import io

import testtools

from demo import __main__ as demo
from demo import readme


class DemoTest(testtools.TestCase):
    """All rows are as expected, and only with the filters."""

    def demonstrate(self) -> tuple[int, str]:
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            with contextlib.redirect_stderr(text):
                return demo.demonstrate(), text.getvalue()

    def test_with_the_filters(self) -> None:
        failures, text = self.demonstrate()
        self.assertEqual(0, failures, text)
        self.assertIn("409 Conflict, by the", text)

    def test_readme_shows_what_is_observed(self) -> None:
        text = io.StringIO()
        with contextlib.redirect_stdout(text), demo._sides() as sides:
            made = readme.table(demo.SECTIONS, *sides)
        self.assertIn(made, readme.README.read_text(encoding="utf-8"))

    def test_without_them_no_row_can_pretend(self) -> None:
        self.patch(demo, "FILTERS", ())
        self.patch(demo, "FILTER_CLASSES", ())
        failures, text = self.demonstrate()
        self.assertEqual(text.count("NOT AS EXPECTED"), failures)
        rows = sum(
            len(section.rows) + len(section.legacy_rows)
            for section in demo.SECTIONS
        )
        # Those that show what is let through or what the core says by itself.
        self.assertEqual(rows - 8, failures, text)
