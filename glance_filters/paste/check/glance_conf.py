# SPDX-License-Identifier: Apache-2.0

"""The configuration of Glance, read without Glance."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oslo_config import cfg, types

from glance_filters import opts
from glance_filters.filters.disk_format_validator.options import (
    DEFAULT_FORMATS,
)
from glance_filters.filters.findings import Finding
from glance_filters.paste.file import DEFAULT_FLAVOR

# The options of Glance that the filters read, as Glance 33 declares them, and
# those that lead to the paste file.
_OPTS: tuple[tuple[str | None, cfg.Opt], ...] = (
    (None, cfg.IntOpt("workers")),
    (None, cfg.DictOpt("enabled_backends", default={})),
    (None, cfg.BoolOpt("show_multiple_locations", default=False)),
    (None, cfg.StrOpt("worker_self_reference_url")),
    (None, cfg.StrOpt("public_endpoint")),
    ("database", cfg.StrOpt("connection", secret=True)),
    (
        None,
        cfg.ListOpt(
            "enabled_import_methods",
            item_type=types.String(quotes=True),
            bounds=True,
            default=["glance-direct", "web-download", "copy-image"],
        ),
    ),
    (
        "image_format",
        cfg.ListOpt(
            "disk_formats",
            default=list(DEFAULT_FORMATS),
            deprecated_group="DEFAULT",
        ),
    ),
    ("oslo_concurrency", cfg.StrOpt("lock_path")),
    ("paste_deploy", cfg.StrOpt("flavor")),
    ("paste_deploy", cfg.StrOpt("config_file")),
)

# Below that, a group is more likely to be one of Glance or of a library.
_NEAR = 0.85


# Where values come from that are in no file.
DEFAULT = "default"


@dataclass(frozen=True)
class File:
    """A configuration file.

    :ivar groups: the options that are in it, by group
    """

    path: Path
    groups: Mapping[str, Mapping[str, list[str]]]


class CannotRead(Exception):
    """A configuration file cannot be read; the text names it."""


class GlanceConf(cfg.ConfigOpts):
    """A configuration that knows Glance's options."""

    def __init__(self) -> None:
        super().__init__()
        for group, opt in _OPTS:
            self.register_opt(opt, group)


class UsualConf(GlanceConf):
    """A configuration that is read from where glance-api reads its own.

    Files and folders that the arguments name are read in their place.
    """

    def __call__(self, *args: Any, **options: Any) -> None:
        """Read the files.

        :raises CannotRead: if a file cannot be read
        """
        usual = {"project": "glance", "prog": "glance-api"}
        options["default_config_files"] = cfg.find_config_files(**usual)
        options["default_config_dirs"] = cfg.find_config_dirs(**usual)
        with _refused("the configuration"):
            super().__call__(*args, **options)


@contextlib.contextmanager
def _refused(names: str) -> Iterator[None]:
    """Raise CannotRead for what oslo.config raises.

    :param names: what is read, where the error does not tell
    """
    try:
        yield
    except cfg.Error as error:
        raise CannotRead(" ".join(str(error).split())) from error
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRead(f"{names}: {error}") from error


def read(files: Sequence[str], folders: Sequence[str] = ()) -> cfg.ConfigOpts:
    """Read configuration files as Glance does.

    :param files: none: Glance's options are not known
    :param folders: their ``*.conf`` files are read too
    :raises CannotRead: if a file cannot be read
    """
    conf = GlanceConf() if files or folders else cfg.ConfigOpts()
    arguments = [
        *(f"--config-file={each}" for each in files),
        *(f"--config-dir={each}" for each in folders),
    ]
    with _refused(", ".join((*files, *folders))):
        conf(arguments, default_config_files=[], default_config_dirs=[])
    return conf


def flavor(conf: cfg.ConfigOpts) -> str | None:
    """Return the flavor with which Glance starts, None if it is not known."""
    try:
        return conf.paste_deploy.flavor or DEFAULT_FLAVOR
    except cfg.NoSuchOptError:
        return None


def parse(conf: cfg.ConfigOpts) -> list[File]:
    """Return what is in the files of a configuration; later ones win."""
    paths = [Path(each) for each in conf.config_file or ()]
    for folder in dict.fromkeys((*conf.config_dirs, *(conf.config_dir or ()))):
        paths.extend(sorted(Path(folder).glob("*.conf")))
    files = []
    for path in paths:
        sections: dict[str, dict[str, list[str]]] = {}
        cfg.ConfigParser(str(path), sections).parse()
        files.append(File(path, sections))
    return files


def origin(
    conf: cfg.ConfigOpts, files: Sequence[File], group: str, option: str
) -> str:
    """Return where the value of an option comes from.

    :param files: those of *conf*
    :returns: a file's name, ``default``, or what oslo.config calls it
    """
    location = conf.get_location(option, group)
    if location is None or not location.location.is_user_controlled:
        return DEFAULT
    # What oslo.config tells is the last file with such a group.
    for file in reversed(files):
        for name, options in file.groups.items():
            if name.lower() == group and option in options:
                return str(file.path)
    return str(location.detail)


def check(conf: cfg.ConfigOpts) -> Iterator[Finding]:
    """Yield groups and options that are nearly ours, so nothing reads them."""
    known = {
        group: [opt.dest for opt in options]
        for group, options in opts.list_opts()
    }
    for file in parse(conf):
        for group, keys in file.groups.items():
            options = known.get(group.lower())
            if options is None:
                for near in _near(group.lower(), known, _NEAR):
                    yield Finding(
                        f"[{group}]",
                        f"nothing reads this group of {file.path}",
                        f"Write [{near}]",
                    )
                continue
            for key in keys:
                if key not in options:
                    right = _near(key, options, 0.6) or sorted(options)
                    yield Finding(
                        f"[{group}] {key}",
                        f"there is no such option, but it is in {file.path}",
                        f"Write {' or '.join(right)}",
                    )


def _near(name: str, known: Iterable[str], cutoff: float) -> list[str]:
    return difflib.get_close_matches(name, list(known), 1, cutoff)
