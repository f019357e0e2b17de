# SPDX-License-Identifier: Apache-2.0

"""The options of the filters in a paste file, as they are in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glance_filters.filters import configuration, counters, registry
from glance_filters.filters.values import MASK
from glance_filters.paste.check import glance_conf, loading
from glance_filters.paste.file import PasteFile

if TYPE_CHECKING:
    from oslo_config import cfg


def show(file: PasteFile, conf: cfg.ConfigOpts) -> list[dict[str, Any]]:
    """Return what is in force, for JSON.

    :param file: a file that is still at its path
    :param conf: the configuration of the service that reads it
    :returns: of each pipeline, ``flavor``, ``place`` and ``filters``; of each
        filter, outermost first, ``name``, ``section`` and either ``options``
        or an ``error``; of each option, ``group``, ``name``, ``value`` and
        ``from``
    """
    loader = loading.Loader(file)
    return [
        {
            "flavor": pipeline.flavor,
            "place": pipeline.place,
            "filters": [
                _show_filter(file, loader, name, conf)
                for name in pipeline.names
                if file.filter_of(name)
            ],
        }
        for pipeline in file.pipelines
    ]


def _show_filter(
    file: PasteFile, loader: loading.Loader, name: str, conf: cfg.ConfigOpts
) -> dict[str, Any]:
    filter_class = registry.BY_NAME[file.filter_of(name) or ""]
    header = file.find(("filter",), name)
    section = f"[{header}]" if header else name
    shown: dict[str, Any] = {"name": filter_class.name, "section": section}
    try:
        keys = loader.load_filter(name, section)
        config = configuration.Configuration(
            filter_class.name, filter_class.opts, keys, conf
        )
        values = config.read()
        settings = filter_class.make_settings(
            counters.without(values[filter_class.name]), config
        )
    except (
        loading.CannotLoad,
        configuration.ConfigurationError,
        ValueError,
    ) as error:
        return {**shown, "error": str(error)}
    files = glance_conf.parse(config.conf)
    options = []
    for group, opts in config.opts.items():
        for opt in opts:
            value = values[group][opt.dest]
            if value is None and opt.deprecated_for_removal:
                continue
            if value is None:
                # What the filter takes then.
                value = getattr(settings, opt.dest, None)
            origin = f"{file.path} {section}"
            if opt.dest not in keys:
                origin = glance_conf.origin(
                    config.conf, files, group, opt.dest
                )
            # What everybody knows is no secret.
            is_secret = opt.secret and origin != glance_conf.DEFAULT
            options.append(
                {
                    "group": group,
                    "name": opt.dest,
                    "value": MASK if is_secret and value else value,
                    "from": origin,
                }
            )
    return {**shown, "options": options}
