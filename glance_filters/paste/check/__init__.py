# SPDX-License-Identifier: Apache-2.0

"""Check a paste file of Glance, and how the filters in it are configured.

It is a start of Glance as far as the filters are concerned: what the start
reads, imports and makes is read, imported and made here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from oslo_config import cfg

from glance_filters.filters import configuration, registry
from glance_filters.filters.findings import Finding
from glance_filters.paste.check import glance_conf, loading, order
from glance_filters.paste.file import PasteFile


def check(file: PasteFile, conf: cfg.ConfigOpts) -> list[Finding]:
    """Return what is wrong, each mistake once.

    A mistake in what Glance does not use with its flavor is harmless.

    :param file: a file that is still at its path
    :param conf: the configuration of the service that reads it
    """
    # What is imported and made here logs the same, and more.
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        return list(_once(_check(file, conf)))
    finally:
        logging.disable(level)


def _check(file: PasteFile, conf: cfg.ConfigOpts) -> Iterator[Finding]:
    loader = loading.Loader(file)
    flavors = file.flavors()
    used = glance_conf.flavor(conf)
    if used is not None and used not in flavors:
        yield Finding(
            "[paste_deploy] flavor",
            f"{file.path} has no flavor {used}",
            f"Flavors: {', '.join(flavors)}",
        )
        used = None
    places: set[str] = set()
    for start, is_known in _starts(file, loader, flavors):
        is_used = not is_known or used in (None, start.flavor)
        yield from _as_used(start.findings, is_used)
        if is_used:
            places |= start.places
    yield from order.check(file, places)
    for name, place in _filters(file).items():
        findings = _check_filter(file, loader, name, place, conf)
        yield from _as_used(findings, place in places)
    yield from glance_conf.check(conf)


def _starts(
    file: PasteFile, loader: loading.Loader, flavors: Sequence[str]
) -> Iterator[tuple[loading.Start, bool]]:
    """Yield what was loaded, and whether it is known when Glance loads it."""
    reached: set[str] = set()
    for flavor in flavors:
        start = loading.Start(file, loader, flavor)
        start.load()
        reached |= start.places
        yield start, True
    for pipeline in file.pipelines:
        # A composite of another kind may lead to it.
        if pipeline.place not in reached:
            start = loading.Start(file, loader, pipeline.flavor)
            start.load_pipeline(pipeline.header, pipeline.key)
            yield start, False


def _filters(file: PasteFile) -> dict[str, str]:
    """Return where each filter of this package is: a section, or a URI."""
    found = {
        name: f"[{header}]"
        for kind, name, header in file.named_sections()
        if kind == "filter"
    }
    for pipeline in file.pipelines:
        for name in pipeline.names:
            if ":" in name:
                found[name] = pipeline.place
    return {
        name: place for name, place in found.items() if file.filter_of(name)
    }


def _check_filter(
    file: PasteFile,
    loader: loading.Loader,
    name: str,
    place: str,
    conf: cfg.ConfigOpts,
) -> Iterator[Finding]:
    """Make a filter, and let it check what can be used, but should not be."""
    filter_class = registry.BY_NAME[file.filter_of(name) or ""]
    own = file.values(place[1:-1])
    for key in own.keys() & file.values("DEFAULT").keys():
        yield Finding(
            f"{place} {key}",
            "Paste Deploy drops the key, because [DEFAULT] has it too",
            "Remove it from [DEFAULT]",
        )
    for key in own:
        if key.startswith("set "):
            yield Finding(
                f"{place} {key}",
                "the filter does not read it",
                f"Write {key[4:].strip()} = ...",
            )
    try:
        keys = loader.load_filter(name, place)
        config = configuration.Configuration(
            filter_class.name, filter_class.opts, keys, conf
        )
        filter_class(lambda environ, start_response: [], config).start()
    except loading.CannotLoad as error:
        yield error.finding
    except configuration.ConfigurationError as error:
        mend = "Correct it, or Glance does not start"
        if glance_conf.flavor(conf) is None:
            mend += ". If it depends on glance-api.conf, use --config-file"
        yield Finding(place, str(error), mend)
    else:
        if config.values()["enabled"]:
            yield from filter_class.check(place, config)
        else:
            yield Finding(
                place, "it is switched off", "Set enabled = true", True
            )


def _as_used(findings: Iterable[Finding], is_used: bool) -> Iterator[Finding]:
    for each in findings:
        yield each if is_used else replace(each, is_harmless=True)


def _once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield one finding for all places of the same mistake."""
    grouped: dict[tuple[str, str], list[Finding]] = {}
    for each in findings:
        grouped.setdefault((each.message, each.mend), []).append(each)
    for same in grouped.values():
        errors = [each for each in same if not each.is_harmless]
        places = dict.fromkeys(each.place for each in errors or same)
        yield replace(same[0], place=", ".join(places), is_harmless=not errors)
