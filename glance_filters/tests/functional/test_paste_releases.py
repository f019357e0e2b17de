# SPDX-License-Identifier: Apache-2.0

"""insert, check and remove, on the paste file of every Glance release."""

from __future__ import annotations

import contextlib
import pathlib
from importlib import metadata
from typing import Any
from unittest import mock

import fixtures
import glance.api
import testtools
from oslo_config import cfg
from paste.deploy import loadwsgi

from glance_filters.filters import base
from glance_filters.paste import check, edit
from glance_filters.paste.check import glance_conf
from glance_filters.paste.file import NAMES, PasteFile
from glance_filters.tests.fixtures import glance_releases


class Stub:
    """Stands for a filter or app of a release that is not installed."""

    def __init__(self, app: Any = None) -> None:
        self._app = app

    def __call__(self, *arguments: Any) -> Any:
        return []


def stub_filter(*arguments: Any, **keys: Any) -> Any:
    return Stub


def stub_app(*arguments: Any, **keys: Any) -> Any:
    return Stub()


def load_or_stub(self: metadata.EntryPoint) -> Any:
    """Load our filters, and Glance's way to put a file together."""
    name = self.value
    if name.startswith("glance_filters.") or name in _ASSEMBLY:
        return LOAD(self)
    return stub_filter if "iddleware" in name or "Wsgi" in name else stub_app


_ASSEMBLY = ("glance.api:pipeline_factory", "glance.api:root_app_factory")
LOAD = metadata.EntryPoint.load


class ReleasesTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.releases = self.useFixture(glance_releases.PasteFiles())
        self.root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def test_each(self) -> None:
        path = self.root / "paste.ini"
        for release, text in self.releases.texts.items():
            new = edit.insert(text, NAMES)
            self.assertEqual(new, edit.insert(new, NAMES))
            path.write_text(new)
            file = PasteFile.read(path)
            self.assertGreaterEqual(len(file.pipelines), 6, release)
            # The newest Glance can still import all that an old one had.
            found = check.check(file, glance_conf.read([]))
            self.assertEqual([], found, release)
            for pipeline in file.pipelines:
                self.assertEqual([*NAMES], file.filters_in(pipeline))
                self.check_loads(path, pipeline.flavor)
            self.assertEqual(text, edit.remove(new, NAMES), release)

    def check_loads(self, path: pathlib.Path, flavor: str) -> None:
        """Load a pipeline; our filters are real, in their order."""
        made: list[str] = []
        init = base.Filter.__init__

        def noted(self: Any, app: Any, config: Any) -> None:
            made.append(self.name)
            init(self, app, config)

        name = "glance-api"
        if flavor != "default":
            name = f"{name}-{flavor}"
        conf = cfg.ConfigOpts()
        conf.register_opt(cfg.StrOpt("flavor"), "paste_deploy")
        conf([])
        chosen = None if flavor == "default" else flavor
        conf.set_override("flavor", chosen, "paste_deploy")
        with contextlib.ExitStack() as stack:
            for target, name_, value in (
                (metadata.EntryPoint, "load", load_or_stub),
                (glance.api, "CONF", conf),
                (base.Filter, "__init__", noted),
            ):
                stack.enter_context(mock.patch.object(target, name_, value))
            loadwsgi.loadapp(f"config:{path}", name=name)
        self.assertEqual([*reversed(NAMES)], made, flavor)
