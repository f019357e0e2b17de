# SPDX-License-Identifier: Apache-2.0

"""What Glance loads from a paste file when it starts.

Paste Deploy loads it here too, so that all is found that would stop the
start. Filters and applications are not made, only their factories imported.
"""

from __future__ import annotations

import configparser
import difflib
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

from paste.deploy import loadwsgi

from glance_filters.filters.findings import Finding
from glance_filters.paste.file import (
    APPS,
    NAMES,
    PIPELINE_FACTORY,
    PasteFile,
    root,
)

# The values of their other keys name applications.
_URL_MAPS = ("glance.api:root_app_factory", "egg:Paste#urlmap")
_FACTORY_KEYS = {"paste.composite_factory"}


class CannotLoad(Exception):
    """A section cannot be loaded; *finding* says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class Loader:
    """Loads sections of a paste file as Glance does.

    :param file: a file that is still at its path
    """

    def __init__(self, file: PasteFile) -> None:
        self._file = file
        self._loader = loadwsgi.ConfigLoader(str(file.path))
        # Elsewhere nobody can tell what Glance can import.
        self._is_beside_glance = importlib.util.find_spec("glance") is not None

    def load_filter(self, name: str, place: str) -> dict[str, str]:
        """Import a filter's factory; return the keys that it is given.

        :param place: the section, or the pipeline if *name* is a URI
        :raises CannotLoad: if Glance cannot do it either
        """
        return self._load(loadwsgi.FILTER, name, place)

    def load_app(self, name: str, place: str) -> None:
        """Import an application's factory.

        :raises CannotLoad: if Glance cannot do it either
        """
        self._load(loadwsgi.APP, name, place)

    def _load(self, kind: Any, name: str, place: str) -> dict[str, str]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return dict(self._loader.get_context(kind, name).local_conf)
        except configparser.InterpolationSyntaxError as error:
            # Not the value, which may be a secret.
            raise CannotLoad(
                Finding(
                    f"[{error.section}] {error.option}",
                    "there is a % in the value, which begins a variable",
                    "Write %% for each % that does not",
                )
            ) from error
        except configparser.InterpolationError as error:
            raise CannotLoad(
                Finding(
                    f"[{error.section}] {error.option}",
                    "it has a variable that neither the section nor "
                    "[DEFAULT] defines",
                    "Define it, or write %% for %",
                )
            ) from error
        # Whatever the modules of others raise when they are imported.
        except Exception as error:
            if not (self._is_beside_glance or self._file.is_ours(name)):
                return {}
            reason = " ".join(str(error).split()) or type(error).__name__
            raise CannotLoad(
                Finding(
                    place,
                    f"it cannot be loaded: {reason}",
                    "Correct it, or insert the filters into the paste file of "
                    "the Glance that is installed",
                )
            ) from error


class Start:
    """A start of Glance with one flavor.

    :ivar places: what is read: sections, and the keys that hold a pipeline
    :ivar findings: what stops the start
    """

    def __init__(self, file: PasteFile, loader: Loader, flavor: str) -> None:
        self._file = file
        self._loader = loader
        self._flavor = flavor
        self.places: set[str] = set()
        self.findings: list[Finding] = []
        self._load_app(root(flavor), "")

    def _load_app(self, name: str, place: str) -> None:
        header = self._load(APPS, name, place, self._loader.load_app)
        if header is None:
            return
        values = self._file.values(header)
        target = self._file.target("composite", header)
        if header.startswith("pipeline:"):
            self._load_pipeline(header, "pipeline")
        elif "use" in values:
            self._load_app(values["use"], f"[{header}] use")
        elif target == PIPELINE_FACTORY:
            self._load_pipeline(header, self._flavor)
        elif target in _URL_MAPS:
            for key in values.keys() - _FACTORY_KEYS:
                self._load_app(values[key], f"[{header}] {key}")

    def _load_pipeline(self, header: str, key: str) -> None:
        place = f"[{header}] {key}"
        self.places.add(place)
        tokens = self._file.tokens(header, key)
        names = [name for token in tokens for name in token.names]
        if not names:
            self.findings.append(
                Finding(place, "there is no such pipeline", "Add it")
            )
            return
        for name in names[:-1]:
            self._load(("filter",), name, place, self._loader.load_filter)
        self._load_app(names[-1], place)

    def _load(
        self,
        kinds: tuple[str, ...],
        name: str,
        place: str,
        load: Callable[[str, str], object],
    ) -> str | None:
        """Load what a name stands for.

        :param place: where the name is
        :returns: the header of a section that was not loaded before
        """
        header = None
        # Not a URI.
        if ":" not in name:
            header = self._file.find(kinds, name)
            if header is None:
                self.findings.append(
                    _not_found(self._file, kinds, name, place)
                )
                return None
            place = f"[{header}]"
            if place in self.places:
                return None
            self.places.add(place)
        try:
            load(name, place)
        except CannotLoad as error:
            self.findings.append(error.finding)
        return header


def _not_found(
    file: PasteFile, kinds: tuple[str, ...], name: str, place: str
) -> Finding:
    known = {
        rest.strip()
        for kind, _, rest in (each.partition(":") for each in file.sections)
        if kind in kinds
    }
    if "filter" in kinds:
        known.update(NAMES)
    mend = "Correct the name, or add the section"
    for near in difflib.get_close_matches(name, sorted(known), 1):
        mend = f"Write {near}"
    return Finding(place, f"there is no section [{kinds[0]}:{name}]", mend)
