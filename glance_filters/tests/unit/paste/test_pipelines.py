# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import itertools
import unittest

import hypothesis
from hypothesis import strategies as st

from glance_filters.paste import pipelines
from glance_filters.paste.pipelines import FILTERS

OLD = """\
# The default
[pipeline:glance-api]
pipeline = cors versionnegotiation unauthenticated-context  rootapp

# With a cache
[pipeline:glance-api-keystone+caching]
pipeline =
    cors authtoken
    # who asks
    context
    cache cachemanage rootapp

[composite:rootapp]
paste.composite_factory = glance.api:root_app_factory
/v2: apiv2app

# A filter
# of Glance
[filter:context]
paste.filter_factory = glance.api.middleware.context:ContextMiddleware.factory

[filter:unauthenticated-context]
paste.filter_factory = glance.api.middleware.context:NoContext.factory

[filter:cache]
paste.filter_factory = glance.api.middleware.cache:CacheFilter.factory
[filter:cachemanage]
paste.filter_factory = glance.api.middleware.cache_manage:Manage.factory
"""
FACTORY = "paste.composite_factory = glance.api:pipeline_factory"
NEW = OLD.replace(
    "[pipeline:glance-api]\npipeline", f"[composite:api]\n{FACTORY}\ndefault"
).replace(
    "[pipeline:glance-api-keystone+caching]\npipeline", "keystone+caching"
)
ALL = "metadef_overlay disk_format_validator location_guard range_translator "


class InsertTest(unittest.TestCase):
    def test_places(self) -> None:
        for text in (OLD, NEW):
            new = pipelines.insert(text, FILTERS)
            self.assertIn(f"unauthenticated-context  {ALL}rootapp\n", new)
            self.assertIn(f"    context\n    {ALL}cache cachemanage", new)
            sections = "".join(
                f"[filter:{name}]\nuse = egg:glance-filters#{name}\n\n"
                for name in FILTERS
            )
            self.assertIn(f"{sections}# A filter\n# of Glance\n", new)
            added = len(new) - len(text)
            self.assertEqual(len(sections) + 2 * len(ALL), added)

    def test_again(self) -> None:
        for some in ((), ("location_guard",), FILTERS[1:3]):
            new = pipelines.insert(OLD, some)
            self.assertEqual(new, pipelines.insert(new, some))
            every = pipelines.insert(new, FILTERS)
            for pipeline in pipelines.PasteFile(every).pipelines:
                names = [n for n in pipeline.names if n in FILTERS]
                self.assertEqual([*FILTERS], names)

    def test_one_flavor(self) -> None:
        for text in (OLD, NEW):
            new = pipelines.insert(text, FILTERS, ["keystone+caching"])
            self.assertIn(f"    {ALL}cache", new)
            self.assertIn("unauthenticated-context  rootapp\n", new)
            both = pipelines.insert(new, FILTERS, ["default"])
            self.assertEqual(pipelines.insert(text, FILTERS), both)

    def test_names_of_the_operator_s_own(self) -> None:
        text = OLD.replace("context  rootapp", "context my-guard rootapp")
        text += "[filter:my-guard]\nuse = egg:glance-filters#location_guard\n"
        new = pipelines.insert(text, FILTERS, ["default"])
        self.assertIn(
            "context metadef_overlay disk_format_validator my-guard "
            "range_translator rootapp",
            new,
        )

    def test_variables(self) -> None:
        text = NEW.replace(
            "default = cors versionnegotiation unauthenticated-context  ",
            "front = cors unauthenticated-context\ndefault = %(front)s ",
        )
        new = pipelines.insert(text, FILTERS)
        self.assertIn(f"default = %(front)s {ALL}rootapp", new)
        self.assertEqual(text, pipelines.remove(new, FILTERS))

    def test_what_cannot_be_handled(self) -> None:
        for old, new, words in (
            (OLD, "", "no pipeline of Glance"),
            ("unauthenticated-context  ", "", "no context filter"),
            ("context  rootapp", "context %(none)s rootapp", "no none"),
            ("[filter:cache]", "[filter:context]", "stands in it twice"),
            ("/v2: api", "/v2: a\n/v2: api", "twice in"),
            ("# The default", "key = value", "cannot be read"),
            ("[filter:", "[x:", "no context filter"),
            (
                "[filter:cachemanage]",
                "[filter:location_guard]",
                "no filter of this package",
            ),
        ):
            with self.subTest(words):
                with self.assertRaisesRegex(pipelines.CannotHandle, words):
                    pipelines.insert(OLD.replace(old, new), FILTERS)
        with self.assertRaisesRegex(
            pipelines.CannotHandle,
            r"default, keystone\+caching",
        ):
            pipelines.insert(OLD, FILTERS, ["keystone"])


class RemoveTest(unittest.TestCase):
    def test_undoes_it(self) -> None:
        for text, end, last in itertools.product(
            (OLD, NEW), ("\n", "\r\n"), ("", "\n", "\n\n# end")
        ):
            text = (text.rstrip() + last).replace("\n", end)
            for some in (FILTERS, FILTERS[1:], FILTERS[:1]):
                new = pipelines.insert(text, some)
                self.assertNotEqual(text, new)
                self.assertEqual(text, pipelines.remove(new, FILTERS))

    def test_one_flavor_keeps_what_others_need(self) -> None:
        new = pipelines.insert(OLD, FILTERS)
        part = pipelines.remove(new, FILTERS, ["default"])
        self.assertIn("[filter:location_guard]", part)
        self.assertEqual(
            pipelines.insert(OLD, FILTERS, ["keystone+caching"]), part
        )
        rest = pipelines.remove(part, FILTERS, ["keystone+caching"])
        self.assertEqual(OLD, rest)

    def test_with_keys_of_the_operator(self) -> None:
        new = pipelines.insert(OLD, ["location_guard"])
        new = new.replace(
            "#location_guard\n", "#location_guard\nenabled = no\n# why\n"
        )
        self.assertEqual(OLD, pipelines.remove(new, FILTERS))

    def test_in_a_variable(self) -> None:
        text = NEW.replace(
            "default = cors", "ours = location_guard\ndefault = cors %(ours)s"
        )
        section = pipelines.insert(OLD, ["location_guard"])
        text += section[section.index("[filter:location_guard]") :][:65]
        with self.assertRaisesRegex(pipelines.CannotHandle, "variable"):
            pipelines.remove(text, FILTERS)

    @hypothesis.given(st.data())
    def test_undoes_it_in_any_file(self, data: st.DataObject) -> None:
        """Whatever stands between what matters, in whatever layout."""
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
        some = data.draw(st.sets(st.sampled_from(FILTERS)))
        new = pipelines.insert(text, sorted(some))
        for pipeline in pipelines.PasteFile(new).pipelines:
            names = [name for name in pipeline.names if name in FILTERS]
            self.assertEqual([n for n in FILTERS if n in some], names)
        self.assertEqual(text, pipelines.remove(new, FILTERS))
