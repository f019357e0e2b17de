# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from glance_filters.paste import edit
from glance_filters.paste.check import order
from glance_filters.paste.file import NAMES
from glance_filters.tests.unit.paste import samples
from glance_filters.tests.unit.paste.check import cases

ALL = " ".join(NAMES)
DEFAULT = "[pipeline:glance-api] pipeline"
A = "[pipeline:glance-api-a] pipeline"
B = "[pipeline:glance-api-b] pipeline"
OTHERS = (
    "[pipeline:glance-api-a]\npipeline = context {} app\n"
    "[pipeline:glance-api-b]\npipeline = context {} app\n[composite:app]"
)


class OrderTest(cases.FileCase):
    def check(
        self, *replacements: str, used: tuple[str, ...] = (DEFAULT, A, B)
    ) -> list[str]:
        text = edit.insert(samples.SMALL, NAMES)
        file = self.write(text, *replacements)
        return [str(each) for each in order.check(file, used)]

    def test_right(self) -> None:
        self.assertEqual([], self.check())

    def test_places(self) -> None:
        for old, new, words in (
            ("context metadef_overlay", "metadef_overlay context", "identity"),
            ("context metadef_overlay", "metadef_overlay", "no user identity"),
            (
                "range_translator cache",
                "cache range_translator",
                "after the cache",
            ),
            (
                "location_guard range_translator",
                "range_translator location_guard",
                "Put them in the order metadef_overlay, disk",
            ),
            (
                "location_guard range",
                "location_guard location_guard range",
                "location_guard is there twice. Remove one.",
            ),
            (
                "location_guard range_translator cache app\n",
                "location_guard own range_translator cache app\n[filter:own]\n"
                "use = egg:glance-filters#location_guard\n",
                "location_guard is there twice",
            ),
        ):
            with self.subTest(new):
                [found] = self.check(old, new)
                self.assertTrue(found.startswith(f"error: {DEFAULT}: "), found)
                self.assertIn(words, found)
                [found] = self.check(
                    *(old, new, "[composite:app]", OTHERS.format(ALL, ALL)),
                    used=(A, B),
                )
                self.assertTrue(found.startswith(f"note: {DEFAULT}: "), found)

    def test_none(self) -> None:
        none = (
            "error: pipelines: none of the filters is in them. Use "
            "'glance-filters insert'."
        )
        for others, used in (
            (OTHERS.format("", ""), (A, B)),
            (OTHERS.format(ALL, ""), (B,)),
        ):
            self.assertEqual(
                [none], self.check("[composite:app]", others, used=used)
            )

    def test_missing(self) -> None:
        part = ALL.replace(" range_translator", "")
        for first, second, used, found in (
            (part, ALL, (DEFAULT, A, B), ["error", A, "--flavor a', if this"]),
            (part, ALL, (DEFAULT, B), ["note", A, "--flavor a', if this"]),
            (part, ALL, (A,), ["error", A, "--flavor a', if this"]),
            (
                *(part, part, (DEFAULT, A, B)),
                ["error", f"{A}, {B}", "--flavor a --flavor b', if these"],
            ),
            (part, part, (A, B), ["error", f"{A}, {B}", "--flavor b', if"]),
        ):
            with self.subTest(found=found):
                others = OTHERS.format(first, second)
                kind, place, words = found
                [line] = self.check("[composite:app]", others, used=used)
                self.assertTrue(line.startswith(f"{kind}: {place}: "), line)
                self.assertIn("--filter range_translator", line)
                self.assertIn(words, line)

    def test_all_missing_in_an_unused_one(self) -> None:
        others = OTHERS.format(ALL, "")
        found = self.check("[composite:app]", others, used=(DEFAULT, A))
        for name, line in zip(NAMES, found):
            self.assertTrue(line.startswith(f"note: {B}: {name} is"), line)
        self.assertEqual(len(NAMES), len(found))

    def test_misspelt_is_not_missing(self) -> None:
        # To insert it would be to have it twice, once the name is right.
        part = ALL.replace("range_translator", "range_translater")
        others = OTHERS.format(part, ALL)
        self.assertEqual([], self.check("[composite:app]", others))
        # Another filter may have such a name.
        section = "[filter:range_translater]\npaste.filter_factory = x:y\n"
        [found] = self.check("[composite:app]", f"{section}{others}")
        self.assertIn("range_translator is missing", found)
