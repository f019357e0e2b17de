# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import itertools
import unittest

import hypothesis
from hypothesis import strategies as st

from glance_filters.paste import edit, file
from glance_filters.paste.file import FACTORIES, NAMES
from glance_filters.tests.unit.paste.samples import NEW, OLD

ALL = "metadef_overlay disk_format_validator location_guard range_translator "


def section_of(name: str) -> str:
    factory = FACTORIES[name]
    return f"[filter:{name}]\npaste.filter_factory = {factory}\n\n"


class InsertTest(unittest.TestCase):
    def test_places(self) -> None:
        for text in (OLD, NEW, OLD.replace("# A filter", "; A filter")):
            new = edit.insert(text, NAMES).replace("; A filter", "# A filter")
            self.assertIn(f"unauthenticated-context  {ALL}rootapp\n", new)
            self.assertIn(f"    context\n    {ALL}cache cachemanage", new)
            sections = "".join(map(section_of, NAMES))
            self.assertIn(f"{sections}# A filter\n# of Glance\n", new)
            added = len(new) - len(text)
            self.assertEqual(len(sections) + 2 * len(ALL), added)

    def test_again(self) -> None:
        for some in (
            subset
            for size in range(len(NAMES))
            for subset in itertools.combinations(NAMES, size)
        ):
            new = edit.insert(OLD, some)
            self.assertEqual(new, edit.insert(new, some))
            every = edit.insert(new, NAMES)
            for pipeline in file.PasteFile(every).pipelines:
                names = [n for n in pipeline.names if n in NAMES]
                self.assertEqual([*NAMES], names)

    def test_one_flavor(self) -> None:
        for text in (OLD, NEW):
            new = edit.insert(text, NAMES, ["keystone+caching"])
            self.assertIn(f"    {ALL}cache", new)
            self.assertIn("unauthenticated-context  rootapp\n", new)
            both = edit.insert(new, NAMES, ["default"])
            self.assertEqual(edit.insert(text, NAMES), both)

    def test_names_of_the_operator_s_own(self) -> None:
        for form in (
            "use = egg:glance-filters#location_guard",
            f"paste.filter_factory = {FACTORIES['location_guard']}",
        ):
            text = OLD.replace("context  rootapp", "context my-guard rootapp")
            text += f"[filter:my-guard]\n{form}\n"
            new = edit.insert(text, NAMES, ["default"])
            self.assertIn(
                "context metadef_overlay disk_format_validator my-guard "
                "range_translator rootapp",
                new,
            )
            self.assertNotIn("my-guard", edit.remove(new, NAMES))

    def test_files_with_the_filters_by_egg(self) -> None:
        new = edit.insert(OLD, NAMES)
        for name in NAMES:
            new = new.replace(
                f"paste.filter_factory = {FACTORIES[name]}",
                f"use = egg:glance-filters#{name}",
            )
        self.assertEqual(new, edit.insert(new, NAMES))
        self.assertEqual(OLD, edit.remove(new, NAMES))

    def test_filters_before_pipelines(self) -> None:
        both = OLD.partition("# A filter")
        new = edit.insert(OLD, NAMES).partition("[filter:metadef_overlay]")
        self.assertEqual(
            f"{new[1]}{new[2]}{new[0]}",
            edit.insert(f"{both[1]}{both[2]}{both[0]}", NAMES),
        )

    def test_variables(self) -> None:
        front = "front = cors unauthenticated-context\n"
        for text in (
            f"[DEFAULT]\n{front}{NEW}",
            NEW.replace("default =", f"{front}default ="),
        ):
            text = text.replace(
                "default = cors versionnegotiation unauthenticated-context  ",
                "default = %(front)s ",
            )
            new = edit.insert(text, NAMES)
            self.assertIn(f"default = %(front)s {ALL}rootapp", new)
            self.assertEqual(text, edit.remove(new, NAMES))

    def test_what_is_before_the_context(self) -> None:
        section = section_of("range_translator")
        for before in ("range_translator", "cache", "cors %(x)s cache"):
            text = f"[DEFAULT]\nx = cors\n{OLD}{section}"
            text = text.replace("= cors versionn", f"= {before} versionn")
            new = edit.insert(text, ["location_guard"], ["default"])
            self.assertIn("context  location_guard rootapp\n", new)

    def test_variables_without_a_place(self) -> None:
        section = section_of("range_translator")
        for names in (
            *("context cache", "cors context range_translator"),
            "range_translator context",
        ):
            text = NEW.replace(
                "versionnegotiation unauthenticated-context  ", "%(x)s "
            )
            text = f"[DEFAULT]\nx = {names}\n{text}{section}"
            with self.assertRaisesRegex(
                file.CannotHandle,
                rf"^\[composite:api\] default: location_guard .*: {names}$",
            ):
                edit.insert(text, ["location_guard"], ["default"])

    def test_pipelines_without_a_user_stay(self) -> None:
        versions = "[pipeline:apiversions]\npipeline = cors rootapp\n"
        self.assertEqual(
            edit.insert(OLD, NAMES) + versions,
            edit.insert(OLD + versions, NAMES),
        )

    def test_what_cannot_be_handled(self) -> None:
        for old, new, words in (
            (OLD, "", "no pipeline of Glance"),
            ("unauthenticated-context  ", "", "no context filter"),
            ("[filter:", "[x:", "no context filter"),
            ("context  rootapp", "context", "no app at its end"),
            (
                "cors versionnegotiation unauthenticated-context  rootapp",
                "cors unauthenticated-context",
                "no app at its end",
            ),
            (
                "[filter:cachemanage]",
                "[filter:location_guard]",
                r"^\[filter:location_guard\] is there, and is no filter of ",
            ),
        ):
            with self.subTest(words):
                with self.assertRaisesRegex(file.CannotHandle, words):
                    edit.insert(OLD.replace(old, new), NAMES)
        with self.assertRaisesRegex(
            file.CannotHandle,
            r"default, keystone\+caching",
        ):
            edit.insert(OLD, NAMES, ["keystone"])


