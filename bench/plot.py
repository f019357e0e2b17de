# SPDX-License-Identifier: Apache-2.0

"""Plots, drawn alike from the same figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

from bench import growth, soak

# Before pyplot is loaded: no display is needed, and what is drawn depends on
# the figures alone.
matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "glance_filters"
# Text as text: the shapes of letters would be most of the file.
matplotlib.rcParams["svg.fonttype"] = "none"
matplotlib.rcParams["font.size"] = 8

from matplotlib import pyplot  # noqa: E402

_KIB = 2**10


def draw_growth(curves: Sequence[growth.Curve], path: Path) -> None:
    """Draw time and memory of each curve, one below the other."""
    figure, axes = pyplot.subplots(
        len(curves), 2, figsize=(8, 2.1 * len(curves)), layout="constrained"
    )
    for curve, (time_axes, memory_axes) in zip(curves, axes):
        amounts = [point.amount for point in curve.points]
        time_axes.plot(
            amounts,
            [point.without * 1e3 for point in curve.points],
            *("o--",),
            label="without",
        )
        time_axes.plot(
            amounts,
            [point.with_it * 1e3 for point in curve.points],
            *("s-",),
            label="with the filter",
        )
        time_axes.set(ylabel="ms", yscale="log")
        time_axes.legend()
        memory_axes.plot(
            amounts,
            [point.peak / _KIB for point in curve.points],
            *("s-",),
            color="tab:green",
        )
        memory_axes.set(ylabel="peak KiB")
        if curve.should == "linear":
            memory_axes.set(yscale="log")
        else:
            memory_axes.set(ylim=(0, None))
        for each in (time_axes, memory_axes):
            each.set(title=curve.title, xlabel=curve.unit, xscale="log")
            each.grid(alpha=0.3)
    _save(figure, path)


def draw_bars(
    names: Sequence[str], values: Sequence[float], path: Path
) -> None:
    """Draw what each filter adds, in microseconds, on a logarithmic scale."""
    # Narrow, so that it can be read on a phone.
    figure, axes = pyplot.subplots(figsize=(4.8, 3.2), layout="constrained")
    bars = axes.barh(names, [value * 1e6 for value in values])
    axes.bar_label(bars, fmt="%.3g", padding=3)
    axes.set(xscale="log", xlabel="added to GET images, us")
    axes.margins(x=0.25)
    axes.invert_yaxis()
    _save(figure, path)


def draw_soak(samples: Sequence[soak.Sample], path: Path) -> None:
    """Draw what the workers needed over time, one below the other."""
    names = list(samples[0].needs)
    # Narrow, so that it can be read on a phone.
    figure, axes = pyplot.subplots(
        len(names), 1, figsize=(4.8, 5), layout="constrained", sharex=True
    )
    for name, each in zip(names, axes):
        each.plot(
            [sample.at / 60 for sample in samples],
            [sample.needs[name] for sample in samples],
        )
        each.set(ylabel=name, ylim=(0, None))
        each.grid(alpha=0.3)
    axes[-1].set(xlabel="minutes")
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)
