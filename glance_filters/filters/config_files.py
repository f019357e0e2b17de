# SPDX-License-Identifier: Apache-2.0

"""The files that a configuration came from, read again by ourselves.

Glance does not read them again while it runs. What is read here is kept apart
from the configuration of the service, which stays as it is.
"""

from __future__ import annotations

import glob
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Union

from oslo_config import cfg

# Of each file its path and what changes with its contents; None if it is gone.
State = tuple[tuple[str, Union[tuple[int, int, int], None]], ...]

# A file that was written a moment ago may not be whole yet.
_MAX_SETTLE_SECONDS = 1.0

# Files that were written so short a time before they are first looked at may
# have been written after the service has read them.
_START_SECONDS = 60

# A reference to another option, as in $state_path or ${database.connection}.
_REFERENCE = re.compile(r"\$\{?([a-z_][a-z0-9_]*(?:\.[a-z0-9_]+)?)", re.I)


class Unreadable(Exception):
    """The files cannot be read, or not as a configuration."""


class ConfigFiles:
    """The files of a configuration, looked at from time to time.

    :param conf: the configuration, which has read its files
    :param opts: the options that matter, by group
    :param clock: seconds, for the time between two looks
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        opts: Mapping[str, Iterable[cfg.Opt]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._conf = conf
        self._opts = opts
        self._clock = clock
        self._files = _paths(conf, "config_file")
        self._folders = _paths(conf, "config_dir")
        state = self._state()
        is_new = _age(state) < _START_SECONDS
        self._seen: State | None = None if is_new else state
        self._written: State | None = None
        # Once it looks.
        self._period: float
        self._settle: float
        self._next_look = float("inf")

    def look_every(self, interval: float) -> None:
        """Begin to look.

        :param interval: how soon a change is noticed by a request, in
            seconds; 0: never
        """
        if not interval or not (self._files or self._folders):
            return
        self._settle = min(_MAX_SETTLE_SECONDS, interval / 10)
        self._period = interval - self._settle
        self._next_look = self._clock() + self._period

    def is_due(self) -> bool:
        """Return True if it is time to look."""
        return self._clock() >= self._next_look

    def have_changed(self) -> bool:
        """Look; return True once for each change.

        A file that is being written is left for the next time.
        """
        state = self._state()
        self._next_look = self._clock() + self._period
        if state == self._seen:
            self._written = None
            return False
        if state != self._written and _age(state) < self._settle:
            self._written = state
            self._next_look = self._clock() + self._settle
            return False
        self._seen, self._written = state, None
        return True

    def read(self) -> cfg.ConfigOpts:
        """Return a configuration of its own, of what is in the files now.

        :raises Unreadable: if a file or a folder is gone or cannot be read
        """
        for folder in self._folders:
            # oslo.config would take it for an empty one.
            try:
                os.listdir(folder)
            except OSError as error:
                raise Unreadable(str(error)) from error
        read = cfg.ConfigOpts()
        for group, opts in self._opts.items():
            read.register_opts(opts, group)
        try:
            read(
                [],
                default_config_files=self._files,
                default_config_dirs=self._folders,
            )
            for name in self._references():
                _register(read, self._conf, name)
        except cfg.ConfigFileParseError as error:
            # Not the text of the line, which may hold a password.
            lines = ", ".join(re.findall(r":(\d+),", error.msg or ""))
            raise Unreadable(
                f"Failed to parse {error.config_file}, line {lines}"
            ) from None
        except (cfg.Error, OSError, ValueError) as error:
            raise Unreadable(" ".join(str(error).split())) from error
        return read

    def _all(self) -> Iterator[str]:
        yield from self._files
        for folder in self._folders:
            yield from sorted(glob.glob(os.path.join(folder, "*.conf")))

    def _state(self) -> State:
        return tuple((path, _stat(path)) for path in self._all())

    def _references(self) -> set[str]:
        """Return the options that other options refer to."""
        names = set()
        for path in self._all():
            with open(path, encoding="utf-8") as file:
                names.update(_REFERENCE.findall(file.read()))
        return names


def _paths(conf: cfg.ConfigOpts, option: str) -> list[str]:
    """Return the value of one of the options of oslo.config itself."""
    try:
        return [os.path.abspath(each) for each in conf[option] or ()]
    except cfg.NoSuchOptError:
        # It has read no files.
        return []


def _stat(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _age(state: State) -> float:
    """Return how long ago a file was written last, in seconds."""
    newest = max((stat[0] for _, stat in state if stat), default=0)
    return time.time() - newest / 1e9


def _register(
    read: cfg.ConfigOpts, service: cfg.ConfigOpts, name: str
) -> None:
    """Make an option of the service known, so that others may refer to it."""
    group, _, option = name.rpartition(".")
    try:
        value = service[group][option] if group else service[option]
        read.register_opt(
            cfg.StrOpt(option, default=str(value)), group or None
        )
    except (cfg.Error, KeyError, TypeError, ValueError):
        # No such option, or one of those that matter: read as it is.
        return
