# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import unittest

from glance_filters.http import preconditions
from glance_filters.http.preconditions import Outcome

TAG = '"abc"'
WEAK = f"W/{TAG}"


class TagTest(unittest.TestCase):
    def test_strong(self) -> None:
        for value, expected in (
            ("0" * 32, f'"{"0" * 32}"'),
            ("aB" * 64, f'"{"aB" * 64}"'),
            (None, None),
            ("", None),
            ("0" * 31, None),
            ("0" * 32 + "\n", None),
            ("0" * 32 + "\r\nX-Evil: 1", None),
            ("00 " * 32, None),
            ("0" * 32 + '"', None),
            ("\u0660" * 32, None),
            ("xy" * 16, None),
        ):
            with self.subTest(value):
                self.assertEqual(expected, preconditions.strong_tag(value))

    def test_weak(self) -> None:
        facts = (["a", 5, "t"], ["b", 5, "t"], ["a", 6, "t"], ["a", 5, None])
        tags = [preconditions.weak_tag(*each) for each in facts]
        self.assertEqual(len(facts), len(set(tags)))
        for each in (*tags, preconditions.weak_tag("\udc80\n")):
            self.assertRegex(each, r'\AW/"[0-9a-f]{32}"\Z')
        self.assertEqual(tags[0], preconditions.weak_tag("a", 5, "t"))


class EvaluateTest(unittest.TestCase):
    def test_rows_of_rfc_9110(self) -> None:
        proceed, failed = Outcome.PROCEED, Outcome.FAILED
        not_modified = Outcome.NOT_MODIFIED
        for section, match, none_match, expected in (
            ("13.1.1", TAG, None, proceed),
            ("13.1.1", '"x", "abc"', None, proceed),
            ("13.1.1", "*", None, proceed),
            ("13.1.1", '"x"', None, failed),
            ("13.1.1", f"W/{TAG}", None, failed),
            ("13.1.1", "abc", None, proceed),
            ("13.1.2", None, TAG, not_modified),
            ("13.1.2", None, f"W/{TAG}", not_modified),
            ("13.1.2", None, "*", not_modified),
            ("13.1.2", None, '"x", , W/"abc" ,', not_modified),
            ("13.1.2", None, '"x"', proceed),
            ("13.1.2", None, '"a,b"', proceed),
            ("13.1.2", None, "abc", proceed),
            # A field that holds anything else is no list of tags.
            ("13.1.1", '"x"\n', None, proceed),
            ("13.1.2", None, f"{TAG}\n", proceed),
            ("13.1.2", None, f"{TAG},\n", proceed),
            ("13.1.2", None, f"{TAG}{TAG}", proceed),
            ("13.1.2", None, "", proceed),
            ("13.2.2", '"x"', TAG, failed),
            ("13.2.2", TAG, TAG, not_modified),
            ("13.2.2", None, None, proceed),
        ):
            environ: dict[str, object] = {}
            if match is not None:
                environ["HTTP_IF_MATCH"] = match
            if none_match is not None:
                environ["HTTP_IF_NONE_MATCH"] = none_match
            with self.subTest(section, match=match, none_match=none_match):
                found = preconditions.evaluate(environ, TAG)
                self.assertEqual(expected, found)

    def test_a_run_of_commas_is_read_in_one_way(self) -> None:
        # Read in all ways there are, this would not end.
        for separator in (",", ", ", " ,", f",{TAG},"):
            for end, expected in (
                ("", Outcome.NOT_MODIFIED),
                ("x", Outcome.PROCEED),
            ):
                text = TAG + separator * 2000 + end
                with self.subTest(separator, end=end):
                    environ = {"HTTP_IF_NONE_MATCH": text}
                    found = preconditions.evaluate(environ, TAG)
                    self.assertEqual(expected, found)

    def test_weak_tags(self) -> None:
        for name, value, expected in (
            ("HTTP_IF_MATCH", WEAK, Outcome.FAILED),
            ("HTTP_IF_MATCH", TAG, Outcome.FAILED),
            ("HTTP_IF_MATCH", "*", Outcome.PROCEED),
            ("HTTP_IF_NONE_MATCH", WEAK, Outcome.NOT_MODIFIED),
            ("HTTP_IF_NONE_MATCH", TAG, Outcome.NOT_MODIFIED),
            ("HTTP_IF_NONE_MATCH", 'W/"x"', Outcome.PROCEED),
        ):
            with self.subTest(name, value=value):
                found = preconditions.evaluate({name: value}, WEAK)
                self.assertEqual(expected, found)

    def test_data_without_a_tag(self) -> None:
        for name, expected in (
            ("HTTP_IF_MATCH", Outcome.FAILED),
            ("HTTP_IF_NONE_MATCH", Outcome.PROCEED),
        ):
            found = preconditions.evaluate({name: TAG}, None)
            self.assertEqual(expected, found)

    def test_if_range(self) -> None:
        for text, tag, expected in (
            (None, TAG, True),
            (TAG, TAG, True),
            (WEAK, TAG, False),
            (WEAK, WEAK, False),
            (TAG, WEAK, False),
            ('"x"', TAG, False),
            ('"a"', TAG, False),
            (f" {TAG}\t", TAG, True),
            ("*", TAG, False),
            ("Sat, 29 Oct 1994 19:43:31 GMT", TAG, False),
            (TAG, None, False),
        ):
            environ = {} if text is None else {"HTTP_IF_RANGE": text}
            with self.subTest(text, tag=tag):
                found = preconditions.honours_range(environ, tag)
                self.assertEqual(expected, found)
