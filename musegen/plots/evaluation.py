"""The picture of an evaluation: a line for each figure, with what is real, shuffled and measured.

Each line has a scale of its own, from the least of its values to the greatest, so that what is seen
is where the subject lies: at the real music, at the shuffled, or beyond. Beside it stand the values
themselves. Where the marks of real and shuffled music coincide, a figure does not tell them apart.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from musegen.plots._figure import COLOURS, FAINT, GREY, INK, add_axes, add_text, new_figure, saved

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Line: TypeAlias = tuple[str, Sequence[float], Sequence[str]]
"""A label, the values of subject, real and shuffled music, and these values as texts."""

ROW, LABEL, STRIP, VALUE, MARGIN = 0.19, 3.3, 1.7, 0.62, 0.3
"""In inches: a line's height, widths of its name, scale and values, and the page's margin."""

MANY = 40
"""More lines than these stand in two columns."""

MARKS: tuple[dict[str, Any], ...] = (
    {"marker": "D", "s": 22, "color": COLOURS[0], "zorder": 4},
    {"marker": "o", "s": 52, "facecolor": "none", "edgecolor": INK, "linewidth": 1.2},
    {"marker": "x", "s": 42, "color": GREY, "linewidth": 1.2},
)


def plot_evaluation(
    title: str,
    subject: str,
    parts: Mapping[str, Sequence[Line]],
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draws the lines of each part of an evaluation, by the part's name.

    The picture has one axes, or two where there are many lines. The subject's name stands beside
    "real" and "shuffled"; the path has passed `check_picture_path`.
    """
    columns = _columns(parts)
    wide = LABEL + STRIP + 3 * VALUE
    width = len(columns) * wide + (len(columns) + 1) * MARGIN
    height = 3.5 * MARGIN + max(map(len, columns)) * ROW
    picture = new_figure(width, height)
    add_text(picture, MARGIN, 0.6 * MARGIN, title, weight="bold")
    for number, column in enumerate(columns):
        begin = MARGIN + number * (wide + MARGIN) + LABEL
        axes = add_axes(picture, begin, 2.5 * MARGIN, STRIP, len(column) * ROW)
        axes.set(xlim=(-0.08, 1.08), ylim=(len(column) - 0.5, -0.5), xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.patch.set_visible(False)
        _draw(axes, column, (subject, "real", "shuffled"))
    note = "Each line has its own scale, from the least of its values to the greatest."
    style = {"ha": "right", "fontsize": 8, "color": GREY}
    add_text(picture, width - MARGIN, 1.3 * MARGIN, note, **style)
    picture.legend(
        *axes.get_legend_handles_labels(),
        loc="upper left",
        bbox_to_anchor=(MARGIN / width, 1 - 1.3 * MARGIN / height),
        ncols=3,
        frameon=False,
        fontsize=9,
        borderaxespad=0,
        borderpad=0,
        handletextpad=0.2,
    )
    return saved(picture, path)


def _columns(parts: Mapping[str, Sequence[Line]]) -> list[list[Line | str]]:
    """The lines of each column of the picture, and above each part its name."""
    blocks: list[list[Line | str]] = [["", part, *lines] for part, lines in parts.items()]
    cuts = range(1, len(blocks))
    if sum(map(len, parts.values())) <= MANY or not cuts:
        return [[*chain(*blocks)]]
    heights = np.cumsum([0, *map(len, blocks)])
    cut = min(cuts, key=lambda n: max(heights[n], heights[-1] - heights[n]))
    return [[*chain(*blocks[:cut])], [*chain(*blocks[cut:])]]


def _at(inches: float) -> float:
    """A place so far right of the scale's left end, in the units of its axes."""
    return -0.08 + 1.16 * inches / STRIP


def _draw(axes: Axes, lines: Sequence[Line | str], names: Sequence[str]) -> None:
    """Draws the lines of a column."""
    rows, places = [], []
    for row, line in enumerate(lines):
        if isinstance(line, str):
            axes.text(_at(-LABEL), row, line, va="center", weight="bold", color=INK)
            continue
        label, values, texts = line
        rows.append(row)
        places.append(_places(np.array(values)))
        axes.text(_at(0.12 - LABEL), row, label, va="center", fontsize=8, color=INK)
        for number, (text, ink) in enumerate(zip(texts, (COLOURS[0], INK, GREY)), 1):
            place = _at(STRIP + number * VALUE)
            axes.text(place, row, text, va="center", ha="right", fontsize=8, color=ink)
    axes.hlines(rows, 0, 1, color=FAINT, linewidth=1, zorder=1)
    for name, mark, across in zip(names, MARKS, np.reshape(places, (-1, 3)).T):
        known = np.isfinite(across)
        axes.scatter(across[known], np.array(rows)[known], label=name, **mark)


def _places(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the values are on their scale, 0 to 1; nan for one that is not finite."""
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    places = (values - low) / (high - low) if high > low else np.full(3, 0.5)
    return np.where(np.isfinite(values), places, np.nan)
