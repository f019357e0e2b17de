# SPDX-License-Identifier: Apache-2.0

"""What is wrong with a paste file of Glance, and how it can be mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oslo_config import cfg

from glance_filters.filters import configuration, counters, registry
from glance_filters.filters.findings import Finding
from glance_filters.paste import pipelines

_CLASSES = {each.name: each for each in registry.FILTERS}


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
    kind = _CLASSES[name]
    try:
        config = configuration.Configuration(name, kind.opts, keys, conf)
        options = config.values()
        for opt in counters.OPTS:
            del options[opt.dest]
        kind.make_settings(options, config)
    except (configuration.ConfigurationError, ValueError) as error:
        yield Finding(place, str(error), "Correct the value")
        return
    if not options["enabled"]:
        yield Finding(place, "it is switched off", "Set enabled = true", True)
    else:
        yield from kind.check(place, config)
