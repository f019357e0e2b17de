# SPDX-License-Identifier: Apache-2.0

"""How figures are written: three digits, and a unit that suits them."""

from __future__ import annotations

_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))
_BYTES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))


def digits(value: float) -> str:
    """Return a number rounded to three digits, never with an exponent."""
    size = abs(value)
    if size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}"


def duration(seconds: float) -> str:
    """Return a time in the largest unit of which it is at least one."""
    for unit, name in _SECONDS:
        if abs(seconds) >= unit:
            return f"{digits(seconds / unit)} {name}"
    return f"{seconds * 1e9:.0f} ns"


def size(count: float) -> str:
    """Return a number of bytes in the largest unit of which it is one."""
    for unit, name in _BYTES:
        if abs(count) >= unit:
            number = count / unit
            text = f"{number:.0f}" if number == int(number) else digits(number)
            return f"{text} {name}"
    return f"{count:.0f} B"
