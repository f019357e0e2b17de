# SPDX-License-Identifier: Apache-2.0

"""``glance-filters check`` against the start of the installed Glance."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import fixtures
import testtools

from glance_filters.paste import check, edit
from glance_filters.paste.check import glance_conf
from glance_filters.paste.file import FACTORIES, NAMES, PasteFile
from glance_filters.tests.fixtures import glance_releases

# Starts Glance once for each paste file: prints a line, empty if it starts.
PROGRAM = """
import sys
from glance.common import config
# Both declare arguments of the command line, before they are read.
import glance.api.v2.router
from oslo_log import log
log.register_options(config.CONF)
config.parse_args(["--config-file", sys.argv[1]])
for path in sys.argv[2:]:
    error = ""
    try:
        config.load_paste_app("glance-api", conf_file=path)
    except Exception as caught:
        error = repr(caught).splitlines()[0]
    print("started:", error, flush=True)
"""
SECTION = "[filter:location_guard]\n"
FACTORY = f"paste.filter_factory = {FACTORIES['location_guard']}\n"
OURS = " ".join(NAMES)


def in_section(key: str) -> tuple[str, str]:
    return SECTION, f"{SECTION}{key}\n"


# A text of the paste file, and what takes its place.
STARTS = {
    "as inserted": ("", ""),
    "by egg": (FACTORY, "use = egg:glance-filters#location_guard\n"),
    "a pipeline beside": (
        SECTION,
        f"[pipeline:other]\npipeline = cors nothing\n{SECTION}",
    ),
    "a variable of [DEFAULT]": (
        OURS,
        "%(ours)s",
        SECTION,
        f"[DEFAULT]\nours = {OURS}\n{SECTION}",
    ),
    "a percent sign": in_section("coordination_url = file:///a%%b"),
    "an unused section": (SECTION, f"[filter:x]\nuse = y\n{SECTION}"),
}
STOPS = {
    "a misspelt name": (" location_guard", " location_gaurd"),
    "an unknown key": in_section("nonsense = 1"),
    "a wrong value": in_section("lock_timeout = x"),
    "a lone percent sign": in_section("coordination_url = redis://:a%b@h"),
    "an unknown variable": in_section("coordination_url = %(x)s"),
    "a URL without a host": in_section("coordination_url = file://var/lock"),
    "an unknown scheme": in_section("coordination_url = reddis://h"),
    "no scheme": in_section("coordination_url = /var/lock"),
    "a wrong option of a URL": in_section(
        "coordination_url = redis://h?lock_timeout=abc"
    ),
    "a driver without its library": in_section("coordination_url = zake://"),
    "a name of a later Glance": (
        "glance.api.middleware.version_negotiation:",
        "glance.api.middleware.version_negotiations:",
    ),
    "no folder of definitions": (
        "[filter:metadef_overlay]\n",
        "[filter:metadef_overlay]\nmetadefs_dir = /nowhere\n",
    ),
}
# Glance starts, and runs otherwise than configured.
MISLEADS = {
    "a key that [DEFAULT] has too": (
        SECTION,
        f"[DEFAULT]\nlock_timeout = 5\n{SECTION}lock_timeout = 3\n",
    ),
    "a variable in the place of a key": in_section("set lock_timeout = 3"),
    "twice": (" location_guard", " location_guard location_guard"),
}


class CheckTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.conf = self.root / "glance-api.conf"
        self.conf.write_text("")

    def write(self, name: str, replacements: tuple[str, ...]) -> pathlib.Path:
        text = edit.insert(
            glance_releases.installed_paste_file().read_text(), NAMES
        )
        for old, new in zip(replacements[::2], replacements[1::2]):
            self.assertIn(old, text)
            text = text.replace(old, new)
        path = self.root / f"{name}.ini"
        path.write_text(text)
        return path

    def start(self, paths: list[pathlib.Path]) -> list[str]:
        """Return of each file why Glance does not start, or nothing."""
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(self.conf), *map(str, paths)],
            capture_output=True,
            check=True,
            text=True,
        )
        marker = "started:"
        return [
            line[len(marker) :].strip()
            for line in done.stdout.splitlines()
            if line.startswith(marker)
        ]

    def test_finds_what_stops_glance(self) -> None:
        cases = {**STARTS, **STOPS, **MISLEADS}
        paths = [self.write(*each) for each in cases.items()]
        conf = glance_conf.read([str(self.conf)])
        for name, path, error in zip(cases, paths, self.start(paths)):
            with self.subTest(name):
                found = check.check(PasteFile.read(path), conf)
                wrong = [each for each in found if not each.is_harmless]
                self.assertIs(name in STOPS, bool(error), error)
                self.assertIs(name not in STARTS, bool(wrong), str(wrong))
