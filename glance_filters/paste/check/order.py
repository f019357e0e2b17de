# SPDX-License-Identifier: Apache-2.0

"""Whether the filters are in the pipelines, and in the right places."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from glance_filters.filters.findings import Finding
from glance_filters.paste.file import NAMES, PasteFile, Pipeline


def check(file: PasteFile, places: Collection[str]) -> Iterator[Finding]:
    """Yield what is wrong with the pipelines.

    :param places: those of the pipelines that Glance uses; what is wrong with
        others is harmless
    """
    used = [each for each in file.pipelines if each.place in places]
    if not any(map(file.filters_in, used)):
        yield Finding(
            "pipelines",
            "none of the filters is in them",
            "Use 'glance-filters insert'",
        )
        return
    unused = [each for each in file.pipelines if each.place not in places]
    for pipelines, is_harmless in (used, False), (unused, True):
        for pipeline in pipelines:
            for each in _check_order(file, pipeline):
                yield replace(each, is_harmless=is_harmless)
        for name in NAMES:
            for each in _check_missing(file, name, pipelines):
                yield replace(each, is_harmless=is_harmless)


def _check_missing(
    file: PasteFile, name: str, pipelines: Sequence[Pipeline]
) -> Iterator[Finding]:
    """Yield whether a filter is missing that another pipeline has."""
    if not any(name in file.filters_in(each) for each in file.pipelines):
        return
    lacking = [
        each
        for each in pipelines
        if name not in file.filters_in(each)
        # A name that was misspelt is another finding.
        and not any(
            file.find(("filter",), near) is None
            for near in difflib.get_close_matches(name, each.names)
        )
    ]
    if lacking:
        flavors = " ".join(f"--flavor {each.flavor}" for each in lacking)
        yield Finding(
            ", ".join(each.place for each in lacking),
            f"{name} is missing, which other pipelines have",
            f"Use 'glance-filters insert --filter {name} {flavors}', if "
            f"{'this flavor is' if len(lacking) == 1 else 'these flavors are'}"
            " used",
        )


def _check_order(file: PasteFile, pipeline: Pipeline) -> Iterator[Finding]:
    names = pipeline.names
    found = file.filters_in(pipeline)
    place = pipeline.place
    for name in sorted({each for each in found if found.count(each) > 1}):
        yield Finding(place, f"{name} is there twice", "Remove one")
    order = [each for each in NAMES if each in found]
    if [*dict.fromkeys(found)] != order:
        yield Finding(
            place,
            f"the filters are in the order {', '.join(found)}",
            f"Put them in the order {', '.join(order)}",
        )
    ours = [n for n, name in enumerate(names) if file.filter_of(name)]
    if not ours:
        return
    contexts = [n for n, name in enumerate(names) if file.is_context(name)]
    if not contexts or min(ours) < max(contexts):
        yield Finding(
            place,
            f"{names[min(ours)]} is before the context filter, so requests "
            "have no user identity yet",
            "Put it after the context filter",
        )
    caches = [n for n, name in enumerate(names) if file.is_cache(name)]
    if caches and max(ours) > min(caches):
        yield Finding(
            place,
            f"{names[max(ours)]} is after the cache, which answers requests "
            "before the filter sees them",
            "Put it before the cache",
        )
