# SPDX-License-Identifier: Apache-2.0

"""What is built, and installed beside a Glance."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import fixtures
import testtools

import glance_filters
from glance_filters import tests
from glance_filters.metadefs import packaged
from glance_filters.paste.file import FACTORIES, NAMES

CHECKOUT = pathlib.Path(glance_filters.__file__).parents[1]
WHAT_IS_BUILT = (
    *("setup.py", "setup.cfg", "pyproject.toml", "requirements.txt"),
    *("README.rst", "LICENSE", "etc", "glance_filters"),
)

PINS = CHECKOUT / "matrix" / "pins"
# Makes each filter, with its default options, in its order.
MAKE_ALL = """
from importlib import metadata
from oslo_config import cfg
from glance_filters.filters import registry
cfg.CONF([], project="glance", default_config_files=[])
made = {
    each.name: each.load()({})(lambda *arguments: [])
    for each in metadata.distribution("glance-filters").entry_points
    if each.group == "paste.filter_factory"
}
for each in registry.FILTERS:
    print(made[each.name].name)
"""


def run(*command: str, **variables: str) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout


def python_3_9() -> str | None:
    """Return an interpreter on which Wallaby ran, None if there is none."""
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    for each in ("python3.9", *pyenv.glob("versions/3.9.*/bin/python")):
        with contextlib.suppress(OSError, RuntimeError):
            run(str(each), "--version")
            return str(each)
    return None


@functools.cache
def built() -> tuple[pathlib.Path, pathlib.Path]:
    """Build the checkout, once; return its sdist and wheel."""
    target = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, target)
    # In the checkout, what a build leaves would come before what is
    # installed.
    source = target / "source"
    source.mkdir()
    for name in WHAT_IS_BUILT:
        each = CHECKOUT / name
        if each.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(each, source / name, ignore=ignored)
        else:
            shutil.copy(each, source / name)
    # What belongs into an sdist is what git knows.
    git = ("git", "-C", str(source))
    run(*git, "init", "--quiet")
    run(*git, "add", "--all")
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    run(*git, *who, "commit", "--quiet", "--message", "all")
    run(
        *(sys.executable, "-m", "build", "--outdir", str(target)),
        str(source),
        PBR_VERSION="1.0.0",
    )
    [sdist] = target.glob("*.tar.gz")
    [wheel] = target.glob("*.whl")
    return sdist, wheel


class BuildCase(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.sdist, self.wheel = built()

    def check_moves_nothing_else(
        self, python: str, glance: str
    ) -> pathlib.Path:
        """Install the wheel into a new environment with a Glance.

        :param python: the interpreter
        :param glance: the version of Glance
        :returns: the folder of the environment's programs
        """
        programs = self.root / "environment" / "bin"
        run(python, "-m", "venv", str(programs.parent))
        there = str(programs / "python")
        pip = (there, "-m", "pip", "--disable-pip-version-check")
        pins = str(PINS / f"{glance}.txt")
        run(*pip, "install", "--quiet", "--requirement", pins)
        before = run(*pip, "freeze").splitlines()
        self.assertIn(f"glance=={glance}", before)
        run(*pip, "install", "--quiet", str(self.wheel))
        after = run(*pip, "freeze").splitlines()
        [added] = set(after) ^ set(before)
        self.assertTrue(added.startswith("glance-filters"), added)
        made = run(there, "-c", MAKE_ALL).splitlines()
        self.assertEqual([*NAMES], made)
        version = run(str(programs / "glance-filters"), "--version")
        self.assertEqual("glance-filters 1.0.0\n", version)
        return programs


@tests.nightly
class BesideTheNewestGlanceTest(BuildCase):
    def test_installing_it_moves_nothing_else(self) -> None:
        self.check_moves_nothing_else(sys.executable, "33.0.0")


@tests.nightly
class BesideWallabyTest(BuildCase):
    def test_installing_it_moves_nothing_else(self) -> None:
        python = python_3_9()
        if python is None:
            self.skipTest("python3.9 is not installed")
        programs = self.check_moves_nothing_else(python, "22.1.1")
        self.check_inserted_filters_load(programs)

    def check_inserted_filters_load(self, programs: pathlib.Path) -> None:
        """Insert the filters where versions of packages do not fit.

        That is so with the extra ``inspect``. The setuptools of that time
        then refuse ``use = egg:...``, whatever it names.
        """
        newer = "oslo.utils[image-inspection]>=7.3.0"
        pip = (str(programs / "python"), "-m", "pip", "install", "--quiet")
        run(*pip, "--disable-pip-version-check", newer)
        [paste_file] = programs.parent.glob("etc/glance/glance-api-paste.ini")
        command = str(programs / "glance-filters")
        run(command, "insert", str(paste_file), "--write")
        self.assertEqual("", run(command, "check", str(paste_file)))
        text = paste_file.read_text()
        for name, factory in FACTORIES.items():
            old = f"paste.filter_factory = {factory}\n"
            self.assertIn(old, text)
            text = text.replace(old, f"use = egg:glance-filters#{name}\n")
        paste_file.write_text(text)
        error = self.assertRaises(
            RuntimeError, run, command, "check", str(paste_file)
        )
        self.assertIn("oslo.utils", str(error))


class BuildTest(BuildCase):
    def test_what_is_in_it(self) -> None:
        with tarfile.open(self.sdist) as archive:
            names = archive.getnames()
        self.assertIn("glance_filters-1.0.0/setup.cfg", names)
        with zipfile.ZipFile(self.wheel) as wheel:
            names = wheel.namelist()
            [entry_points] = [n for n in names if "entry_points.txt" in n]
            text = wheel.read(entry_points).decode()
        for name in NAMES:
            self.assertIn(f"\n{name} = glance_filters.filters.{name}:", text)
        for end in (
            "glance_filters/py.typed",
            "share/glance-filters/examples/glance-api-paste.ini",
            f"{packaged.METADEFS_FOLDER}/compute-hypervisor.json",
        ):
            self.assertTrue([n for n in names if n.endswith(end)], end)
        # What an upgrade would replace without a copy.
        self.assertEqual([], [n for n in names if "/etc/" in n])

    @tests.nightly
    def test_unit_tests_run_from_the_sdist(self) -> None:
        """Those that read what is beside the package."""
        with tarfile.open(self.sdist) as archive:
            archive.extractall(self.root)
        unit = "glance_filters.tests.unit"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "unittest", f"{unit}.test_packaging"),
                f"{unit}.metadefs.test_packaged",
                f"{unit}.cmd.test_main",
            ],
            cwd=self.root / "glance_filters-1.0.0",
            capture_output=True,
            text=True,
        )
        self.assertEqual(0, done.returncode, done.stderr)
