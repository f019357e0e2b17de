# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import importlib.util
import warnings
from unittest import mock

from paste.deploy import loadwsgi

from glance_filters.filters.findings import Finding
from glance_filters.paste.check import loading
from glance_filters.paste.file import FACTORIES
from glance_filters.tests.unit.paste import samples
from glance_filters.tests.unit.paste.check import cases

GUARD = FACTORIES["location_guard"]
# It can be imported everywhere, unlike what Glance has.
APP = "wsgiref.simple_server:demo_app"
PLAIN = f"""\
[pipeline:glance-api]
pipeline = context own root
[filter:context]
paste.filter_factory = {GUARD}
[filter:own]
use = egg:glance-filters#location_guard
lock_timeout = 3
[composite:root]
paste.composite_factory = {APP}
/: versions
[app:versions]
paste.app_factory = {APP}
"""
PIPELINE = "[pipeline:glance-api] pipeline"


class StartTest(cases.FileCase):
    def start(
        self, text: str, *replacements: str, flavor: str = "default"
    ) -> tuple[set[str], list[Finding]]:
        file = self.write(text, *replacements)
        start = loading.Start(file, loading.Loader(file), flavor)
        start.load()
        return start.places, start.findings

    def test_what_is_read(self) -> None:
        filters = {"[filter:context]", "[filter:own]"}
        pipeline = {"[pipeline:glance-api]", PIPELINE, *filters}
        new = samples.NEW.replace("cors versionnegotiation ", "")
        new += (
            "[composite:glance-api]\n"
            "paste.composite_factory = glance.api:root_app_factory\n/: api\n"
            "[composite:glance-api-keystone+caching]\nuse = glance-api\n"
            "[app:apiv2app]\n[filter:cors]\n[filter:authtoken]\n"
        )
        root = {"[composite:glance-api]", "[composite:api]"}
        end = {"[composite:rootapp]", "[app:apiv2app]"}
        caching = "keystone+caching"
        for name, text, flavor, read in (
            # Not what an unknown composite may load.
            ("plain", PLAIN, "default", {*pipeline, "[composite:root]"}),
            (
                "no flavor",
                *(new, "default"),
                {
                    *(*root, *end, "[composite:api] default"),
                    "[filter:unauthenticated-context]",
                },
            ),
            (
                "by use",
                *(new, caching),
                {
                    *(*root, *end, f"[composite:glance-api-{caching}]"),
                    f"[composite:api] {caching}",
                    *("[filter:cors]", "[filter:authtoken]"),
                    *("[filter:context]", "[filter:cache]"),
                    "[filter:cachemanage]",
                },
            ),
            (
                "an app by a URI",
                PLAIN.replace("own root", "own call:wsgiref:x"),
                "default",
                pipeline,
            ),
            (
                "a filter by a URI",
                PLAIN.replace("own", "egg:glance-filters#range_translator", 1),
                "default",
                {*pipeline, "[composite:root]"} - {"[filter:own]"},
            ),
            (
                "a URL map",
                PLAIN.replace(
                    f"paste.composite_factory = {APP}",
                    "use = egg:Paste#urlmap",
                ),
                "default",
                {*pipeline, "[composite:root]", "[app:versions]"},
            ),
            (
                "a circle",
                "[composite:glance-api]\nuse = glance-api-a\n"
                "[composite:glance-api-a]\nuse = glance-api\n"
                + PLAIN.replace("glance-api]", "glance-api-b]"),
                "default",
                {"[composite:glance-api]", "[composite:glance-api-a]"},
            ),
            (
                "the same one twice",
                PLAIN.replace("own root", "own own root"),
                "default",
                {*pipeline, "[composite:root]"},
            ),
        ):
            with self.subTest(name):
                self.assertEqual((read, []), self.start(text, flavor=flavor))

    def test_names(self) -> None:
        for old, new, place, message, mend in (
            (
                *("own root", "owm root", PIPELINE),
                *("there is no section [filter:owm]", "Write own"),
            ),
            (
                *("own root", "location_gaurd root", PIPELINE),
                "there is no section [filter:location_gaurd]",
                "Write location_guard",
            ),
            (
                *("own root", "nothing root", PIPELINE),
                "there is no section [filter:nothing]",
                "Correct the name, or add the section",
            ),
            (
                *("own root", "own rooot", PIPELINE),
                *("there is no section [app:rooot]", "Write root"),
            ),
            (
                f"{APP}\n/: versions",
                "glance.api:root_app_factory\n/: versionz",
                "[composite:root] /",
                "there is no section [app:versionz]",
                "Write versions",
            ),
            (
                f"paste.composite_factory = {APP}",
                "use = versionz",
                "[composite:root] use",
                "there is no section [app:versionz]",
                "Write versions",
            ),
            (
                "context own root",
                "",
                PIPELINE,
                "there is no such pipeline",
                "Add it",
            ),
        ):
            with self.subTest(new):
                _, found = self.start(PLAIN, old, new)
                self.assertEqual([Finding(place, message, mend)], found)

    def test_what_cannot_be_loaded(self) -> None:
        for old, new, place, words in (
            (GUARD, "nowhere.at:all", "[filter:context]", "named 'nowhere'"),
            (GUARD, "wsgiref:nothing", "[filter:context]", "nothing"),
            (GUARD, f"{GUARD}y", "[filter:context]", "factoryy"),
            ("#location_guard", "#x", "[filter:own]", "'x' not found"),
            ("= egg:", "= ", "[filter:own]", "No section"),
            (f"= {APP}\n/", "= nowhere:x\n/", "[composite:root]", "nowhere"),
            ("own root", "own root\nx = y", "[pipeline:glance-api]", "extra"),
            ("own root", "egg:nowhere#x root", PIPELINE, "nowhere"),
            ("own root", "own egg:nowhere#x", PIPELINE, "nowhere"),
        ):
            with self.subTest(new):
                self.be_beside_glance(True)
                _, [found] = self.start(PLAIN, old, new)
                self.assertEqual(place, found.place)
                self.assertFalse(found.is_harmless)
                self.assertIn("it cannot be loaded: ", found.message)
                self.assertIn(words, found.message)
                # Elsewhere only what is of this package is known.
                self.be_beside_glance(False)
                _, others = self.start(PLAIN, old, new)
                is_ours = "factoryy" in words or place == "[filter:own]"
                is_known = is_ours and "No section" not in words
                mend = "Correct it, or insert the filters into the paste file"
                if is_known:
                    factories = " or ".join(FACTORIES.values())
                    mend = f"Write paste.filter_factory = {factories}"
                self.assertIn(mend, found.mend)
                self.assertEqual([found] if is_known else [], others)

    def test_a_filter_that_cannot_be_imported(self) -> None:
        module = GUARD.partition(":")[0]
        with mock.patch.dict("sys.modules", {module: None}):
            _, [first, second] = self.start(PLAIN)
        self.assertEqual("[filter:context]", first.place)
        self.assertEqual("[filter:own]", second.place)
        mend = f"Write paste.filter_factory = {GUARD}"
        self.assertEqual([mend] * 2, [first.mend, second.mend])

    def test_the_nearest_name(self) -> None:
        _, [found] = self.start(
            f"{PLAIN}[filter:owns]\n", "own root", "ownss root"
        )
        self.assertEqual("Write owns", found.mend)

    def test_values_with_percent_signs(self) -> None:
        url = "redis://:secret%x@host"
        for value in (url, "%(x)s", "%(lock_timeout)s"):
            _, [found] = self.start(PLAIN, "= 3", f"= {value}")
            self.assertEqual("[filter:own] lock_timeout", found.place)
            self.assertIn("%%", found.mend)
            self.assertNotIn("secret", str(found))
        self.assertEqual([], self.start(PLAIN, "= 3", "= %(here)s %%")[1])


