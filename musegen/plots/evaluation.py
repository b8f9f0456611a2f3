"""The picture of an evaluation: a line for each figure, with what is real, shuffled and measured.

Each line has a scale of its own, from the least of its values to the greatest, so that what is seen
is where the subject lies: at the real music, at the shuffled, or beyond. Beside it stand the values
themselves. A figure that real and shuffled music share tells nothing; their marks coincide.
"""

from __future__ import annotations

import os
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from musegen._checks import checked_kind
from musegen.evaluation.result import Evaluation, Figure
from musegen.plots._figure import COLOURS, FAINT, GREY, INK, check_picture_path, new_figure, saved

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

ROW, LABEL, STRIP, VALUE, MARGIN = 0.19, 3.3, 1.7, 0.62, 0.3
"""In inches: a line's height, widths of its name, scale and values, and the page's margin."""

MANY = 40
"""More lines than these stand in two columns."""

MARKS: dict[str, dict[str, Any]] = {
    "subject": {"marker": "D", "s": 22, "color": COLOURS[0], "zorder": 4},
    "real": {"marker": "o", "s": 52, "facecolor": "none", "edgecolor": INK, "linewidth": 1.2},
    "shuffled": {"marker": "x", "s": 42, "color": GREY, "linewidth": 1.2},
}
INKS = {"subject": COLOURS[0], "real": INK, "shuffled": GREY}


def plot_evaluation(evaluation: Evaluation, path: str | os.PathLike[str] | None = None) -> Picture:
    """Draws an evaluation: every figure as a line of its own scale with its three values.

    Args:
        evaluation: What `musegen.evaluate` gives.
        path: Where to save the picture; its suffix chooses the format, such as `.png` or `.svg`.
            None saves nothing.

    Returns:
        The picture, of one axes, or of two where there are many figures.

    Raises:
        ValueError: If `evaluation` is something else, or the suffix is not one of a picture.
        OSError: If the file can't be written.
    """
    check_picture_path(path)
    checked_kind("evaluation", evaluation, Evaluation, "what `musegen.evaluate` gives")
    columns = _columns(evaluation)
    rows = max(map(len, columns))
    wide = LABEL + STRIP + 3 * VALUE
    width = len(columns) * wide + (len(columns) + 1) * MARGIN
    height = 3.5 * MARGIN + rows * ROW
    figure = new_figure(width, height)
    figure.text(
        MARGIN / width,
        1 - 0.6 * MARGIN / height,
        evaluation.title,
        va="top",
        weight="bold",
        color=INK,
    )
    names = {"subject": evaluation.heading, "real": "real", "shuffled": "shuffled"}
    for number, column in enumerate(columns):
        left = MARGIN + number * (wide + MARGIN) + LABEL
        axes = figure.add_axes(
            (
                left / width,
                (height - 2.5 * MARGIN - len(column) * ROW) / height,
                STRIP / width,
                len(column) * ROW / height,
            )
        )
        axes.set(xlim=(-0.08, 1.08), ylim=(len(column) - 0.5, -0.5), xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.patch.set_visible(False)
        _draw(axes, column)
    _add_legend(figure, names)
    return saved(figure, path)


def _columns(evaluation: Evaluation) -> list[list[Figure | str]]:
    """The lines of each column: figures, and above each part its name."""
    parts: dict[str, list[Figure | str]] = {}
    for one in evaluation.figures:
        parts.setdefault(one.part, ["", one.part]).append(one)
    blocks = list(parts.values())
    cuts = range(1, len(blocks))
    if len(evaluation) <= MANY or not cuts:
        return [[*chain(*blocks)]]
    heights = np.cumsum([0, *map(len, blocks)])
    cut = min(cuts, key=lambda n: max(heights[n], heights[-1] - heights[n]))
    return [[*chain(*blocks[:cut])], [*chain(*blocks[cut:])]]


def _at(inches: float) -> float:
    """A place so far right of the scale's left end, in the units of its axes."""
    return -0.08 + 1.16 * inches / STRIP


def _draw(axes: Axes, lines: list[Figure | str]) -> None:
    """Draws the lines of a column."""
    rows = [row for row, one in enumerate(lines) if isinstance(one, Figure)]
    figures = [one for one in lines if isinstance(one, Figure)]
    axes.hlines(rows, 0, 1, color=FAINT, linewidth=1, zorder=1)
    for row, one in enumerate(lines):
        if not isinstance(one, Figure):
            axes.text(_at(-LABEL), row, one, va="center", weight="bold", color=INK)
            continue
        axes.text(_at(0.12 - LABEL), row, one.label, va="center", fontsize=8, color=INK)
        for number, (name, text) in enumerate(zip(MARKS, one.texts()), 1):
            place = _at(STRIP + number * VALUE)
            axes.text(place, row, text, va="center", ha="right", fontsize=8, color=INKS[name])
    places = np.array([_places(one) for one in figures]).T
    for name, across in zip(MARKS, places):
        known = np.isfinite(across)
        axes.scatter(across[known], np.array(rows)[known], **MARKS[name])


def _places(one: Figure) -> NDArray[np.float64]:
    """Where the three values are on the figure's scale, 0 to 1; nan for one that is none."""
    values = np.array(one.values)
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    places = (values - low) / (high - low) if high > low else np.full(3, 0.5)
    return np.where(np.isfinite(values), places, np.nan)


def _add_legend(figure: Picture, names: dict[str, str]) -> None:
    """Says what the marks are, once for all."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", marker="D", markersize=4.7, color=COLOURS[0]),
        Line2D([], [], linestyle="", marker="o", markersize=7, color="none", markeredgecolor=INK),
        Line2D([], [], linestyle="", marker="x", markersize=5, color=GREY),
    ]
    wide, high = figure.get_size_inches()
    figure.text(
        1 - MARGIN / wide,
        1 - 1.3 * MARGIN / high,
        "Each line has its own scale, from the least of its values to the greatest.",
        ha="right",
        va="top",
        fontsize=8,
        color=GREY,
    )
    figure.legend(
        handles,
        names.values(),
        loc="upper left",
        bbox_to_anchor=(MARGIN / wide, 1 - 1.3 * MARGIN / high),
        ncols=3,
        frameon=False,
        fontsize=9,
        borderaxespad=0,
        borderpad=0,
        handletextpad=0.2,
    )
