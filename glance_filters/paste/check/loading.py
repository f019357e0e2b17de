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
    FACTORIES,
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

    def __init__(self, place: str, message: str, mend: str) -> None:
        self.finding = Finding(place, message, mend)
        super().__init__(str(self.finding))


class Loader:
    """Loads sections of a paste file as Glance does.

    :param file: a file that is still at its path
    """

    def __init__(self, file: PasteFile) -> None:
        self._file = file
        self._loader = loadwsgi.ConfigLoader(str(file.path))

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
        except configparser.InterpolationError as error:
            # Not the value, which may be a secret.
            raise CannotLoad(
                f"[{error.section}] {error.option}",
                "a % in the value begins no variable that is known",
                "Write %% for a % that is to stay",
            ) from error
        # Whatever the modules of others raise when they are imported.
        except Exception as error:
            is_ours = self._file.is_ours(name)
            if not (is_ours or _is_beside_glance()):
                return {}
            mend = (
                "Correct it, or insert the filters into the paste file of the "
                "Glance that is installed"
            )
            if is_ours:
                known = self._file.filter_of(name)
                factories = [FACTORIES[known]] if known else FACTORIES.values()
                mend = f"Write paste.filter_factory = {' or '.join(factories)}"
            reason = " ".join(str(error).split()) or type(error).__name__
            raise CannotLoad(
                place, f"it cannot be loaded: {reason}", mend
            ) from error


class Start:
    """A start of Glance with one flavor.

    :ivar flavor: the flavor
    :ivar places: what is read: sections, and the keys that hold a pipeline
    :ivar findings: what stops the start
    """

    def __init__(self, file: PasteFile, loader: Loader, flavor: str) -> None:
        self._file = file
        self._loader = loader
        self.flavor = flavor
        self.places: set[str] = set()
        self.findings: list[Finding] = []

    def load(self) -> None:
        """Load what Glance loads."""
        self._load_app(root(self.flavor), "")

    def _load_app(self, name: str, place: str) -> None:
        found = len(self.findings)
        # A URI has no section.
        if ":" not in name:
            opened = self._open(APPS, name, place)
            if opened is None:
                return
            place = opened
            self._load_parts(place[1:-1])
        # What is wrong with a part would be wrong with the whole again.
        if found == len(self.findings):
            self._note(self._loader.load_app, name, place)

    def _load_parts(self, header: str) -> None:
        """Load what an application is made of."""
        values = self._file.values(header)
        target = self._file.target("composite", header)
        if header.startswith("pipeline:"):
            self.load_pipeline(header, "pipeline")
        elif target in _URL_MAPS:
            for key in values.keys() - _FACTORY_KEYS:
                self._load_app(values[key], f"[{header}] {key}")
        elif "use" in values:
            self._load_app(values["use"], f"[{header}] use")
        elif target == PIPELINE_FACTORY:
            self.load_pipeline(header, self.flavor)

    def load_pipeline(self, header: str, key: str) -> None:
        """Load the filters and the application of a pipeline."""
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
            self._load_filter(name, place)
        self._load_app(names[-1], place)

    def _load_filter(self, name: str, place: str) -> None:
        opened = place
        if ":" not in name:
            opened = self._open(("filter",), name, place) or ""
        if opened:
            self._note(self._loader.load_filter, name, opened)

    def _open(
        self, kinds: tuple[str, ...], name: str, place: str
    ) -> str | None:
        """Return the section of a name, None if there is nothing to load.

        :param place: where the name is
        """
        header = self._file.find(kinds, name)
        if header is None:
            self.findings.append(_not_found(self._file, kinds, name, place))
            return None
        opened = f"[{header}]"
        if opened in self.places:
            return None
        self.places.add(opened)
        return opened

    def _note(
        self, load: Callable[[str, str], object], name: str, place: str
    ) -> None:
        """Load something, and note if that fails."""
        try:
            load(name, place)
        except CannotLoad as error:
            self.findings.append(error.finding)


def _is_beside_glance() -> bool:
    """Return True where it can be told what Glance can import."""
    return importlib.util.find_spec("glance") is not None


def _not_found(
    file: PasteFile, kinds: tuple[str, ...], name: str, place: str
) -> Finding:
    known = {
        known for kind, known, _ in file.named_sections() if kind in kinds
    }
    if "filter" in kinds:
        known.update(NAMES)
    mend = "Correct the name, or add the section"
    for near in difflib.get_close_matches(name, sorted(known), 1):
        mend = f"Write {near}"
    return Finding(place, f"there is no section [{kinds[0]}:{name}]", mend)
