# SPDX-License-Identifier: Apache-2.0

"""Ranges as other libraries answer them, of the same bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import webob
import webob.static
import werkzeug
import whitenoise

from bench import apps, cores, effort, figures, measure, table

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_MIB = 2**20
_LENGTH = cores.BLOCK
_TYPE = "application/octet-stream"

# Makes a body of the whole image.
_Body = Callable[[], Iterable[bytes]]


def with_webob(body: _Body, size: int) -> WSGIApplication:
    """Return webob's response to ranges, over a core's iterable."""

    def app(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        response = webob.Response(
            content_type=_TYPE, app_iter=body(), conditional_response=True
        )
        response.content_length = size
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    return app


def with_werkzeug(body: _Body, size: int) -> WSGIApplication:
    """Return werkzeug's response to ranges, over a core's iterable."""

    def app(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        response = werkzeug.Response(
            body(), content_type=_TYPE, direct_passthrough=True
        )
        response.content_length = size
        response.make_conditional(
            environ, accept_ranges=True, complete_length=size
        )
        return response(environ, start_response)

    return app


def _sides(
    path: Path, size: int
) -> tuple[dict[str, tuple[Any, str]], dict[str, tuple[Any, str]]]:
    """Return who cuts, and who reads at a place: the application, its path.

    In each, the first is what the others are compared with.
    """
    whole = cores.Core(size, is_native=False, path=path)
    native = cores.Core(size, is_native=True, path=path)
    file = f"{apps.IMAGE}/file"

    def body() -> Iterable[bytes]:
        return whole(apps.environ_of("GET", file), apps.ignore)

    cutting = {
        "webob, conditional_response": (with_webob(body, size), file),
        "werkzeug, make_conditional": (with_werkzeug(body, size), file),
        "range_translator": (apps.filtered("range_translator", whole), file),
    }
    seeking = {
        "whitenoise": (
            whitenoise.WhiteNoise(apps.bare, root=str(path.parent)),
            f"/{path.name}",
        ),
        "webob, FileApp": (webob.static.FileApp(str(path)), file),
        "range_translator": (apps.filtered("range_translator", native), file),
    }
    return cutting, seeking


def _add_rows(
    rows: list[list[str]],
    how: str,
    sides: dict[str, tuple[Any, str]],
    places: dict[str, int],
    rounds: int,
) -> None:
    """Measure, and add a row for each side."""
    base = next(iter(sides))
    found: dict[str, list[str]] = {name: [] for name in sides}
    for start in places.values():
        text = f"bytes={start}-{start + _LENGTH - 1}"
        turns = {}
        for name, (app, path) in sides.items():
            environ = apps.environ_of("GET", path, Range=text)
            if apps.send(app, environ) != _LENGTH:
                raise RuntimeError(f"{name} did not give the range")
            turns[name] = measure.timed(partial(apps.send, app, environ))
        taken = measure.in_turns(turns, rounds)
        for name in turns:
            pair = measure.pair(taken[base], taken[name])
            found[name].append(
                f"{figures.duration(pair.side)} ({figures.digits(pair.ratio)})"
            )
    rows += [[f"{name}, {how}", *cells] for name, cells in found.items()]


def sections(how: effort.Effort) -> list[table.Section]:
    """Measure."""
    size = how.of(64, 8) * _MIB
    rounds = how.of(60, 3)
    places = {
        "at the beginning": 0,
        "in the middle": size // 2,
        "at the end": size - _LENGTH,
    }
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = cores.file_of(folder, size)
        cutting, seeking = _sides(path, size)
        _add_rows(rows, "cutting", cutting, places, rounds)
        _add_rows(rows, "seeking", seeking, places, rounds)
    return [
        table.Section(
            "Ranges: beside other libraries",
            f"64 KiB of a file of {figures.size(size)}. Cutting: all there "
            "is is an iterable of the whole. Seeking: the file can be read at "
            "a place; for range_translator the stand-in does that. In "
            "brackets: as a multiple of the first of each kind. None of the "
            "others answers several ranges by parts.",
            ("", *places),
            rows,
        )
    ]
