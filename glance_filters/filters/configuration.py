# SPDX-License-Identifier: Apache-2.0

"""From oslo.config and a paste.deploy section to a filter's settings.

A filter's options live in the service's own configuration, in the group that
has the filter's name; those that all filters share, in ``[glance_filters]``.
A key in the filter's section of the paste file overrides the option for that
filter. Everything is read once at load and again when oslo.config reports
that the configuration files were mutated; no request reads the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from oslo_config import cfg

from glance_filters.filters import shared

# How a section names the configuration to read, as in oslo.middleware.
PROJECT_KEY = "oslo_config_project"
PROGRAM_KEY = "oslo_config_program"
FILE_KEY = "oslo_config_file"
_SOURCE_KEYS = frozenset((PROJECT_KEY, PROGRAM_KEY, FILE_KEY))


class ConfigurationError(Exception):
    """A filter is configured wrongly; the text names section and option."""


class Configuration:
    """The options of one filter: where they come from, and their values.

    :param name: the filter's name, which is also the options' group
    :param opts: the filter's options
    :param section: the keys of the filter's section in the paste file, all
        of them text
    :param conf: the service's configuration, unless the section names
        another one; that of the process if None
    :raises ConfigurationError: for a key that is no option, or a value that
        is not of the option's type
    """

    def __init__(
        self,
        name: str,
        opts: Sequence[cfg.Opt],
        section: Mapping[str, str],
        conf: cfg.ConfigOpts | None = None,
    ) -> None:
        self._name = name
        self._opts = {opt.dest: opt for opt in opts}
        self._shared = {opt.dest: opt for opt in shared.OPTS}
        self._overrides = self._typed(section)
        service = cfg.CONF if conf is None else conf
        self._conf = _oslo_conf(name, section, service)
        self._conf.register_opts(opts, group=name)
        self._conf.register_opts(shared.OPTS, group=shared.GROUP)

    def _typed(self, section: Mapping[str, str]) -> dict[str, Any]:
        overrides = {}
        known = {**self._shared, **self._opts}
        for key in section.keys() - _SOURCE_KEYS:
            opt = known.get(key)
            if opt is None:
                raise ConfigurationError(
                    f"[filter:{self._name}] has the unknown key {key!r}; "
                    f"known keys: {', '.join(sorted(known))}"
                )
            try:
                overrides[key] = opt.type(section[key])
            except ValueError as error:
                raise ConfigurationError(
                    f"[filter:{self._name}] {key} = {section[key]}: {error}"
                ) from error
        return overrides

    @property
    def conf(self) -> cfg.ConfigOpts:
        """Where the values come from that are not in the section."""
        return self._conf

    def values(self) -> dict[str, Any]:
        """Return the value of each option, by option name; lists as tuples.

        :raises ConfigurationError: if a configuration file holds a value
            that is not of the option's type
        """
        return self._values(self._name, self._opts)

    def shared_values(self) -> dict[str, Any]:
        """Return the value of each option that all filters share.

        :raises ConfigurationError: as :meth:`values`
        """
        return self._values(shared.GROUP, self._shared)

    def _values(self, name: str, opts: Iterable[str]) -> dict[str, Any]:
        group = self._conf[name]
        values = {}
        for dest in opts:
            if dest in self._overrides:
                value = self._overrides[dest]
            else:
                try:
                    value = group[dest]
                except (cfg.Error, ValueError) as error:
                    raise ConfigurationError(
                        f"[{name}] {dest}: {error}"
                    ) from error
            values[dest] = tuple(value) if isinstance(value, list) else value
        return values

    def of_service(self, group: str | None, name: str) -> Any:
        """Return the value of an option of the service itself.

        :param group: None for ``[DEFAULT]``
        :returns: None if the service does not live in this process, or does
            not know the option
        """
        try:
            return self._conf[group][name] if group else self._conf[name]
        except (cfg.Error, KeyError, ValueError):
            return None

    def on_change(self, reload: Callable[[], None]) -> None:
        """Call *reload* whenever the configuration files were mutated."""
        self._conf.register_mutate_hook(lambda conf, fresh: reload())


def _oslo_conf(
    name: str, section: Mapping[str, str], service: cfg.ConfigOpts
) -> cfg.ConfigOpts:
    if PROJECT_KEY not in section:
        for key in _SOURCE_KEYS & section.keys():
            raise ConfigurationError(
                f"[filter:{name}] {key} means nothing without {PROJECT_KEY}"
            )
        return service
    conf = cfg.ConfigOpts()
    files = [section[FILE_KEY]] if FILE_KEY in section else None
    try:
        conf(
            [],
            project=section[PROJECT_KEY],
            prog=section.get(PROGRAM_KEY),
            default_config_files=files,
        )
    except cfg.Error as error:
        raise ConfigurationError(f"[filter:{name}] {error}") from error
    return conf
