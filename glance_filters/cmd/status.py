# SPDX-License-Identifier: Apache-2.0

"""``glance-filters-status upgrade check``, as other services have it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oslo_config import cfg

EXIT_CANNOT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    :param arguments: without the program's name; those of the process if
        None
    :returns: the exit status: 0 all is well, 1 warnings, 2 failures
    """
    try:
        return _main(list(sys.argv[1:] if arguments is None else arguments))
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"glance-filters-status: {error.name} is not installed: install "
            "glance-filters[operator]\n"
        )
        return EXIT_CANNOT


def _main(arguments: list[str]) -> int:
    from oslo_upgradecheck import upgradecheck

    from glance_filters.paste.check import glance_conf

    conf = glance_conf.UsualConf()

    def check_paste_file(_: upgradecheck.UpgradeCommands) -> Any:
        code, details = _check(conf)
        return upgradecheck.Result(upgradecheck.Code[code], details or None)

    class Checks(upgradecheck.UpgradeCommands):
        _upgrade_checks = (("Paste file", check_paste_file),)

    try:
        return int(upgradecheck.main(conf, "glance", Checks(), arguments))
    except glance_conf.CannotRead as error:
        sys.stderr.write(f"glance-filters-status: {error}\n")
        return EXIT_CANNOT


def _check(conf: cfg.ConfigOpts) -> tuple[str, str]:
    """Check the paste file that a configuration names.

    :param conf: the configuration of Glance, read
    :returns: the name of a code of oslo.upgradecheck, and details
    """
    from glance_filters.paste import check, file

    name = conf.paste_deploy.config_file or "glance-api-paste.ini"
    path = conf.find_file(name)
    if path is None:
        return "FAILURE", f"there is no {name}"
    try:
        findings = check.check(file.PasteFile.read(Path(path)), conf)
    except (OSError, file.CannotHandle) as error:
        return "FAILURE", f"{path}: {error}"
    is_good = all(finding.is_harmless for finding in findings)
    return "SUCCESS" if is_good else "WARNING", " ".join(map(str, findings))


if __name__ == "__main__":
    sys.exit(main())
