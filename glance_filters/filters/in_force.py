# SPDX-License-Identifier: Apache-2.0

"""The options that are in force, and how they follow the configuration."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from oslo_log import log as logging

from glance_filters.filters import configuration, counters, shared
from glance_filters.filters.values import (
    Values,
    defaults,
    differences,
    keep_fixed,
)

LOG = logging.getLogger(__name__)

SettingsT = TypeVar("SettingsT")


class InForce(Generic[SettingsT]):
    """The settings of a filter, and its counters.

    They change as a whole: a request that has taken the settings keeps them.

    :param name: the filter's name
    :param config: where the options' values come from
    :param make: makes settings of the filter's own options; raises ValueError
        if they contradict each other
    :param prepare: makes what the settings need, before they are in force;
        raises ValueError if that is not possible, and has changed nothing then
    :ivar refused: why the newest values are not in force; None if they are
    """

    settings: SettingsT
    counters: counters.Counters

    def __init__(
        self,
        name: str,
        config: configuration.Configuration,
        make: Callable[[Mapping[str, Any]], SettingsT],
        prepare: Callable[[SettingsT], None],
    ) -> None:
        self.refused: str | None = None
        self._name = name
        self._config = config
        self._make = make
        self._prepare = prepare
        self._values: Values = {}
        self._told: frozenset[str] = frozenset()
        self._following = (os.getpid(), threading.Lock())

    @property
    def drain_timeout(self) -> float:
        """How long to read the rest of a refused request, in seconds."""
        timeout: float = self._values[shared.GROUP]["drain_timeout"]
        return timeout

    def start(self) -> None:
        """Read the options for the first time, and follow their changes.

        :raises ConfigurationError: if the configuration is wrong
        """
        read = self._config.read()
        self._load(read)
        opts = self._config.opts
        changed = differences(opts, defaults(opts), read)
        LOG.info(
            "%s starts; not the default: %s",
            self._name,
            "; ".join(changed) or "nothing",
        )
        self._config.on_change(self.reload)
        self._config.files.look_every(
            read[shared.GROUP]["config_check_interval"]
        )

    def reload(self) -> None:
        """Take the service's options, after it has read its files again."""
        # Though no option has changed: files that options name may have.
        self._take(self._config.read, is_whole=True)

    def is_due(self) -> bool:
        """Return True if it is time for :meth:`follow`."""
        return self._config.files.is_due()

    def follow(self) -> None:
        """Take the options from the files, if these have changed.

        One thread does so, and none waits for it.
        """
        process, lock = self._following
        if process != os.getpid():
            # A thread of the parent may have held it at the fork.
            lock = threading.Lock()
            self._following = (os.getpid(), lock)
        if not lock.acquire(blocking=False):
            return
        try:
            if self._config.files.have_changed():
                self._take(self._config.read_files)
        finally:
            lock.release()

    def _take(
        self, read: Callable[[], Values], is_whole: bool = False
    ) -> None:
        """Put new values in force; keep all the old ones if one is wrong.

        :param is_whole: also if none of them differs
        """
        opts = self._config.opts
        try:
            values, fixed = keep_fixed(opts, self._values, read())
            changed = tuple(differences(opts, self._values, values))
            if changed or is_whole:
                self._load(values)
        except configuration.ConfigurationError as error:
            LOG.error("Keeping the former settings: %s", error)
            self.refused = str(error)
            self.counters.gauge("reloads_refused", 1, delta=True)
            return
        self.refused = None
        if changed:
            LOG.info("%s: options changed: %s", self._name, "; ".join(changed))
        if changed or is_whole:
            self.counters.gauge("reloads", 1, delta=True)
        if fixed - self._told:
            LOG.warning(
                "%s: a change needs a restart: %s",
                self._name,
                ", ".join(sorted(fixed)),
            )
        self._told = fixed

    def _load(self, values: Values) -> None:
        """Put values in force, all of them or none.

        :raises ConfigurationError: if they cannot be; nothing has changed then
        """
        own, common = values[self._name], values[shared.GROUP]
        # The filter's own, or else those of all filters.
        host, port = (
            common[opt.dest] if own.get(opt.dest) is None else own[opt.dest]
            for opt in counters.OPTS
        )
        with contextlib.ExitStack() as undo:
            try:
                settings = self._make(counters.without(own))
                made = counters.make(self._name, host, port)
                undo.callback(made.close)
                self._prepare(settings)
            except ValueError as error:
                raise configuration.ConfigurationError(
                    f"[{self._name}] {error}"
                ) from error
            undo.pop_all()
        former = getattr(self, "counters", None)
        self._values = values
        self.settings = settings
        self.counters = made
        if former is not None:
            former.close()
