# SPDX-License-Identifier: Apache-2.0

"""The configuration of Glance, read without Glance."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from oslo_config import cfg

from glance_filters import opts
from glance_filters.filters.findings import Finding
from glance_filters.paste.file import DEFAULT_FLAVOR

# The options of Glance that matter to the filters, as Glance 33 declares them.
_OPTS: tuple[tuple[str | None, cfg.Opt], ...] = (
    (None, cfg.IntOpt("workers")),
    (None, cfg.BoolOpt("show_multiple_locations", default=False)),
    (
        None,
        cfg.ListOpt(
            "enabled_import_methods",
            bounds=True,
            default=["glance-direct", "web-download", "copy-image"],
        ),
    ),
    (
        "image_format",
        cfg.ListOpt(
            "disk_formats",
            default=[
                *("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2"),
                *("vdi", "iso", "ploop"),
            ],
            deprecated_group="DEFAULT",
        ),
    ),
    (
        "image_import_opts",
        cfg.ListOpt("image_import_plugins", bounds=True, default=[]),
    ),
    ("oslo_concurrency", cfg.StrOpt("lock_path")),
    ("paste_deploy", cfg.StrOpt("flavor")),
    ("paste_deploy", cfg.StrOpt("config_file")),
)

# Below that, a group is more likely to be one of Glance or of a library.
_NEAR = 0.85


class CannotRead(Exception):
    """A configuration file cannot be read; the text names it."""


def make() -> cfg.ConfigOpts:
    """Return a configuration that is not read yet, but knows Glance's options."""
    conf = cfg.ConfigOpts()
    for group, opt in _OPTS:
        conf.register_opt(opt, group)
    return conf


def read(files: Sequence[str], folders: Sequence[str] = ()) -> cfg.ConfigOpts:
    """Read configuration files as Glance does.

    :param files: none: Glance's options are not known
    :param folders: their ``*.conf`` files are read too
    :raises CannotRead: if a file cannot be read
    """
    conf = make() if files or folders else cfg.ConfigOpts()
    try:
        conf(
            [],
            default_config_files=list(files),
            default_config_dirs=list(folders),
        )
    except cfg.Error as error:
        raise CannotRead(" ".join(str(error).split())) from error
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRead(f"{', '.join(files)}: {error}") from error
    return conf


def flavor(conf: cfg.ConfigOpts) -> str | None:
    """Return the flavor with which Glance starts, None if it is not known."""
    try:
        return conf.paste_deploy.flavor or DEFAULT_FLAVOR
    except cfg.NoSuchOptError:
        return None


def check(conf: cfg.ConfigOpts) -> Iterator[Finding]:
    """Yield what is in the files, but is no option of ours, and was to be."""
    known = {
        group: {opt.dest for opt in options} for group, options in opts.list_opts()
    }
    for file in _files(conf):
        sections: dict[str, dict[str, list[str]]] = {}
        cfg.ConfigParser(str(file), sections).parse()
        for group, keys in sections.items():
            options = known.get(group.lower())
            if options is None:
                for near in difflib.get_close_matches(group.lower(), known, 1, _NEAR):
                    yield Finding(
                        f"[{group}]",
                        f"{file} has this group, which nothing reads",
                        f"Write [{near}]",
                    )
                continue
            for key in keys:
                if key not in options:
                    mend = f"Options: {', '.join(sorted(options))}"
                    for near in difflib.get_close_matches(key, options, 1):
                        mend = f"Write {near}"
                    yield Finding(
                        f"[{group}] {key}", f"{file} has it, but there is no such option", mend
                    )


def _files(conf: cfg.ConfigOpts) -> Iterator[Path]:
    yield from map(Path, conf.config_file or ())
    for folder in conf.config_dir or ():
        yield from sorted(Path(folder).glob("*.conf"))
