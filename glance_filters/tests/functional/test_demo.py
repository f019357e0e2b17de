# SPDX-License-Identifier: Apache-2.0

"""The demonstration observes what it says, on real Glance."""

from __future__ import annotations

import contextlib
import io

import testtools

from demo import __main__ as demo
from demo import rows


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

    def test_files_show_what_is_observed(self) -> None:
        observed = demo.observed_files(self.alone, self.filtered)
        for path, text in observed.items():
            shown = path.read_text(encoding="utf-8")
            self.assertEqual(text, shown, f"{path}: run make readme")

    def test_without_them_no_row_can_pretend(self) -> None:
        self.patch(demo, "FILTER_CLASSES", ())
        failures, text = self.demonstrate(self.alone, self.alone)
        self.assertEqual(text.count("NOT AS EXPECTED"), failures)
        all_rows = sum(
            len(section.rows) + len(section.legacy_rows)
            for section in demo.SECTIONS.values()
        )
        # Those of requests that Glance itself answers, with or without us.
        self.assertEqual(all_rows - 9, failures, text)
