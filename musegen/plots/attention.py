"""The attention map: where the model looked, or copied from, as it wrote each event.

One row an event written, one column an event that could be attended to, as in the figure of
*Generative Deep Learning* (Foster 2023, chapter 7). Darker is more. The scale of colours goes by
the square root of the weight, so that a flat map shows its shades and a peaked one what is beside
its peaks; it ends at the 99th percentile, because the first rows have few events to share among.

A map of the network says where it looked: rows sum to 1. A map of copying says where the written
pitch or duration came from: a row sums to the share that was copied, which a bar beside it shows,
and the rest the model made up.
"""

from __future__ import annotations

import fractions
import math
import os
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musegen._checks import Choice, checked_int, shown
from musegen.encoding.grid import STEPS_PER_QUARTER
from musegen.encoding.melody import END, FIRST_PITCH, REST, START, TIE
from musegen.plots._figure import (
    COLOURS,
    GREY,
    INK,
    PAPER,
    add_axes,
    add_text,
    bars_of,
    check_picture_path,
    new_figure,
    note_name,
    saved,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from musegen.composition import MelodyComposition

MAX_NAMED = 300
"""Events of a map at most that has a name at each."""

MAPS = ("pitch", "duration", "network")
"""What there are maps of."""


def plot_attention(
    composition: MelodyComposition,
    path: str | os.PathLike[str] | None = None,
    head: int | None = None,
    of: str | None = None,
) -> Figure:
    """Draws how much a model attended to, or copied, each earlier event as it wrote each new one.

    Args:
        composition: What `model.sample` of a model of melodies returned.
        path: Where to save the picture, in the format of its suffix; None saves nothing.
        head: The attention head of the network, at least 0 and below the number of heads; the mean
            of all if None.
        of: `"pitch"` or `"duration"`, where the pitches or the durations were copied from, or
            `"network"`, where the network looked; None chooses the first that there is, or the
            network where a head is named.

    Returns:
        The figure; its first axes holds the map.

    Raises:
        ValueError: If `composition` is something else, there is no such map or head, or the suffix
            is not one of a picture.
        OSError: If the file can't be written.
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.ticker import PercentFormatter

    if not hasattr(composition, "event_times"):
        what = "what `model.sample()` of a model of melodies returns"
        raise ValueError(f"composition={shown(composition)}: give {what}.")
    check_picture_path(path)
    given = composition.prompt_events
    of, weights, heads = _chosen(composition, head, of)
    height, width = weights.shape
    if not height:
        raise ValueError(f"{composition!r}: there is no map to draw, the model wrote nothing.")
    future = np.arange(width) >= given + np.arange(height)[:, None]
    copies = of != "network"
    peak = 1.0 if copies else float(np.percentile(weights[~future], 99))

    # Inches: square cells, large enough for a label at each, or, of many events, without labels.
    named = width <= MAX_NAMED
    cell = min(max(9.5 / width, 0.118), 0.3) if named else 12 / width
    font = min(9.0, max(56 * cell, 5.0))
    left, bottom, right, top = 0.5 + font / 12, 0.5 + font / 12, 1.35, 0.75
    gate = 0.9 if copies else 0.0  # the width of the bars beside the rows
    right += gate
    total_width = max(left + width * cell + right, 6.5)
    figure = new_figure(total_width, max(bottom + height * cell + top, 3.0))
    axes = add_axes(figure, left, top, width * cell, height * cell, facecolor=PAPER)
    image = axes.imshow(
        np.ma.masked_array(weights, future),
        cmap="YlGnBu",
        norm=PowerNorm(0.5, 0, max(peak, 1e-9)),
        interpolation="nearest",
        aspect="auto",
    )
    names = event_names(composition)
    if named:
        axes.set_xticks(range(width), names[:width], rotation=90, fontsize=font)
        axes.set_yticks(range(height), names[given:], fontsize=font)
    else:
        axes.set(xticks=[], yticks=[])
        text = f"{width:,} events, too many to be named: the numbers are those of bars"
        add_text(figure, left, 0.4, text, color=GREY, fontsize=8)
    axes.tick_params(length=2, pad=2, colors=INK)
    what = "copied from" if copies else "attended to"
    axes.set_xlabel(what + (" (left of the line: the prompt)" if given > 1 else ""))
    axes.set_ylabel("written")
    axes.spines[:].set_color(GREY)

    firsts = _bar_firsts(composition)
    columns = {index - 0.5: bar for index, bar in firsts.items() if index < width}
    rows = {index - given - 0.5: bar for index, bar in firsts.items() if index >= given}
    axes.vlines(list(columns), -0.5, height - 0.5, colors=GREY, linewidth=0.6, label="bars")
    axes.hlines(list(rows), -0.5, width - 0.5, colors=GREY, linewidth=0.6, label="bars")
    if given > 1:
        axes.axvline(given - 0.5, color=COLOURS[1], linewidth=1.8, label="prompt")
    above, beside = axes.secondary_xaxis("top"), axes.secondary_yaxis("right")
    apart = 1 if named else max(1, math.ceil(len(columns) / 40))  # bars from number to number
    columns, rows = (
        {place: bar for place, bar in found.items() if (bar - 1) % apart == 0}
        for found in (columns, rows)
    )
    above.set_xticks(list(columns), [str(bar) for bar in columns.values()], fontsize=font)
    beside.set_yticks(list(rows), [str(bar) for bar in rows.values()], fontsize=font)
    for axis in (above, beside):
        axis.tick_params(length=3, pad=1, colors=GREY)
        axis.spines[:].set_visible(False)

    tall = max(min(height * cell, 3.0), 1.0)
    if gate:
        bars = add_axes(figure, left + width * cell + 0.4, top, gate - 0.2, height * cell)
        bars.barh(range(height), weights.sum(axis=1), color=COLOURS[0], label="copied")
        bars.set(xlim=(0, 1), ylim=axes.get_ylim(), yticks=[], facecolor=PAPER)
        bars.set_xticks([0, 1], ["0", "100 %"], fontsize=font)
        bars.set_xlabel("copied")
        bars.tick_params(length=2, pad=2, colors=INK)
        bars.spines[:].set_color(GREY)
    scale = add_axes(figure, left + width * cell + 0.45 + gate, top, 0.14, tall)
    extend = "max" if np.max(weights) > peak else "neither"
    figure.colorbar(image, scale, extend=extend, format=PercentFormatter(1))
    scale.tick_params(labelsize=8, colors=INK)
    which = f", head {head}" if head is not None else f", mean of {heads} heads" * (heads > 1)
    title = f"Attention{which}" if of == "network" else f"Where each {of} was copied from"
    add_text(figure, left, 0.15, f"{title}: {composition.origin}", weight="bold")
    return saved(figure, path)


def _chosen(
    composition: MelodyComposition, head: int | None, of: str | None
) -> tuple[str, NDArray[np.float32], int]:
    """What is drawn, `(new events, events - 1)`, its name, and how many heads it is of."""
    if of is not None:
        Choice(*MAPS).check("of", of)
    copied = composition.copied if head is None and of != "network" else None
    if of is None:
        of = "network" if copied is None else "pitch"
    if of != "network":
        if copied is None:
            why = "its model does not copy" if head is None else "a head is one of the network"
            raise ValueError(f"{composition!r}: there is no map of={of!r} to draw, {why}.")
        return of, copied[MAPS.index(of)], 1
    attention = composition.attention
    if attention is None:
        raise ValueError(f"{composition!r}: there is no map to draw, the network has no attention.")
    heads = len(attention)
    if head is None:
        return of, attention.mean(axis=0), heads
    return of, attention[checked_int("head", head, 0, heads - 1)], heads


def event_names(composition: MelodyComposition) -> list[str]:
    """Names each event of a piece by its pitch or kind and its note value.

    A value is a fraction of a whole note, with `.` for a dot and `t` for a triplet: `"C4 1/8t"`.
    """
    kinds = {START: "start", END: "end", REST: "rest", TIE: "tie"}
    lengths = np.diff(composition.event_times).tolist()
    pitches = composition.melody.pitches.tolist()
    names = [kinds.get(pitch) or note_name(pitch - FIRST_PITCH) for pitch in pitches]
    return [
        f"{name} {_note_value(length)}" if length else name
        for name, length in zip(names, lengths, strict=True)
    ]


def _note_value(steps: int) -> str:
    """A length as a fraction of a whole note, with dots or as a triplet where that is shorter."""
    length = fractions.Fraction(steps, 4 * STEPS_PER_QUARTER)
    for mark, factor in (("", (1, 1)), (".", (3, 2)), ("..", (7, 4)), ("t", (2, 3))):
        value = length / fractions.Fraction(*factor)
        if value == 2 or (
            value.numerator == 1 and value.denominator & (value.denominator - 1) == 0
        ):
            return f"{value}{mark}"
    return str(length)


def _bar_firsts(composition: MelodyComposition) -> dict[int, int]:
    """The first event that begins in each bar, by its index, and the bar's number.

    Bars in which none begins, and a pickup, are left out; the end begins no bar.
    """
    times = composition.event_times
    bars = bars_of(composition.score, int(times[-1]) + 1)
    which = np.searchsorted([bar.start for bar in bars], times[:-1], side="right") - 1
    which = np.maximum(which, 0)
    which[0] = -1  # the start has no time
    begins = np.flatnonzero((np.diff(which) > 0) & (composition.melody.pitches[1:] != END)) + 1
    numbers = {int(index): bars[which[index]].number for index in begins}
    return {index: number for index, number in numbers.items() if number}
