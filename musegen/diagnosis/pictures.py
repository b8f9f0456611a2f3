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
"""How many labels a legend above a picture has at most; a longer one stands beside it."""

TICKS = 16
"""How many named places of an axis have their name beside them at most."""


@dataclasses.dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        label: What the legend calls it.
        values: Its values.
        places: Where they are; None means at 1, 2, 3 ...
        style: As in matplotlib, such as `"o-"`.
        colour: Its colour; None means the next of `COLOURS`.
    """

    label: str
    values: Values
    places: Values | None = None
    style: str = ""
    colour: str | None = None


@dataclasses.dataclass(frozen=True)
class Panel:
    """The axes of some curves.

    Attributes:
        xlabel, ylabel: What the axes show.
        lines: The curves.
        level: A value that is dotted across the panel, and its label.
        band: Two values between which the panel is shaded.
        ticks: Names of the places 1, 2, 3 ...; none if these are numbers.
        doublings: Whether the x axis is logarithmic, to base 2.
        yscale: As in matplotlib, such as `"log"`.
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
    """Draws curves, one panel below the other.

    Args:
        *panels: The panels.
        beside: Lines of text on the right.

    Returns:
        The figure.
    """
    figure = _new_figure(8.5, 1 + 2.4 * len(panels))
    grid = figure.subplots(len(panels), 1 + bool(beside), squeeze=False)
    for axes, panel in zip(grid[:, 0], panels):
        for number, line in enumerate(panel.lines):
            values = np.array(line.values, float)  # None becomes nan, which is not drawn
            colour = line.colour or COLOURS[number % len(COLOURS)]
            style = line.style or ("-", "--", ":")[number // len(COLOURS) % 3]
            places = range(1, len(values) + 1) if line.places is None else line.places
            axes.plot(places, values, style, color=colour, linewidth=1.2, label=line.label)
        if panel.level is not None:
            axes.axhline(panel.level[0], color=GREY, linestyle=":", label=panel.level[1])
        if panel.band is not None:
            axes.axhspan(*panel.band, color=FAINT, alpha=0.5, zorder=0)
        axes.set(xlabel=panel.xlabel, ylabel=panel.ylabel, yscale=panel.yscale)
        if panel.doublings:
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_formatter("{x:,.0f}")
        if panel.ticks:
            every = math.ceil(len(panel.ticks) / TICKS)
            axes.set_xticks(range(1, len(panel.ticks) + 1, every), panel.ticks[::every])
        _finish(axes)
    if beside:
        grid[0, 1].set_axis_off()
        grid[0, 1].text(
            *(0, 1, "\n".join(beside)),
            va="top",
            family="monospace",
            fontsize=6.5,
            transform=grid[0, 1].transAxes,
            parse_math=False,
        )
    _add_legend(figure, grid[:, 0])
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
    """Draws horizontal bars, those of the first row on top.

    Args:
        rows: What each row is called.
        series: By its label, the length of one bar of each row.
        xlabel: What the bars show.
        notes: A text of each row at its first bar's end; none if there are no texts.
        colours: One of each series; of a single one, one of each row.
        band: Two values between which the picture is shaded.
        xscale: As in matplotlib, such as `"log"`.

    Returns:
        The figure.
    """
    figure = _new_figure(8, 1 + 0.22 * len(rows) * max(1.0, 0.7 * len(series)))
    axes = figure.subplots()
    height = 0.8 / len(series)
    for number, (label, values) in enumerate(series.items()):
        filled = [place for place, value in enumerate(values) if value is not None]
        lengths = [value for value in values if value is not None]
        colour: Any = colours[number]
        if len(series) == 1 and len(colours) == len(rows):
            colour = [colours[place] for place in filled]
        places = [place + height * (number - (len(series) - 1) / 2) for place in filled]
        axes.barh(places, lengths, 0.9 * height, color=colour, label=label)
    first = next(iter(series.values()))
    for place, note in enumerate(notes):
        end = first[place]
        where = axes.get_yaxis_transform() if end is None else axes.transData
        axes.text(end or 0, place, f" {note}", transform=where, va="center", fontsize=7)
    if band is not None:
        axes.axvspan(*band, color=FAINT, zorder=0)
        axes.axvline(0, color=INK, linewidth=0.8)
    axes.set(xlabel=xlabel, xscale=xscale, ylim=(len(rows) - 0.4, -0.6))
    axes.set_yticks(range(len(rows)), rows, fontsize=8, parse_math=False)
    _finish(axes, "x")
    if len(series) > 1:
        _add_legend(figure, [axes])
    return figure


def images(
    panels: Mapping[str, Any], xlabel: str, ylabel: str, values: str, colours: str = "viridis"
) -> Figure:
    """Draws arrays as images beside each other, on one scale.

    Args:
        panels: By its title, an array `(rows, columns)`, which may be masked.
        xlabel, ylabel: What columns and rows are.
        values: What the values are.
        colours: The name of a colour map of matplotlib.

    Returns:
        The figure.
    """
    figure = _new_figure(1 + 4 * len(panels), 4)
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    lowest = min(array.min() for array in panels.values())
    highest = max(array.max() for array in panels.values())
    for axes, (title, array) in zip(grid, panels.items()):
        options = {"vmin": lowest, "vmax": highest, "cmap": colours}
        image = axes.imshow(array, aspect="auto", interpolation="none", **options)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(xlabel)
    grid[0].set_ylabel(ylabel)
    figure.colorbar(image, ax=grid, label=values)
    return figure


def _new_figure(width: float, height: float) -> Figure:
    figure = new_figure(width, height)
    figure.set_layout_engine("constrained")
    return figure


def _finish(axes: Any, grid: Any = "both") -> None:
    axes.grid(axis=grid, color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _add_legend(figure: Figure, grid: Any) -> None:
    """Adds one legend for all panels, in which each label stands once."""
    found: dict[str, Any] = {}
    for axes in grid:
        handles, labels = axes.get_legend_handles_labels()
        found |= dict(zip(labels, handles))
    above = len(found) <= LABELS_ABOVE
    figure.legend(
        found.values(),
        found.keys(),
        loc="outside upper center" if above else "outside right upper",
        ncols=min(len(found), 4) if above else 1,
        frameon=False,
        fontsize=8 if above else 7,
    )
