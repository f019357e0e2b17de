# SPDX-License-Identifier: Apache-2.0

"""Whether Glance runs the import plugin, which this filter may rely on."""

from __future__ import annotations

from collections.abc import Sequence

from oslo_config import cfg, types

from glance_filters.filters import configuration

NAME = "glance_filters_inspect"

_GROUP = "image_import_opts"
_OPTION = "image_import_plugins"


def is_in_force(config: configuration.Configuration) -> bool:
    """Return True if Glance is configured to run the plugin."""
    plugins = config.of_service(_GROUP, _OPTION)
    if plugins is None:
        plugins = _read(config.conf)
    return NAME in plugins


def _read(conf: cfg.ConfigOpts) -> Sequence[str]:
    """Read the option anew: Glance registers it with the first import only."""
    again = cfg.ConfigOpts()
    again.register_opt(
        cfg.ListOpt(
            _OPTION,
            item_type=types.String(quotes=True),
            bounds=True,
            default=[],
        ),
        _GROUP,
    )
    try:
        again(
            [],
            default_config_files=conf.config_file,
            default_config_dirs=conf.config_dir,
        )
        plugins: Sequence[str] = again[_GROUP][_OPTION]
    # The configuration was not read from files, or these have changed.
    except (cfg.Error, ValueError):
        return ()
    return plugins
