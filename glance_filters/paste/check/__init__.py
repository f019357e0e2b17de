# SPDX-License-Identifier: Apache-2.0

"""What is wrong with a paste file of Glance, and how it can be mended."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oslo_config import cfg

from glance_filters.filters import (
    configuration,
    disk_format_validator,
    location_guard,
    metadef_overlay,
    registry,
)
from glance_filters.filters.disk_format_validator import inspection
from glance_filters.paste import pipelines

_CLASSES = {each.name: each for each in registry.FILTERS}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or to be known.

    :ivar place: the section and key
    :ivar message: what is wrong
    :ivar mend: what to do about it
    :ivar is_harmless: whether it need not be mended
    """

    place: str
    message: str
    mend: str
    is_harmless: bool = False

    def __str__(self) -> str:
        kind = "note" if self.is_harmless else "error"
        return f"{kind}: {self.place}: {self.message}. {self.mend}."


def check(
    file: pipelines.PasteFile, conf: cfg.ConfigOpts
) -> Iterator[Finding]:
    """Yield what is wrong with a paste file.

    :param file: the file
    :param conf: the configuration of the service that reads it
    """
    used = {
        name
        for pipeline in file.pipelines
        for name in file.filters_in(pipeline)
    }
    for pipeline in file.pipelines:
        yield from _check_order(file, pipeline)
        for name in pipelines.FILTERS:
            if name in used and name not in file.filters_in(pipeline):
                yield Finding(
                    pipeline.place,
                    f"{name} is missing, which other pipelines have",
                    f"Use 'glance-filters insert --filter {name} --flavor "
                    f"{pipeline.flavor}', if this flavor is used",
                )
    if not used:
        yield Finding(
            "pipelines",
            "none of the filters is in them",
            "Use 'glance-filters insert'",
        )
    for header, section in file.sections.items():
        entry_point = file.filter_of(header.partition(":")[2])
        if not header.startswith("filter:") or entry_point is None:
            continue
        if entry_point not in _CLASSES:
            yield Finding(
                f"[{header}]",
                f"this package has no filter {entry_point}",
                f"Filters: {', '.join(_CLASSES)}",
            )
            continue
        yield from _check_options(header, entry_point, section.values, conf)


def _check_order(
    file: pipelines.PasteFile, pipeline: pipelines.Pipeline
) -> Iterator[Finding]:
    names = pipeline.names
    found = file.filters_in(pipeline)
    place = pipeline.place
    for name in sorted({each for each in found if found.count(each) > 1}):
        yield Finding(place, f"{name} stands there twice", "Take one out")
    order = [each for each in pipelines.FILTERS if each in found]
    if [*dict.fromkeys(found)] != order:
        yield Finding(
            place,
            f"the filters stand in the order {', '.join(found)}",
            f"Put them in the order {', '.join(order)}",
        )
    ours = [
        number
        for number, name in enumerate(names)
        if file.filter_of(name) is not None
    ]
    if not ours:
        return
    contexts = [n for n, name in enumerate(names) if file.is_context(name)]
    if not contexts or min(ours) < max(contexts):
        yield Finding(
            place,
            f"{names[min(ours)]} stands before the context filter, and does "
            "not know the user",
            "Put it behind the context filter",
        )
    caches = [n for n, name in enumerate(names) if file.is_cache(name)]
    if caches and max(ours) > min(caches):
        yield Finding(
            place,
            f"{names[max(ours)]} stands behind the cache, which answers "
            "requests before it sees them",
            "Put it before the cache",
        )


def _check_options(
    header: str, name: str, values: Mapping[str, str], conf: cfg.ConfigOpts
) -> Iterator[Finding]:
    keys = {key: value for key, value in values.items() if key != "use"}
    place = f"[{header}]"
    try:
        options = configuration.Configuration(
            name, _CLASSES[name].opts, keys, conf
        ).values()
    except configuration.ConfigurationError as error:
        yield Finding(place, str(error), "Correct the value")
        return
    if not options["enabled"]:
        yield Finding(place, "it is switched off", "Set enabled = true", True)
    elif name == location_guard.NAME:
        yield from _check_guard(place, options, conf)
    elif name == disk_format_validator.NAME:
        yield from _check_validator(place, options, conf)
    elif name == metadef_overlay.NAME:
        try:
            metadef_overlay.MetadefOverlaySettings.read(
                options["enabled"], options["metadefs_dir"]
            )
        except ValueError as error:
            yield Finding(place, str(error), "Correct the files")


def _check_guard(
    place: str, options: Mapping[str, Any], conf: cfg.ConfigOpts
) -> Iterator[Finding]:
    url = options["coordination_url"]
    if url and not url.startswith("file:"):
        if importlib.util.find_spec("tooz") is None:
            yield Finding(
                place,
                "coordination_url needs tooz, which is not installed",
                "Install glance-filters[coordination]",
            )
    elif not url and _of(conf, None, "workers") != 1:
        yield Finding(
            place,
            "images are locked within each worker only, and there may be "
            "several workers",
            "Set coordination_url",
        )
    if _of(conf, None, "show_multiple_locations") is False:
        yield Finding(
            place,
            "Glance's show_multiple_locations is off, so that patches change "
            "no locations anyway",
            "The other requests are guarded all the same",
            True,
        )


def _check_validator(
    place: str, options: Mapping[str, Any], conf: cfg.ConfigOpts
) -> Iterator[Finding]:
    known = _of(conf, "image_format", "disk_formats")
    refused = [
        each
        for each in options["disk_formats"]
        if known is not None and each not in known
    ]
    if refused:
        yield Finding(
            place,
            f"Glance itself refuses {', '.join(refused)}",
            "Add them to [image_format] disk_formats in glance-api.conf",
        )
    if (
        options["inspect"] in ("warn", "enforce")
        and not inspection.is_available()
    ):
        yield Finding(
            place,
            f"inspect = {options['inspect']} needs the format inspectors of "
            "oslo.utils",
            "Install glance-filters[inspect]",
        )


def _of(conf: cfg.ConfigOpts, group: str | None, name: str) -> Any:
    """Return the value of an option of Glance, None if it is not known."""
    try:
        return conf[group][name] if group else conf[name]
    except (cfg.Error, KeyError, ValueError):
        return None
