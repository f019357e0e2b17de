# SPDX-License-Identifier: Apache-2.0

"""Whether Glance runs the import plugin, which this filter may rely on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oslo_config import cfg, types

from glance_filters.filters import config_files, configuration, findings
from glance_filters.filters.values import plain

NAME = "glance_filters_inspect"

# The options by which it judges too, from Glance's configuration alone.
_FILTER = "disk_format_validator"
_OPTIONS = ("inspect", "disk_formats")

# Import methods whose data no request brings.
_FETCHING = ("web-download", "glance-download")

# Glance's own plugins that have to run before it, and behind it.
_DECOMPRESSION = "image_decompression"
_CONVERSION = "image_conversion"

_GROUP = "image_import_opts"
_OPT = cfg.ListOpt(
    "image_import_plugins",
    item_type=types.String(quotes=True),
    bounds=True,
    default=[],
)


def is_in_force(config: configuration.Configuration) -> bool:
    """Return True if Glance is configured to run the plugin."""
    return NAME in _plugins(config)


def check(
    place: str,
    values: Mapping[str, Any],
    config: configuration.Configuration,
) -> Iterator[findings.Finding]:
    """Yield what nobody inspects, or not at the right time.

    :param place: where the filter is configured
    :param values: the values of the filter's options
    """
    plugins = _plugins(config)
    if NAME in plugins:
        yield from _check_order(place, plugins)
        yield from _check_section(place, values, config)
        return
    mend = f"Add {NAME} to [{_GROUP}] {_OPT.dest} in glance-api.conf"
    if values["staged_data"] == "leave":
        yield findings.Finding(
            place,
            "staged data is inspected by nobody: staged_data is leave",
            mend,
        )
    methods = config.of_service(None, "enabled_import_methods") or ()
    fetching = [each for each in _FETCHING if each in methods]
    if fetching and values["inspect"] != "off":
        yield findings.Finding(
            place,
            "data that Glance itself fetches is not inspected: "
            f"{', '.join(fetching)}",
            mend,
            True,
        )


def _check_order(
    place: str, plugins: Sequence[str]
) -> Iterator[findings.Finding]:
    own = plugins.index(NAME)
    mend = f"Change the order in [{_GROUP}] {_OPT.dest} in glance-api.conf"
    if _DECOMPRESSION in plugins[own:]:
        yield findings.Finding(
            place,
            f"{NAME} inspects data before {_DECOMPRESSION} unpacks it, and so "
            "not what is stored",
            mend,
        )
    if _CONVERSION in plugins[:own]:
        yield findings.Finding(
            place,
            f"{_CONVERSION} runs qemu-img on data before {NAME} inspects it",
            mend,
        )


def _check_section(
    place: str,
    values: Mapping[str, Any],
    config: configuration.Configuration,
) -> Iterator[findings.Finding]:
    for name in _OPTIONS:
        if plain(config.of_service(_FILTER, name)) != values[name]:
            yield findings.Finding(
                f"{place} {name}",
                f"{NAME} does not see this value, imports are judged by "
                "another one",
                f"Set it in [{_FILTER}] of glance-api.conf instead",
            )


def _plugins(config: configuration.Configuration) -> Sequence[str]:
    """Return the plugins that Glance runs, in their order."""
    known: Sequence[str] | None = config.of_service(_GROUP, _OPT.dest)
    if known is not None:
        return known
    # Glance registers the option with the first import only.
    files = config_files.ConfigFiles(config.conf, {_GROUP: [_OPT]})
    try:
        plugins: Sequence[str] = files.read()[_GROUP][_OPT.dest]
    # The files have changed since, or hold no such list.
    except (config_files.Unreadable, cfg.Error, ValueError):
        return ()
    return plugins