class LoaderTest(cases.FileCase):
    def test_keys(self) -> None:
        for more, keys in (
            ("", {"lock_timeout": "3"}),
            ("set lock_timeout = 4", {"lock_timeout": "3"}),
            (
                "enabled = %(lock_timeout)s%%",
                {"lock_timeout": "3", "enabled": "3%"},
            ),
            ("[DEFAULT]\nlock_timeout = 5", {}),
            ("[DEFAULT]\nx = 5", {"lock_timeout": "3"}),
        ):
            file = self.write(
                PLAIN, "lock_timeout = 3\n", f"lock_timeout = 3\n{more}\n"
            )
            found = loading.Loader(file).load_filter("own", "[filter:own]")
            self.assertEqual(keys, found)

    def test_warnings_are_not_errors(self) -> None:
        def load(*_: object) -> mock.Mock:
            warnings.warn("old", stacklevel=1)
            return mock.Mock(local_conf={"a": "b"})

        loader = loading.Loader(self.write(PLAIN))
        with (
            warnings.catch_warnings(),
            mock.patch.object(loadwsgi.ConfigLoader, "get_context", load),
        ):
            warnings.simplefilter("error")
            self.assertEqual({"a": "b"}, loader.load_filter("own", ""))

    def test_text_of_an_error(self) -> None:
        file = self.write(PLAIN, "= 3", "= 3%")
        error = self.assertRaises(
            loading.CannotLoad, loading.Loader(file).load_filter, "own", ""
        )
        self.assertEqual(str(error.finding), str(error))


class GlanceTest(cases.FileCase):
    def test_is_looked_for(self) -> None:
        self.doCleanups()
        is_installed = importlib.util.find_spec("glance") is not None
        self.assertIs(is_installed, loading._is_beside_glance())
