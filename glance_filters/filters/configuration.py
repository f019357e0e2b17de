# SPDX-License-Identifier: Apache-2.0

"""From oslo.config and a paste.deploy section to a filter's settings.

A filter's options live in the service's own configuration, in the group that
has the filter's name; those that all filters share, in ``[glance_filters]``.
A key in the filter's section of the paste file overrides the option for that
filter. Everything is read once at load, and again when the files have changed
or oslo.config reports that it has mutated them. No request reads an option.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oslo_config import cfg

from glance_filters.filters import config_files, shared
from glance_filters.filters.values import Values, plain

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
    :ivar opts: those, and the ones that all filters share, by group
    :ivar conf: where the values come from that are not in the section
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
        self.opts: Mapping[str, Sequence[cfg.Opt]] = {
            name: opts,
            shared.GROUP: shared.OPTS,
        }
        self._overrides = self._typed(section)
        service = cfg.CONF if conf is None else conf
        self.conf = _oslo_conf(name, section, service)
        for group, each in self.opts.items():
            self.conf.register_opts(each, group=group)
        self.files = config_files.ConfigFiles(self.conf, self.opts)

    def _typed(self, section: Mapping[str, str]) -> dict[str, Any]:
        overrides = {}
        known = {
            opt.dest: opt
            for group in (shared.GROUP, self._name)
            for opt in self.opts[group]
        }
        for key in section.keys() - _SOURCE_KEYS:
            opt = known.get(key)
            if opt is None:
                raise ConfigurationError(
                    f"[filter:{self._name}] has the unknown key {key!r}; "
                    f"known keys: {', '.join(sorted(known))}"
                )
            try:
                overrides[key] = _checked(opt, opt.type(section[key]))
            except ValueError as error:
                raise ConfigurationError(
                    f"[filter:{self._name}] {key} = {section[key]}: {error}"
                ) from error
        return overrides

    def values(self) -> dict[str, Any]:
        """Return the value of each option, by option name; lists as tuples.

        :raises ConfigurationError: if a configuration file holds a value
            that is not of the option's type
        """
        return self._values(self.conf, self._name)

    def read(self) -> Values:
        """Return all values of the service's configuration.

        :raises ConfigurationError: as :meth:`values`
        """
        return {group: self._values(self.conf, group) for group in self.opts}

    def read_files(self) -> Values:
        """Return all values as the files have them now.

        What the service has set by itself stays as it is.

        :raises ConfigurationError: as :meth:`values`, and if the files cannot
            be read
        """
        try:
            read = self.files.read()
        except config_files.Unreadable as error:
            raise ConfigurationError(str(error)) from error
        return {group: self._values(read, group) for group in self.opts}

    def _values(self, conf: cfg.ConfigOpts, group: str) -> dict[str, Any]:
        values = {}
        for opt in self.opts[group]:
            try:
                value = _checked(opt, self._value(conf, group, opt.dest))
            except (cfg.Error, ValueError) as error:
                raise ConfigurationError(
                    f"[{group}] {opt.dest}: {error}"
                ) from error
            values[opt.dest] = plain(value)
        return values

    def _value(self, conf: cfg.ConfigOpts, group: str, name: str) -> Any:
        if name in self._overrides:
            return self._overrides[name]
        if conf is not self.conf:
            # What the service's own code has set.
            with contextlib.suppress(cfg.Error, ValueError):
                found = self.conf.get_location(name, group)
                if found and found.location is cfg.Locations.set_override:
                    return self.conf[group][name]
        return conf[group][name]

    def of_service(self, group: str | None, name: str) -> Any:
        """Return the value of an option of the service itself.

        :param group: None for ``[DEFAULT]``
        :returns: None if the service does not live in this process, or does
            not know the option
        """
        try:
            return self.conf[group][name] if group else self.conf[name]
        except (cfg.Error, KeyError, ValueError):
            return None

    def on_change(self, reload: Callable[[], None]) -> None:
        """Call *reload* whenever the configuration files were mutated."""
        self.conf.register_mutate_hook(lambda conf, fresh: reload())


def _checked(opt: cfg.Opt, value: Any) -> Any:
    """Return a value, unless oslo.config takes for a number what is none.

    :raises ValueError: for an empty text, and for ``nan``
    """
    if value is None and opt.default is not None:
        raise ValueError("must not be empty")
    if isinstance(value, float) and math.isnan(value):
        raise ValueError("must be a number")
    return value


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
