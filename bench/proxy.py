# SPDX-License-Identifier: Apache-2.0

"""The proxy beside Glance directly, and beside nginx in front of it."""

from __future__ import annotations

import contextlib
import shutil
import statistics
import threading
from pathlib import Path

from bench import effort, figures, goals, load, table
from glance_filters.tests.fixtures import (
    auth,
    front_servers,
    proxy_server,
    real_glance,
)

_MIB = 2**20


class _Memory:
    """The most that the processes of a server hold, looked at now and then.

    :param pid: the master process
    :ivar peak: in bytes
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._is_over = threading.Event()
        self.peak = 0

    def _look(self) -> int:
        """Return what master and workers hold together, in bytes."""
        path = Path(f"/proc/{self._pid}/task/{self._pid}/children")
        pids = [self._pid, *map(int, path.read_text().split())]
        total = 0
        for pid in pids:
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
        return total

    def __enter__(self) -> _Memory:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self._is_over.wait(0.2):
            self.peak = max(self.peak, self._look())

    def __exit__(self, *args: object) -> None:
        self._is_over.set()
        self._thread.join()


def sections(how: effort.Effort) -> list[table.Section]:
    """Measure, nginx too if it is there."""
    workers = 2
    rounds = how.of(5, 1)
    seconds = how.of(12.0, 1.0)
    clients = [how.of(100, 10), how.of(10, 2), how.of(64, 4) * _MIB]
    with contextlib.ExitStack() as stack:
        glance = stack.enter_context(
            real_glance.GlanceServer(workers=workers, threads=64)
        )
        proxied = stack.enter_context(
            proxy_server.ProxyServer(glance.url, f"--workers={workers}")
        )
        ports = {"Glance directly": glance.port}
        if shutil.which("nginx") is not None:
            front = front_servers.FrontServer("nginx-http", glance.port)
            ports["through nginx"] = stack.enter_context(front).port
        ports["through the proxy"] = proxied.port
        image_id = glance.client().create_image(bytes(how.of(256, 8) * _MIB))
        loads: dict[str, list[load.Load]] = {name: [] for name in ports}
        peaks = []
        for number in range(rounds):
            names = list(ports)
            for name in reversed(names) if number % 2 else names:
                with _Memory(proxied.process.pid) as memory:
                    loads[name].append(
                        load.run(
                            ports[name],
                            auth.MEMBER,
                            image_id,
                            seconds,
                            clients,
                        )
                    )
                if name == "through the proxy":
                    peaks.append(memory.peak)
    rows, ratios = [], {}
    for name, taken in loads.items():
        down = [each.downloaded / each.seconds for each in taken]
        up = [each.uploaded / each.seconds for each in taken]
        total = [a + b for a, b in zip(down, up)]
        direct = [
            (each.downloaded + each.uploaded) / each.seconds
            for each in loads["Glance directly"]
        ]
        ratios[name] = statistics.median(a / b for a, b in zip(total, direct))
        rows.append(
            [
                name,
                f"{figures.size(statistics.median(down))}/s",
                f"{figures.size(statistics.median(up))}/s",
                figures.digits(ratios[name]),
                str(sum(each.refused for each in taken)),
                str(sum(each.failed for each in taken)),
            ]
        )
    failed = sum(each.failed for each in loads["through the proxy"])
    beside_nginx = []
    if "through nginx" in ratios:
        goal = goals.Goal(
            "Throughput through the proxy, of that through nginx",
            0.9,
            ratios["through the proxy"] / ratios["through nginx"],
            at_most=False,
        )
        beside_nginx.append(goal)
    return [
        table.Section(
            "The proxy under load",
            f"Real Glance on gunicorn; {clients[0]} clients download an image "
            f"and {clients[1]} upload images of {figures.size(clients[2])}, "
            f"at once, in {rounds} turns of {seconds:.0f} s. Clients, proxy "
            "and Glance share the processors. The proxy has all filters. At "
            f"most it held {figures.size(peaks[0])} in the first turn, and "
            f"{figures.size(peaks[-1])} in the last. The database of Glance "
            "is SQLite, which refuses some of many writes at once.",
            ("", "downloads", "uploads", "ratio", "500 by Glance", "failed"),
            rows,
            [
                goals.Goal(
                    "Throughput through the proxy, of Glance directly",
                    0.9,
                    ratios["through the proxy"],
                    at_most=False,
                ),
                *beside_nginx,
                goals.Goal("Requests that failed in the proxy", 0, failed),
                goals.Goal(
                    "Memory of the proxy, the last turn of the first",
                    1.1,
                    peaks[-1] / peaks[0],
                ),
            ],
        )
    ]
