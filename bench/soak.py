# SPDX-License-Identifier: Apache-2.0

"""Mixed traffic to real Glance with all filters: what grows, and what fails.

Run with ``python -m bench.soak --seconds 900``. It fails if memory, open
files or threads have grown beyond what the first part of the time needed, if
locks are left, or if a response above 499 is not explained by the log.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import re
import statistics
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import fixtures

from bench import apps, traffic
from glance_filters.tests.fixtures import (
    glance_config,
    glance_folder,
    http_data,
    lock_databases,
    real_glance,
)

_DOCS = Path(__file__).resolve().parent.parent / "doc" / "source"
_WORKERS = 2
_CLIENTS = 8
_SAMPLE_SECONDS = 2.0
# How long the service is left alone before it is looked at for the last time.
_QUIET_SECONDS = 10.0

# Which growth is none: what the allocator and pools of threads still take.
_SLACK = {"MiB": 1.08, "files": 1.25, "threads": 1.25}

# Why Glance itself answers with a status above 499, by what it logs then.
_EXPLAINED = {
    "SQLite is locked": "database is locked",
    "another request changed the row": "StaleDataError",
    "another request has deleted it": "ImageNotFound",
    "its data was deleted meanwhile": "NotFound: Image",
}
_SHORT = "the data was shorter than Glance says"


@dataclass(frozen=True)
class Sample:
    """What all workers need at one time.

    :ivar at: in seconds since the start
    """

    at: float
    needs: dict[str, float]


class Sampler(threading.Thread):
    """Looks at the workers every few seconds.

    :param glance: the server
    :ivar samples: what was seen
    """

    def __init__(self, glance: real_glance.GlanceServer) -> None:
        super().__init__(daemon=True)
        self._glance = glance
        self._start = time.monotonic()
        self._ended = threading.Event()
        self.samples: list[Sample] = []

    def run(self) -> None:
        """Look, until :meth:`end`."""
        while not self._ended.wait(_SAMPLE_SECONDS):
            self.samples.append(self.look())

    def end(self) -> None:
        """Look no more."""
        self._ended.set()
        self.join()

    def look(self) -> Sample:
        """Look once."""
        needs = dict.fromkeys(_SLACK, 0.0)
        for pid in set(
            re.findall(r"worker with pid: (\d+)", self._glance.log)
        ):
            folder = Path("/proc", pid)
            pages = int((folder / "statm").read_text().split()[1])
            needs["MiB"] += pages * os.sysconf("SC_PAGE_SIZE") / 2**20
            needs["files"] += len(os.listdir(folder / "fd"))
            needs["threads"] += len(os.listdir(folder / "task"))
        return Sample(time.monotonic() - self._start, needs)


def grown(samples: Sequence[Sample]) -> list[str]:
    """Return what has grown, from the second fifth of the time to the last."""
    fifth = len(samples) // 5
    found = []
    for name, slack in _SLACK.items():
        early, late = (
            statistics.median(each.needs[name] for each in part)
            for part in (samples[fifth : 2 * fifth], samples[-fifth:])
        )
        if late > early * slack:
            found.append(f"{name}: {early:.0f}, later {late:.0f}")
    return found


def explain(failures: Iterable[traffic.Failure], log: str) -> dict[str, int]:
    """Count the failures by their reasons.

    :returns: by the text of the reason; what begins with ``?`` is not known
    """
    lines: dict[str, list[str]] = collections.defaultdict(list)
    for line in log.splitlines():
        for request_id in re.findall(r"req-[0-9a-f-]{36}", line):
            lines[request_id].append(line)
    counts: collections.Counter[str] = collections.Counter()
    # A location may lead to less than what was uploaded: the filter breaks
    # the download off, and the server has no response with an id.
    short = len(re.findall(r"bodies\.WrongLength: ", log))
    for failure in failures:
        if failure.request_id is None and counts[_SHORT] < short:
            counts[_SHORT] += 1
            continue
        text = "\n".join(lines.get(failure.request_id or "", ()))
        reason = next(
            (name for name, words in _EXPLAINED.items() if words in text),
            f"? {failure.action} {failure.status} {failure.request_id}",
        )
        counts[reason] += 1
    return dict(counts)


def _tracebacks(log: str) -> str:
    """Return the last tracebacks of requests that the server answered."""
    found = re.findall(r"Error handling request(?s:.*?)\n(?=\[|\d{4}-)", log)
    return "\n".join(found[-5:])


def _database(stack: contextlib.ExitStack) -> dict[str, dict[str, str]]:
    """Return the configuration of MariaDB, or of SQLite if there is none.

    SQLite refuses one of two that write at the same time.
    """
    missing = lock_databases.MariaDbServer.missing()
    if missing is not None:
        print(f"{missing}: with SQLite, many requests fail")
        return {}
    database = stack.enter_context(lock_databases.MariaDbServer())
    conf = {"database": {"connection": database.url()}}
    root = stack.enter_context(fixtures.TempDir()).path
    folder = glance_folder.GlanceFolder(Path(root))
    folder.write(glance_config.paste_ini(), conf)
    folder.manage("db", "sync")
    return conf


def main() -> int:
    """Print what happened; return the exit status."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument(
        "--write", action="store_true", help="the plot of the documentation"
    )
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        web = http_data.HttpDataServer(traffic.WEB_FILES)
        stack.enter_context(web)
        glance = stack.enter_context(
            real_glance.GlanceServer(
                tuple(apps.FILTERS),
                workers=_WORKERS,
                is_validated=False,
                conf=_database(stack),
            )
        )
        sampler = Sampler(glance)
        users = traffic.Traffic(glance, web, _CLIENTS, arguments.seconds)
        sampler.start()
        users.start()
        users.join()
        sampler.end()
        time.sleep(_QUIET_SECONDS)
        last = sampler.look()
        locked = users.locked_images()
        reasons = explain(users.failures, glance.log)
        unknown = [each for each in reasons if each.startswith("?")]
        if unknown:
            print(_tracebacks(glance.log))
    for (action, status), count in sorted(users.counts.items()):
        print(f"{count:8d}  {status:3d}  {action}")
    found = grown(sampler.samples)
    print(f"{users.counts.total()} requests; at the end: {last.needs}")
    print(f"images that are still locked: {locked or 'none'}")
    for reason, count in reasons.items():
        print(f"{count} failed: {reason}")
    for each in found:
        print(f"GROWN: {each}")
    if arguments.write:
        from bench import plot, report, table

        plot.draw_soak(sampler.samples, _DOCS / "soak.svg")
        rows = [
            ("Time", f"{arguments.seconds / 60:.0f} min"),
            ("Requests", str(users.counts.total())),
            ("Grown", "; ".join(found) or "nothing"),
            ("Images that are still locked", str(len(locked))),
            *((f"Failed: {reason}", str(n)) for reason, n in reasons.items()),
        ]
        text = table.as_rst(("What", "Seen"), rows)
        (_DOCS / "soak-table.inc").write_text(
            f".. Made by make soak; do not edit.\n\n{text}\n\n"
            f"{report.conditions()}\n"
        )
    return 1 if found or unknown or locked else 0


if __name__ == "__main__":
    sys.exit(main())
