# SPDX-License-Identifier: Apache-2.0

"""Pipelines of real Glance in this process, and what a request costs there."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import measure
from glance_filters.tests.fixtures import (
    auth,
    counting,
    http_client,
    real_glance,
)


def cpu(call: Callable[[], object]) -> measure.Turn:
    """Return a turn of one call, whose processor time is taken."""
    return prepared_cpu(lambda: call)


def prepared_cpu(prepare: Callable[[], Callable[[], object]]) -> measure.Turn:
    """Return a turn of one call, which is made ready before the clock runs."""

    def turn() -> float:
        call = prepare()
        gc.disable()
        try:
            started = time.process_time()
            call()
            return time.process_time() - started
        finally:
            gc.enable()

    return turn


@dataclass(frozen=True)
class Counted:
    """What one request was to Glance.

    :ivar calls: the calls of Glance
    :ivar statements: the SQL statements
    :ivar bytes_read: the bytes of image data that Glance gave out
    """

    calls: int
    statements: int
    bytes_read: int


def count(call: Callable[[], object]) -> Counted:
    """Count what one request to a :class:`Side` is to Glance."""
    counting.COUNTS.reset()
    with counting.counted_sql() as statements:
        call()
    counts = counting.COUNTS
    return Counted(len(counts.asked), len(statements), counts.bytes_read)


class Side(http_client.Client):
    """A pipeline of real Glance, and a client of it that costs little.

    Of its responses, the body is not kept.

    :param glance: the Glance
    :param filters: what stands in the pipeline
    :param options: the filters' options, by their names
    """

    def __init__(
        self,
        glance: real_glance.RealGlance,
        filters: Sequence[str] = (),
        options: Mapping[str, Mapping[str, str]] | None = None,
        token: str = auth.MEMBER,
    ) -> None:
        super().__init__(token)
        self._app = glance.app(
            (*filters, "counting"), {**counting.OPTIONS, **(options or {})}
        )

    def _send(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> http_client.Response:
        environ = http_client.make_environ(method, path, headers, body)
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, fields: list[tuple[str, str]], *exc_info: object
        ) -> Callable[[bytes], object]:
            started.append((status, fields))
            return lambda data: None

        chunks = self._app(environ, start_response)
        try:
            # Read and dropped: it may be 256 MiB.
            for _ in chunks:
                pass
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        status, fields = started[-1]
        return http_client.Response(int(status[:3]), fields, b"")
