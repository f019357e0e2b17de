# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pathlib

import fixtures
import testtools

from glance_filters.paste import places
from glance_filters.paste.file import FACTORIES, CannotHandle, PasteFile
from glance_filters.tests.unit.paste.samples import NEW, OLD

NAME = "location_guard"


class PipelinesTest(testtools.TestCase):
    def found(self, text: str) -> dict[str, list[str]]:
        return {each.flavor: each.names for each in PasteFile(text).pipelines}

    def test_both_layouts(self) -> None:
        for text, where in (
            (
                OLD,
                [
                    "[pipeline:glance-api] pipeline",
                    "[pipeline:glance-api-keystone+caching] pipeline",
                ],
            ),
            (
                NEW,
                [
                    "[composite:api] default",
                    "[composite:api] keystone+caching",
                ],
            ),
        ):
            file = PasteFile(text)
            self.assertEqual(where, [each.place for each in file.pipelines])
            default = "cors versionnegotiation unauthenticated-context rootapp"
            self.assertEqual(
                {
                    "default": default.split(),
                    "keystone+caching": [
                        *("cors", "authtoken", "context", "cache"),
                        *("cachemanage", "rootapp"),
                    ],
                },
                self.found(text),
            )
            for pipeline in file.pipelines:
                for token in pipeline.tokens:
                    word = text[token.start : token.end]
                    self.assertEqual((word,), token.names)

    def test_which_are_pipelines(self) -> None:
        both = {"default", "keystone+caching"}
        own = "pipeline = {}rootapp\n"
        for name, text, flavors in (
            ("for versions", f"{OLD}[pipeline:apiversions]\n{own}", both),
            (
                "of the root",
                f"{OLD}[pipeline:glance-api-a]\n{own}",
                {*both, "a"},
            ),
            ("like the root", f"{OLD}[pipeline:glance-apis]\n{own}", both),
            ("with a user", f"{OLD}[pipeline:b]\n{own}", {*both, "b"}),
            (
                "a variable",
                NEW.replace("default =", "front = cors\ndefault ="),
                both,
            ),
            (
                "upper case",
                NEW.replace(
                    "default =", "a = rootapp\nA = rootapp\ndefault ="
                ),
                {*both, "a", "A"},
            ),
            ("a known app", f"{OLD}[app:apiv2app]\n", both),
            (
                "no name of an app",
                NEW.replace(" rootapp", " rotapp"),
                {"default"},
            ),
            (
                "another section",
                f"{OLD}[app:glance-api-d]\n{own}"
                "[server:glance-api-e]\npipeline = rootapp\n",
                both,
            ),
            ("no key", f"{OLD}[pipeline:glance-api-c]\nx = y\n", both),
            (
                "a call",
                NEW.replace(
                    "paste.composite_factory = glance.api:p",
                    "use = call:glance.api:p",
                ),
                both,
            ),
        ):
            with self.subTest(name):
                user = "context " if name == "with a user" else ""
                text = text.format(user)
                if name == "no name of an app":
                    text += "[composite:glance-api]\nuse = x\n"
                self.assertEqual(flavors, {*self.found(text)})

    def test_flavors(self) -> None:
        """Of what Paste Deploy takes for an application."""
        kinds = ("app", "application", "composite", "composit", "pipeline")
        others = ("filter-app", "filter", "server", "x")
        text = "".join(
            f"[{kind}: glance-api-{kind} ]\n" for kind in (*kinds, *others)
        )
        self.assertEqual(
            ["default", "keystone+caching", *kinds, "filter-app"],
            PasteFile(f"{OLD}{text}[app:other]\n").flavors(),
        )

    def test_variables(self) -> None:
        for name, default, more in (
            ("of the section", "%(front)s rootapp", "front = cors context"),
            (
                "of [DEFAULT]",
                "%(front)s rootapp",
                "[DEFAULT]\nfront = cors context",
            ),
            ("of variables", "%(a)s rootapp", "a = cors %(b)s\nb = context"),
            ("in words", "c%(o)s context rootapp", "o = ors"),
            (
                "of [DEFAULT] in two parts",
                "%(a)s %(b)s rootapp",
                "[DEFAULT]\na=cors\n[DEFAULT]\nb=context",
            ),
        ):
            with self.subTest(name):
                text = NEW.replace(
                    "cors versionnegotiation unauthenticated-context  rootapp",
                    f"{default}\n{more}"
                    if "[DEFAULT]" not in more
                    else default,
                )
                if "[DEFAULT]" in more:
                    text = f"{more}\n{text}"
                self.assertEqual(
                    ["cors", "context", "rootapp"], self.found(text)["default"]
                )

    def test_variables_of_paste_deploy(self) -> None:
        text = NEW.replace("cors versionneg", "%(here)s %(__file__)s neg")
        [first, _] = PasteFile(text, pathlib.Path("/a/b.ini")).pipelines
        self.assertEqual(["/a", "/a/b.ini"], first.names[:2])


