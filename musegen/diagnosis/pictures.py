"""The pictures of findings: bars, curves and images, laid out by matplotlib.

A finding holds one as a `functools.partial`, so that nothing is drawn before it is looked at.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from musegen.plots._figure import COLOURS, FAINT, GREY, INK, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

Values: TypeAlias = "Sequence[float | None] | NDArray[np.float64]"
"""Numbers; None or nan where there is nothing to draw."""

LABELS_ABOVE = 8
"""How many labels a legend above a picture has at most; a longer one is beside it."""

TICKS = 16
"""How many places of an axis are named at most."""


@dataclasses.dataclass(frozen=True)
class Line:
    """One curve: its label, its values, at 1, 2, 3 ... or other places, and how it is drawn."""

    label: str
    values: Values
    places: Values | None = None
    style: str = ""
    colour: str | None = None


@dataclasses.dataclass(frozen=True)
class Panel:
    """Some curves on the same axes, the x axis being logarithmic to base 2 if it has doublings.

    A level is a value that is dotted across the panel, and its label; between the values of a band
    it is shaded. Ticks are names of the places 1, 2, 3 ..., if these are not numbers.
    """

    xlabel: str
    ylabel: str
    lines: Sequence[Line]
    level: tuple[float, str] | None = None
    band: tuple[float, float] | None = None
    ticks: Sequence[str] = ()
    doublings: bool = False
    yscale: str = "linear"


def curves(*panels: Panel, beside: Sequence[str] = ()) -> Figure:
    """Draws panels of curves, one below the other, and lines of text beside them."""
    figure = _figure(8.5, 1 + 2.4 * len(panels))
    grid = figure.subplots(len(panels), 1 + bool(beside), squeeze=False)
    for axes, panel in zip(grid[:, 0], panels):
        for number, line in enumerate(panel.lines):
            values = np.array(line.values, float)  # None becomes nan, which is not drawn
            axes.plot(
                range(1, len(values) + 1) if line.places is None else line.places,
                values,
                line.style or ("-", "--", ":")[number // len(COLOURS) % 3],
                color=line.colour or COLOURS[number % len(COLOURS)],
                linewidth=1.2,
                label=line.label,
            )
        if panel.level is not None:
            axes.axhline(panel.level[0], color=GREY, linestyle=":", label=panel.level[1])
        if panel.band is not None:
            axes.axhspan(*panel.band, color=FAINT, alpha=0.5, zorder=0)
        axes.set(xlabel=panel.xlabel, ylabel=panel.ylabel, yscale=panel.yscale)
        if all(line.places is None for line in panel.lines):
            axes.locator_params(axis="x", integer=True)
        if panel.doublings:
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_formatter("{x:,.0f}")
        if panel.ticks:
            every = math.ceil(len(panel.ticks) / TICKS)
            axes.set_xticks(range(1, len(panel.ticks) + 1, every), panel.ticks[::every])
    if beside:
        text = "\n".join(beside)
        style = {"va": "top", "family": "monospace", "fontsize": 6.5, "parse_math": False}
        grid[0, 1].text(0, 1, text, transform=grid[0, 1].transAxes, **style)
        grid[0, 1].set_axis_off()
    _finish(figure, grid[:, 0])
    return figure


def bars(
    rows: Sequence[str],
    series: Mapping[str, Values],
    xlabel: str,
    notes: Sequence[str] = (),
    colours: Sequence[str] = COLOURS,
    band: tuple[float, float] | None = None,
    xscale: str = "linear",
) -> Figure:
    """Draws horizontal bars, those of the first row on top; a series has one of each row.

    Notes stand at the ends of the first series' bars. Colours are those of the series, or of the
    rows if there is one series. Between the values of a band the picture is shaded.
    """
    figure = _figure(8, 1 + 0.22 * len(rows) * max(1.0, 0.7 * len(series)))
    axes = figure.subplots()
    height = 0.8 / len(series)
    for number, (label, values) in enumerate(series.items()):
        for row, value in enumerate(values):
            if value is not None:
                place = row + height * (number - (len(series) - 1) / 2)
                by_row = len(series) == 1 and len(colours) == len(rows)
                colour = colours[row if by_row else number]
                axes.barh(place, value, 0.9 * height, color=colour, label=label)
    for row, (note, end) in enumerate(zip(notes, next(iter(series.values())))):
        where = axes.get_yaxis_transform() if end is None else axes.transData
        axes.text(end or 0, row, f" {note}", transform=where, va="center", fontsize=7)
    if band is not None:
        axes.axvspan(*band, color=FAINT, zorder=0)
        axes.axvline(0, color=INK, linewidth=0.8)
    axes.set(xlabel=xlabel, xscale=xscale, ylim=(len(rows) - 0.4, -0.6))
    axes.set_yticks(range(len(rows)), rows, fontsize=8, parse_math=False)
    _finish(figure, [axes])
    return figure


def images(panels: Mapping[str, NDArray[Any]], xlabel: str, ylabel: str, values: str) -> Figure:
    """Draws masked arrays `(rows, columns)`, by their titles, beside each other on one scale."""
    figure = _figure(1 + 4 * len(panels), 4)
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    joined = np.ma.concatenate([*panels.values()])
    for axes, (title, array) in zip(grid, panels.items()):
        image = axes.imshow(array, aspect="auto", vmin=joined.min(), vmax=joined.max())
        axes.set_title(title, fontsize=10)
        axes.set(xlabel=xlabel)
    grid[0].set(ylabel=ylabel)
    figure.colorbar(image, ax=grid, label=values)
    return figure


def _figure(width: float, height: float) -> Figure:
    figure = new_figure(width, height)
    figure.set_layout_engine("constrained")
    return figure


def _finish(figure: Figure, grid: Any) -> None:
    """Adds grids, and one legend for all panels, in which each label is once."""
    found: dict[str, Any] = {}
    for axes in grid:
        axes.grid(color=FAINT, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        handles, labels = axes.get_legend_handles_labels()
        found |= dict(zip(labels, handles))
    above = len(found) <= LABELS_ABOVE
    figure.legend(
        found.values(),
        found.keys(),
        loc="outside upper center" if above else "outside right upper",
        ncols=max(min(len(found), 4), 1) if above else 1,
        frameon=False,
        fontsize=8 if above else 7,
    )
