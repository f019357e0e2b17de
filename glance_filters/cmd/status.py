# SPDX-License-Identifier: Apache-2.0

"""``glance-filters-status upgrade check``, as other services have it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from glance_filters.cmd import check_paste
from glance_filters.paste import check, pipelines

_PASTE_OPT = cfg.StrOpt("config_file", default="glance-api-paste.ini")


class Checks(upgradecheck.UpgradeCommands):
    """The checks.

    :param conf: the configuration of Glance, once it is read
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf

    def _check_paste_file(self) -> upgradecheck.Result:
        name = self._conf.paste_deploy.config_file
        path = self._conf.find_file(name)
        if path is None:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE, f"there is no {name}"
            )
        try:
            with Path(path).open(newline="", encoding="utf-8") as text:
                file = pipelines.PasteFile(text.read())
        except (
            OSError,
            UnicodeDecodeError,
            pipelines.CannotHandle,
        ) as error:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE, f"{path}: {error}"
            )
        findings = list(check.check(file, self._conf))
        code = upgradecheck.Code.SUCCESS
        if not all(finding.is_harmless for finding in findings):
            code = upgradecheck.Code.WARNING
        details = " ".join(map(str, findings))
        return upgradecheck.Result(code, details or None)

    _upgrade_checks = (("Paste file", _check_paste_file),)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    :param arguments: without the program's name; those of the process if
        None
    :returns: the exit status: 0 all is well, 1 warnings, 2 failures
    """
    conf = cfg.ConfigOpts()
    check_paste.register_glance_opts(conf)
    conf.register_opt(_PASTE_OPT, "paste_deploy")
    files = cfg.find_config_files(project="glance", prog="glance-api")
    return int(
        upgradecheck.main(
            conf,
            "glance",
            Checks(conf),
            list(sys.argv[1:] if arguments is None else arguments),
            files,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
