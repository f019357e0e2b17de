# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os

import hypothesis
import testtools
from hypothesis import strategies as st

from glance_filters.locks import names

ONE = "2f5b3c1e-6f0e-4a53-9d0f-3a4f0c7b8a11"
OTHER = "9e0d7a52-13f4-4c0b-8f5d-55d1b6a0c722"

# Spellings by which a database may find the image ONE; the collations of
# MySQL that do so are named.
SPELLINGS = (
    ("upper case", ONE.upper()),
    ("mixed case", ONE[:18].upper() + ONE[18:]),
    ("spaces at the end (those with PAD SPACE)", ONE + "  "),
    ("accents (those with _ai)", ONE.replace("e", "\u00e9")),
    ("accents apart", ONE.replace("a", "a\u0301")),
    ("full width (utf8mb4_unicode_ci)", ONE.replace("c", "\uff43")),
    ("other digits (utf8mb4_unicode_ci)", ONE.replace("1", "\u0661")),
    ("ignored characters (utf8mb4_unicode_ci)", "\u00ad" + ONE + "\u200b"),
    ("what a MySQL C string hides", ONE + "\0"),
)

ids = st.text() | st.binary().map(os.fsdecode)


class NameTest(testtools.TestCase):
    def test_the_image_can_be_seen(self) -> None:
        self.assertEqual(
            f"glance-filters-image-{ONE}".encode(), names.lock_name(ONE)
        )

    def test_the_same_in_each_release(self) -> None:
        """Hosts exclude each other while they are upgraded one by one."""
        name = b"glance-filters-image-948caa2db61bc4cdb4faf7740cd491f195043914"
        self.assertEqual(name, names.lock_name("a"))

    def test_every_spelling_is_an_image_of_its_own(self) -> None:
        for label, spelling in SPELLINGS:
            with self.subTest(label):
                self.assertNotEqual(
                    names.lock_name(ONE).lower(),
                    names.lock_name(spelling).lower(),
                )

    @hypothesis.given(ids, ids)
    def test_images_apart(self, one: str, other: str) -> None:
        self.assertEqual(
            one == other, names.lock_name(one) == names.lock_name(other)
        )

    @hypothesis.given(ids)
    def test_valid_for_a_file_and_for_any_server(self, image_id: str) -> None:
        # MySQL takes no longer name, and does not tell case.
        self.assertRegex(names.lock_name(image_id), rb"\A[0-9a-z-]{1,64}\Z")


class FoldTest(testtools.TestCase):
    def test_spellings_of_one_image(self) -> None:
        for label, spelling in SPELLINGS:
            with self.subTest(label):
                self.assertEqual(ONE, names.fold_id(spelling))

    def test_images_apart(self) -> None:
        apart = [ONE, OTHER, "", "a", "a b", "ab", "..", "a/b", "\udcff"]
        self.assertEqual(len(apart), len(set(map(names.fold_id, apart))))

    @hypothesis.given(st.text(max_size=8))
    def test_case_and_trailing_spaces(self, image_id: str) -> None:
        folded = names.fold_id(image_id)
        self.assertEqual(folded, names.fold_id(image_id + " "))
        self.assertEqual(folded, names.fold_id(image_id.casefold()))
        self.assertEqual(folded, names.fold_id(folded))
