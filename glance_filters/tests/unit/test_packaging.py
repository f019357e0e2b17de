# SPDX-License-Identifier: Apache-2.0

"""Code, metadata and the files beside them name the same filters.

Nothing here lists a filter or an option: the modules of
``glance_filters.filters`` are the source, and the rest is compared to them.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import io
import pathlib
import pkgutil

import fixtures
import testtools
from oslo_config import cfg, generator
from paste.deploy import loadwsgi

import glance_filters.filters
from glance_filters.filters.registry import FILTERS
from glance_filters.opts import list_opts
from glance_filters.paste.file import FACTORIES

DISTRIBUTION = "glance-filters"
CHECKOUT = pathlib.Path(glance_filters.__file__).parents[1]
PASTE_FILE = CHECKOUT / "etc" / "glance-api-paste.ini"
GENERATOR_FILE = (
    CHECKOUT / "etc" / "oslo-config-generator" / "glance-filters.conf"
)


def entry_points(group: str) -> list[importlib.metadata.EntryPoint]:
    """Return the distribution's entry points of *group*."""
    distribution = importlib.metadata.distribution(DISTRIBUTION)
    return [
        entry_point
        for entry_point in distribution.entry_points
        if entry_point.group == group
    ]


class EntryPointTest(testtools.TestCase):
    def test_each_filter_has_one_named_after_it(self) -> None:
        expected = {cls.name: cls.factory for cls in FILTERS}
        loaded = {
            entry_point.name: entry_point.load()
            for entry_point in entry_points("paste.filter_factory")
        }
        self.assertNotEqual({}, expected)
        self.assertEqual(expected, loaded)

    def test_options(self) -> None:
        [entry_point] = entry_points("oslo.config.opts")
        self.assertEqual("glance_filters", entry_point.name)
        self.assertIs(list_opts, entry_point.load())

    def test_package_is_named_as_its_filter(self) -> None:
        packages = {
            module.name
            for module in pkgutil.iter_modules(glance_filters.filters.__path__)
            if module.ispkg
        }
        self.assertEqual(packages, {cls.name for cls in FILTERS})


def shown(opt: cfg.Opt) -> object:
    """Return what a sample shows as the default of an option.

    Where the default is a place on the machine, that is a usual one.
    """
    return opt.sample_default or opt.default


class SampleTest(testtools.TestCase):
    """The configuration sample that the generator file describes."""

    def setUp(self) -> None:
        super().setUp()
        conf = cfg.ConfigOpts()
        generator.register_cli_opts(conf)
        conf(["--config-file", str(GENERATOR_FILE)])
        written = io.StringIO()
        generator.generate(conf, output_file=written)
        self.sample = written.getvalue()

    def test_its_values_are_the_defaults(self) -> None:
        # An option stands there as "#name = default", prose as "# ...".
        values = [
            line[1:] if line.startswith("#") and line[1:2].isalpha() else line
            for line in self.sample.splitlines()
            # What has no default is shown, but cannot be set to that.
            if not line.endswith("= <None>")
        ]
        directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        path = directory / "sample.conf"
        path.write_text("\n".join(values), encoding="utf-8")
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[str(path)])
        for group, opts in list_opts():
            conf.register_opts(opts, group=group)
            for opt in opts:
                if shown(opt) is None:
                    continue
                self.assertEqual(shown(opt), conf[group][opt.dest])
                found = conf.get_location(opt.dest, group)
                assert found is not None
                self.assertEqual(cfg.Locations.user, found.location, opt.dest)


class PasteFileTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.file = loadwsgi.ConfigLoader(str(PASTE_FILE)).parser
        self.names = [each.name for each in FILTERS]

    def pipelines(self) -> dict[str, list[str]]:
        """Return the pipeline of each flavor for which there is a root."""
        root, roots = "composite:glance-api", {}
        for section in self.file.sections():
            if section.startswith(root):
                flavor = section[len(root) + 1 :] or "default"
                roots[flavor] = self.file.get("composite:api", flavor).split()
        self.assertNotEqual({}, roots)
        return roots

    def is_context(self, name: str) -> bool:
        factory = self.file.get(
            f"filter:{name}", "paste.filter_factory", fallback=""
        )
        return str(factory).startswith("glance.api.middleware.context:")

    def test_each_filter_has_a_section(self) -> None:
        for name in self.names:
            self.assertEqual(
                FACTORIES[name],
                self.file.get(f"filter:{name}", "paste.filter_factory"),
            )

    def test_keys_offered_in_a_section_are_the_options(self) -> None:
        text = PASTE_FILE.read_text(encoding="utf-8")
        for cls in FILTERS:
            name = cls.name
            section = text.split(f"[filter:{name}]", 1)[1].split("\n[", 1)[0]
            for line in section.splitlines():
                if line.startswith("# ") and " = " in line:
                    key, value = line[2:].split(" = ")
                    [opt] = [o for o in cls.opts if o.dest == key]
                    self.assertEqual(shown(opt), opt.type(value))

    def test_each_pipeline_has_each_filter_between_context_and_cache(
        self,
    ) -> None:
        for flavor, pipeline in self.pipelines().items():
            [context] = [
                position
                for position, name in enumerate(pipeline)
                if self.is_context(name)
            ]
            end = pipeline.index("cache" if "cache" in pipeline else "rootapp")
            order = self.names
            self.assertEqual(order, pipeline[context + 1 : end], flavor)


def does_something(path: pathlib.Path) -> bool:
    """Return True if a module has a function that is more than a docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(
        not isinstance(statement, ast.Expr)
        or not isinstance(statement.value, ast.Constant)
        for each in ast.walk(tree)
        if isinstance(each, ast.FunctionDef)
        for statement in each.body
    )


class TestModulesTest(testtools.TestCase):
    """Each module has its tests at the mirrored path."""

    def test_each_module_has_its_own(self) -> None:
        package = CHECKOUT / "glance_filters"
        missing = set()
        for path in package.rglob("*.py"):
            place = path.relative_to(package)
            if place.parts[0] == "tests" or not does_something(path):
                continue
            name = (
                place.parent.name if place.stem == "__init__" else place.stem
            )
            tests = package / "tests" / "unit" / place.parent
            if not (tests / f"test_{name}.py").exists():
                missing.add(str(place))
        self.assertEqual(set(), missing)