class RemoveTest(unittest.TestCase):
    def test_undoes_it(self) -> None:
        for text, end, last in itertools.product(
            (OLD, NEW), ("\n", "\r\n"), ("", "\n", "\n\n# end")
        ):
            text = (text.rstrip() + last).replace("\n", end)
            for some in (NAMES, NAMES[1:], NAMES[:1]):
                new = edit.insert(text, some)
                self.assertNotEqual(text, new)
                self.assertEqual(new.count(end), new.count("\n"))
                self.assertEqual(text, edit.remove(new, NAMES))

    def test_one_flavor_keeps_what_others_need(self) -> None:
        new = edit.insert(OLD, NAMES)
        part = edit.remove(new, NAMES, ["default"])
        self.assertIn("[filter:location_guard]", part)
        self.assertEqual(edit.insert(OLD, NAMES, ["keystone+caching"]), part)
        rest = edit.remove(part, NAMES, ["keystone+caching"])
        self.assertEqual(OLD, rest)

    def test_with_keys_of_the_operator(self) -> None:
        section = section_of("location_guard").rstrip()
        for more, left in (
            ("\nenabled = no\n# why\n\n", ""),
            ("\n; why\n\n", ""),
            ("\n# why\n\n# x\n\nenabled = no\n\n", ""),
            ("\nremove_statuses =\n  active,\n\n  queued\n\n", ""),
            ("\n", ""),
            ("\n\n\n", "\n"),
            ("\n\n# of the next one\n", "# of the next one\n"),
            ("\n# of the next one\n", "# of the next one\n"),
        ):
            with self.subTest(more):
                new = edit.insert(OLD, ["location_guard"])
                new = new.replace(
                    f"{section}\n\n# A filter\n# of Glance\n", section + more
                )
                old = OLD.replace("# A filter\n# of Glance\n", left)
                self.assertEqual(old, edit.remove(new, NAMES))

    def test_sections_of_that_name(self) -> None:
        """That of the filter is removed, whatever white space is in it."""
        others = "[app:location_guard]\nx = y\n[x:location_guard]\nx = y\n"
        new = edit.insert(OLD, ["location_guard"])
        new = new.replace(
            "[filter:location_guard]", "[filter: location_guard ]"
        )
        self.assertEqual(OLD + others, edit.remove(new + others, NAMES))

    def test_in_any_place_of_a_line(self) -> None:
        section = section_of("location_guard")
        for old, new, left in (
            ("    context\n", "    context location_guard\n", "    context\n"),
            ("    cache ", "    location_guard cache ", "    cache "),
            ("    cache ", "    location_guard\xa0cache ", "   \xa0cache "),
            (
                "    context\n",
                "    context\n    location_guard\n",
                "    context\n   \n",
            ),
            (
                "    context\n",
                "    context\tlocation_guard\n",
                "    context\t\n",
            ),
            ("\n    cors ", "location_guard\n cors ", "\n cors "),
        ):
            with self.subTest(new):
                text = OLD.replace(old, new)
                self.assertIn("location_guard", text)
                expected = OLD.replace(old, left)
                self.assertEqual(
                    f"{expected}\n",
                    edit.remove(f"{text}\n{section}", NAMES),
                )

    def test_in_a_variable(self) -> None:
        text = NEW.replace(
            "default = cors", "ours = location_guard\ndefault = cors %(ours)s"
        )
        text += section_of("location_guard")
        with self.assertRaisesRegex(file.CannotHandle, "variable"):
            edit.remove(text, NAMES)

    @hypothesis.given(st.data())
    def test_undoes_it_in_any_file(self, data: st.DataObject) -> None:
        """With any white space and any comments, in both layouts."""
        spaces = st.sampled_from((" ", "  ", "\t", "\n   ", "\n\t# x\n "))
        other = st.sampled_from(
            ("", "\n", "# more\n", "; another\n\n", "[app:x]\na = b\n")
        )

        def gap() -> str:
            return data.draw(spaces)

        text = ""
        flavors = ("glance-api", "glance-api-keystone", "glance-api-a+b")
        for flavor in data.draw(
            st.lists(st.sampled_from(flavors), min_size=1, unique=True)
        ):
            cache = data.draw(st.sampled_from(("", "cache", "cachemanage")))
            text += data.draw(other).replace("x]", f"{flavor}]")
            equals = data.draw(st.sampled_from((" = ", "=", ": ", " =\n  ")))
            names = ["cors", "context", *([cache] if cache else []), "rootapp"]
            text += f"[pipeline:{flavor}]\npipeline{equals}"
            text += names[0] + "".join(gap() + name for name in names[1:])
            text += "\n"
        text += OLD[OLD.index("[composite:rootapp]") :]
        text += data.draw(other)
        if data.draw(st.booleans()):
            text = text.replace("\n", "\r\n")
        some = data.draw(st.sets(st.sampled_from(NAMES)))
        new = edit.insert(text, sorted(some))
        for pipeline in file.PasteFile(new).pipelines:
            names = [name for name in pipeline.names if name in NAMES]
            self.assertEqual([n for n in NAMES if n in some], names)
        self.assertEqual(text, edit.remove(new, NAMES))
