# SPDX-License-Identifier: Apache-2.0

"""The load generator wrk, and what it tells."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

WRK = shutil.which("wrk")

_RATE = re.compile(r"^Requests/sec:\s+([0-9.]+)$", re.MULTILINE)
_P99 = re.compile(r"^\s+99%\s+([0-9.]+)(us|ms|s)$", re.MULTILINE)
_ERRORS = re.compile(r"^\s+(Socket errors|Non-2xx).*$", re.MULTILINE)
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class Load:
    """What a server did under load.

    :ivar rate: requests per second
    :ivar p99: the time that 99 % of the requests took at most, in seconds
    """

    rate: float
    p99: float


def read(text: str) -> Load:
    """Read what ``wrk --latency`` prints.

    :raises ValueError: if requests failed, or the figures are not there
    """
    failed = _ERRORS.search(text)
    if failed:
        raise ValueError(failed[0].strip())
    rate, p99 = _RATE.search(text), _P99.search(text)
    if rate is None or p99 is None:
        raise ValueError(f"not the words of wrk: {text!r}")
    return Load(float(rate[1]), float(p99[1]) * _UNITS[p99[2]])


def run(
    url: str, headers: Mapping[str, str], seconds: int, connections: int
) -> Load:
    """Put load on a server of this host, by one thread.

    :param headers: the header fields of each request
    :param seconds: for how long
    :param connections: how many requests there are at a time
    """
    assert WRK is not None
    fields = [f"--header={name}: {text}" for name, text in headers.items()]
    done = subprocess.run(
        [
            *(WRK, "--latency", "--threads=1"),
            *(f"--connections={connections}", f"--duration={seconds}s"),
            *fields,
            url,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return read(done.stdout)
