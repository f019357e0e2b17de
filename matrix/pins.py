# SPDX-License-Identifier: Apache-2.0

"""Making the files in ``pins`` anew, with uv."""

from __future__ import annotations

import subprocess
from pathlib import Path

from matrix import releases

# What the tests need beside Glance: its own tests,
_OF_ITS_TIME = (
    *(
        "ddt",
        "extras",
        "fixtures",
        "os-brick",
        "oslotest",
        "psutil",
        "requests",
    ),
    *("python-cinderclient", "testresources", "testscenarios"),
    *("tooz", "xattr", "oslo.upgradecheck"),
)
# and those of this project, which use what is newer than the older releases.
_OF_TODAY = (
    *("gunicorn", "hypothesis", "python-glanceclient"),
    *("python-subunit", "pyuwsgi", "statsd", "stestr", "testtools"),
)
# The day of these, and of Glance itself, whose last release of a series is
# younger than the libraries. In ISO form.
_TODAY = "2026-11-01"


def make(release: releases.Release) -> None:
    """Write the file of a release.

    :raises subprocess.CalledProcessError: if there is no such set
    """
    command = [
        *("uv", "pip", "compile", "--quiet", "--upgrade"),
        *("--no-header", "--no-annotate"),
        *("--python-version", release.pythons[0]),
        *("--exclude-newer", release.day),
    ]
    for name in ("glance", *_OF_TODAY):
        command += ["--exclude-newer-package", f"{name}={_TODAY}"]
    wanted = [
        f"glance=={release.version}",
        *release.limits,
        *_OF_ITS_TIME,
        *_OF_TODAY,
    ]
    done = subprocess.run(
        [*command, "-"],
        input="\n".join(wanted),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    _write(release, done.stdout)


def _write(release: releases.Release, pins: str) -> None:
    about = (
        f"# Glance {release.version} ({release.series}) with the libraries of "
        f"{release.day}, for Python\n"
        f"# {release.pythons[0]}, and what the tests need. Made anew by:\n"
        f"#   make pins RELEASES={release.version}\n"
    )
    path: Path = release.pins
    path.write_text(about + pins)
