# SPDX-License-Identifier: Apache-2.0

"""The demonstration observes what it says, on real Glance."""

from __future__ import annotations

import contextlib
import io

import testtools

from demo import __main__ as demo
from demo import readme, rows


class DemoTest(testtools.TestCase):
    """All rows are as expected, and only with the filters."""

    alone: rows.GlanceSide
    filtered: rows.GlanceSide

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        sides = contextlib.ExitStack()
        cls.addClassCleanup(sides.close)
        with contextlib.redirect_stdout(io.StringIO()):
            cls.alone, cls.filtered = sides.enter_context(demo._sides())

    def demonstrate(self, *sides: rows.GlanceSide) -> tuple[int, str]:
        self.patch(demo, "_sides", lambda: contextlib.nullcontext(sides))
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            with contextlib.redirect_stderr(text):
                return demo.demonstrate(), text.getvalue()

    def test_with_the_filters(self) -> None:
        failures, text = self.demonstrate(self.alone, self.filtered)
        self.assertEqual(0, failures, text)
        self.assertIn("409 Conflict, by the", text)

    def test_readme_shows_what_is_observed(self) -> None:
        made = readme.table(demo.SECTIONS, self.alone, self.filtered)
        self.assertIn(made, readme.README.read_text(encoding="utf-8"))

    def test_without_them_no_row_can_pretend(self) -> None:
        self.patch(demo, "FILTER_CLASSES", ())
        failures, text = self.demonstrate(self.alone, self.alone)
        self.assertEqual(text.count("NOT AS EXPECTED"), failures)
        all_rows = sum(
            len(section.rows) + len(section.legacy_rows)
            for section in demo.SECTIONS
        )
        # Those that show what is let through or what the core says by itself.
        self.assertEqual(all_rows - 8, failures, text)
