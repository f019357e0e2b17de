# SPDX-License-Identifier: Apache-2.0

"""All filters in front of an application, in a service of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from oslo_config import cfg
from oslo_log import log

from glance_filters.filters import configuration, registry

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_PROJECT = "glance-filters"


def configure(config_files: Sequence[str]) -> None:
    """Set up the options of the filters, and the log.

    :param config_files: with the options of the filters and of oslo.log, in
        the form of glance-api.conf
    :raises ConfigurationError: if an option is wrong, or a file cannot be
        read
    """
    conf = cfg.CONF
    log.register_options(conf)
    try:
        conf(
            [],
            project=_PROJECT,
            default_config_files=list(config_files),
            default_config_dirs=[],
        )
    except cfg.Error as error:
        raise configuration.ConfigurationError(str(error)) from error
    log.setup(conf, _PROJECT)


def in_front_of(
    app: WSGIApplication, config_files: Sequence[str]
) -> WSGIApplication:
    """Return *app* behind all filters; set up their options and the log.

    The parameter and the error are those of :func:`configure`.
    """
    configure(config_files)
    for each in reversed(registry.FILTERS):
        app = each.factory({})(app)
    return app
