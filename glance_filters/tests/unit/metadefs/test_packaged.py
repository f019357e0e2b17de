# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import configparser
import pathlib
import sys
import sysconfig
from unittest import mock

import fixtures
import testtools

import glance_filters
from glance_filters.metadefs import packaged

PACKAGE = pathlib.Path(glance_filters.__file__).resolve().parent


class MetadefsFolderTest(testtools.TestCase):
    def test_source_tree(self) -> None:
        self.assertEqual(
            PACKAGE.parent / "etc" / "metadefs", packaged.metadefs_folder()
        )

    def install(self, record: str | None) -> pathlib.Path:
        """Lay the package out as an installer does; return the scheme."""
        scheme = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        site = scheme.resolve() / "lib" / "site-packages"
        package = site / "glance_filters"
        (package / "metadefs").mkdir(parents=True)
        # What another project may have left there.
        (site / "etc" / "metadefs").mkdir(parents=True)
        metadata = site / "glance_filters-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Name: glance-filters\n")
        if record is not None:
            (metadata / "RECORD").write_text(record)
        return scheme.resolve()

    def found(self, scheme: pathlib.Path) -> pathlib.Path:
        """Return what is found where the package is imported from there."""
        site = scheme / "lib" / "site-packages"
        module = site / "glance_filters" / "metadefs" / "packaged.py"
        with mock.patch.object(packaged, "__file__", str(module)):
            with mock.patch.object(sys, "path", [str(site), *sys.path]):
                return packaged.metadefs_folder()

    def test_where_the_installer_wrote_them(self) -> None:
        scheme = self.install(
            "glance_filters/__init__.py,,\n"
            "../../share/glance-filters/metadefs/compute-hypervisor.json,,\n"
        )
        folder = scheme / "share" / "glance-filters" / "metadefs"
        folder.mkdir(parents=True)
        # Python 3.12 and newer leave out what is listed, but not there.
        (folder / "compute-hypervisor.json").touch()
        self.assertEqual(folder, self.found(scheme))

    def test_without_a_list_of_files(self) -> None:
        self.assertEqual(
            pathlib.Path(sysconfig.get_path("data"))
            / "share"
            / "glance-filters"
            / "metadefs",
            self.found(self.install(None)),
        )


class PackagingTest(testtools.TestCase):
    def test_all_files_are_installed_to_the_folder(self) -> None:
        # In an sdist setuptools has written it anew, with other white space.
        config = configparser.ConfigParser()
        config.read(PACKAGE.parent / "setup.cfg", encoding="utf-8")
        lines = config["files"]["data_files"].splitlines()
        names = []
        for line in lines[lines.index(f"{packaged.METADEFS_FOLDER} =") + 1 :]:
            if line.endswith("="):
                break
            names.append(line)
        self.assertEqual(
            sorted(
                f"etc/metadefs/{file.name}"
                for file in packaged.metadefs_folder().iterdir()
            ),
            sorted(names),
        )