class NamesTest(testtools.TestCase):
    def test_filters_of_this_package(self) -> None:
        factory = FACTORIES[NAME]
        for section, found in (
            (f"paste.filter_factory = {factory}", NAME),
            (f"paste.filter_factory =\n  {factory}", NAME),
            (f"use = egg:glance-filters#{NAME}", NAME),
            (f"use =\n egg:glance-filters#{NAME}", NAME),
            (f"use = egg:glance_filters#{NAME}", NAME),
            (f"use = call:{factory}", NAME),
            ("use = other", NAME),
            ("use = own", None),
            ("use = absent", None),
            ("use = egg:glance-filters#other", None),
            ("use = egg:glance#location_guard", None),
            ("paste.filter_factory = glance_filters:location_guard", None),
            ("", None),
        ):
            with self.subTest(section):
                file = PasteFile(
                    f"{OLD}[filter: own ]\n{section}\n"
                    f"[filter:other]\npaste.filter_factory = {factory}\n"
                )
                self.assertEqual(found, file.filter_of("own"))
        self.assertIsNone(PasteFile(OLD).filter_of("own"))

    def test_targets(self) -> None:
        for section, target in (
            ("", ""),
            ("paste.filter_factory = a:b", "a:b"),
            ("paste.app_factory = a:b", ""),
            ("use = egg:a#b\npaste.filter_factory = a:b", "egg:a#b"),
            ("use = call:a:b", "a:b"),
            ("use = a:b", "a:b"),
            ("use = other", "c:d"),
            ("use = own", ""),
            ("use = absent", ""),
        ):
            file = PasteFile(
                f"{OLD}[filter:own]\n{section}\n"
                "[filter:other]\npaste.filter_factory = c:d\n"
            )
            found = file.target("filter", "filter:own")
            self.assertEqual(target, found, section)
        self.assertEqual("", file.target("filter", None))

    def test_filters_of_glance(self) -> None:
        factory = "glance.api.middleware.context:ContextMiddleware.factory"
        file = PasteFile(
            f"{OLD}[filter:below]\npaste.filter_factory =\n {factory}\n"
        )
        for name, is_context, is_cache in (
            ("context", True, False),
            ("unauthenticated-context", True, False),
            ("cache", False, True),
            ("cachemanage", False, True),
            ("cors", False, False),
            # As Glance's own tests of Wallaby write it.
            ("below", True, False),
        ):
            self.assertIs(is_context, file.is_context(name), name)
            self.assertIs(is_cache, file.is_cache(name), name)


class ReadTest(testtools.TestCase):
    def test_what_cannot_be_handled(self) -> None:
        root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for data, words in (
            (b"", "no pipeline of Glance"),
            (b"\xff", "cannot be read: .*decode"),
            (b"key = value\n", "cannot be read: .*header"),
            (b"[x]\nkey\n", r"cannot be read: .*\[line +2\]"),
            (OLD.replace("er:cache]", "er:context]").encode(), "already exi"),
            (OLD.replace("/v2: a", "/v2: b\n/v2: a").encode(), "already exi"),
            (OLD.replace(" rootapp", " %(no)s").encode(), r"\[pipeline.* no"),
            (OLD.replace(" rootapp", " 1%").encode(), r"\[pipeline.*%"),
        ):
            with self.subTest(words):
                path = root / "glance-api-paste.ini"
                path.write_bytes(data)
                error = self.assertRaises(CannotHandle, PasteFile.read, path)
                self.assertRegex(str(error), words)
                self.assertNotIn("\n", str(error))

    def test_places_that_were_not_found(self) -> None:
        found = places.find_sections(OLD)
        self.useFixture(
            fixtures.MockPatchObject(
                places, "find_sections", return_value=found
            )
        )
        for span, word in ((0, 1), "#"), ((6, 13), "default"):
            self.assertEqual(word, OLD[slice(*span)])
            found["composite:rootapp"].words["/v2"] = [span]
            error = self.assertRaises(CannotHandle, PasteFile, OLD)
            self.assertEqual(
                "[composite:rootapp] /v2 cannot be read", str(error)
            )

    def test_line_ends_stay(self) -> None:
        root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        path = root / "glance-api-paste.ini"
        for end in ("\n", "\r\n", "\r"):
            text = OLD.replace("\n", end)
            path.write_bytes(text.encode())
            file = PasteFile.read(path)
            self.assertEqual(text, file.text)
            self.assertEqual(2, len(file.pipelines))
            self.assertIn("filter:context", file.sections)
