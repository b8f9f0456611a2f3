"""The piano roll: time from left to right, pitch upwards, a box for each note.

Rows of whole bars follow each other like lines of print, all in one scale of time and one of
pitch. Bar lines are dark, beats pale, and the rows of the piano's black keys are shaded.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from musegen.interop import MusicLike, to_score
from musegen.plots._figure import (
    COLOURS,
    FAINT,
    GREY,
    INK,
    PAPER,
    Bar,
    bars_of,
    check_picture_path,
    new_figure,
    note_name,
    saved,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK_KEYS = (1, 3, 6, 8, 10)


def plot_pianoroll(
    music: MusicLike,
    path: str | os.PathLike[str] | None = None,
    title: str | None = None,
    prompt_end: int | None = None,
) -> Figure:
    """Draws music as a piano roll.

    Args:
        music: A path, bytes, a `symusic.Score`, or anything else that `to_score` takes, of 4,096
            bars at most.
        path: Where to save the picture; its suffix chooses the format. None saves nothing.
        title: What to write above it.
        prompt_end: Notes that begin before this tick were given, and are drawn paler than those
            that a model wrote. None means that there is no such difference.

    Returns:
        The figure, with one axes a row.

    Raises:
        MidiError: If a file can't be read.
        ValueError: If there are too many bars, or the suffix is not one of a picture.
        OSError: If the file can't be written.
    """
    check_picture_path(path)
    score = to_score(music)
    tracks = {
        index: np.stack([events["time"], events["time"] + events["duration"], events["pitch"]])
        for index, track in enumerate(score.tracks)
        if len((events := track.notes.numpy())["time"])
    }
    notes = np.concatenate([np.zeros((3, 0), np.int32), *tracks.values()], axis=1)
    low, high = (int(notes[2].min()), int(notes[2].max())) if notes.size else (60, 71)
    low, high = min(low, high - 11) - 1, high + 1
    rows = _rows(bars_of(score, int(notes[1].max(initial=1))), score.ticks_per_quarter)

    # All in inches; the longest row fills the width, and what is short does not grow to fill it.
    span = max(row[-1].end - row[0].start for row in rows)
    time_scale = min(11.2 / span, 0.8 / score.ticks_per_quarter)
    semitone = min(0.105 if len(rows) <= 6 else 0.09, 2.4 / (high - low + 1))
    legend = _legend(score, list(tracks), prompt_end)
    left, top, gap = 0.5, 0.66 + 0.2 * (max(len(legend) - 1, 0) // 6), 0.36
    width = max(left + span * time_scale + 0.3, 5.0)
    edge = min(0.8, 8 * time_scale * score.ticks_per_quarter)
    row_height = semitone * (high - low + 1)
    height = top + len(rows) * (row_height + gap) - 0.2
    figure = new_figure(width, height)
    if title:
        figure.text(left / width, 1 - 0.15 / height, title, va="top", weight="bold", color=INK)
    if legend:
        figure.legend(
            handles=legend,
            loc="upper right",
            bbox_to_anchor=(1 - 0.2 / width, 1 - 0.12 / height),
            ncols=min(len(legend), 6),
            frameon=False,
            fontsize=8,
            handlelength=1.2,
            borderaxespad=0,
        )
    for number, row in enumerate(rows):
        begin, end = row[0].start, row[-1].end
        bottom = height - top - number * (row_height + gap) - row_height
        axes = figure.add_axes(
            (left / width, bottom / height, (end - begin) * time_scale / width, row_height / height)
        )
        axes.set(xlim=(begin, end), ylim=(low - 0.5, high + 0.5))
        _draw_paper(axes, row, (low, high), semitone, time_scale)
        for index, (start, stop, pitch) in tracks.items():
            colour = COLOURS[index % len(COLOURS)]
            here = (start < end) & (stop > begin)
            given = here & (start < (prompt_end or 0))
            left_edge, right_edge = np.maximum(start, begin), np.minimum(stop, end)
            for which, style in (
                (given, {"facecolor": _tint(colour), "edgecolor": colour}),
                (here & ~given, {"facecolor": colour, "edgecolor": "white"}),
            ):
                boxes = _boxes(left_edge[which], right_edge[which], pitch[which], 0.45)
                _add_boxes(axes, boxes, "notes", linewidth=edge, zorder=3, **style)
    return saved(figure, path)


def _rows(bars: list[Bar], quarter: int) -> list[list[Bar]]:
    """Deals bars into rows of 1, 2, 4, 8 ... bars, a pickup on top; 40 rows at most."""
    total = bars[-1].end - bars[0].start
    room = max(18 if total <= 72 * quarter else 32, total / quarter / 20) * quarter
    usual = float(np.median([bar.end - bar.start for bar in bars]))
    most = 2 ** int(np.log2(max(room / usual, 1)))
    rows: list[list[Bar]] = [[]]
    for bar in bars:
        full = sum(other.number > 0 for other in rows[-1]) >= most
        if rows[-1] and (full or (bar.number > 1 and bar.end - rows[-1][0].start > 1.3 * room)):
            rows.append([])
        rows[-1].append(bar)
    if len(rows) > 1 and len(rows[-1]) == 1 and most >= 4:  # a last bar is not left alone
        rows[-2:] = [rows[-2] + rows[-1]]
    return rows


def _draw_paper(
    axes: Axes, row: list[Bar], pitches: tuple[int, int], semitone: float, time_scale: float
) -> None:
    """Draws what the notes stand on: keys, beats, bars, and the names of all of them."""
    low, high = pitches
    begin, end = row[0].start, row[-1].end
    black = np.array([pitch for pitch in range(low, high + 1) if pitch % 12 in BLACK_KEYS])
    _add_boxes(axes, _boxes(begin, end, black, 0.5), "keys", facecolor=PAPER, zorder=0)
    if row[0].beat * time_scale > 0.05:
        beats = np.concatenate([np.arange(bar.start, bar.end, bar.beat) for bar in row])
        axes.vlines(beats, low - 0.5, high + 0.5, colors=FAINT, linewidth=0.6, zorder=1)
    lines = [bar.start for bar in row if bar.number > 0 or bar is not row[0]] + [end]
    axes.vlines(lines, low - 0.5, high + 0.5, colors=GREY, linewidth=1.0, zorder=2, label="bars")

    # Names as close as they can be read: all white keys, or C E G, or C alone.
    named = (0, 2, 4, 5, 7, 9, 11) if semitone >= 0.085 else (0, 4, 7) if semitone > 0.04 else (0,)
    names = [pitch for pitch in range(low, high + 1) if pitch % 12 in named]
    axes.set_yticks(names, [note_name(pitch) for pitch in names], fontsize=6.5)
    every = max(1, round(0.25 / (max(bar.end - bar.start for bar in row) * time_scale)))
    marks = [bar for bar in row if bar.meter or (bar.number and (bar.number - 1) % every == 0)]
    axes.xaxis.tick_top()
    axes.set_xticks([bar.start for bar in marks], [_bar_label(bar) for bar in marks], fontsize=8)
    for label in axes.get_xticklabels():
        label.set_horizontalalignment("left")
    axes.tick_params(length=0, pad=2, colors=INK)
    axes.spines[["left", "right"]].set_visible(False)
    axes.spines[["top", "bottom"]].set_color(FAINT)


def _bar_label(bar: Bar) -> str:
    """The number of a bar, and the meter where it is stated."""
    meter = f"{bar.meter[0]}/{bar.meter[1]}" if bar.meter else ""
    return "  ".join(filter(None, [str(bar.number) if bar.number else "", meter]))


def _boxes(begin: Any, end: Any, pitch: NDArray[Any], half: float) -> NDArray[np.float64]:
    """The corners `(boxes, 4, 2)` of boxes from `begin` to `end`, `half` about their pitch."""
    begin, end, pitch = np.broadcast_arrays(begin, end, pitch)
    corners = [(begin, pitch - half), (begin, pitch + half), (end, pitch + half)]
    return np.moveaxis(np.array([*corners, (end, pitch - half)], float), 2, 0)


def _add_boxes(axes: Axes, boxes: NDArray[np.float64], label: str, **style: Any) -> None:
    from matplotlib.collections import PolyCollection

    if len(boxes):
        axes.add_collection(PolyCollection(list(boxes), label=label, **style), autolim=False)


def _legend(score: Any, tracks: list[int], prompt_end: int | None) -> list[Any]:
    """What the colours mean: tracks, if there are several, and the prompt, if there is one."""
    from matplotlib.patches import Patch

    handles = []
    if len(tracks) > 1:
        for index in tracks:
            name = score.tracks[index].name.strip() or f"track {index + 1}"
            handles.append(Patch(color=COLOURS[index % len(COLOURS)], label=name[:24]))
    if prompt_end is not None:
        colour = COLOURS[tracks[0] % len(COLOURS)] if len(tracks) == 1 else GREY
        handles.append(Patch(facecolor=_tint(colour), edgecolor=colour, label="prompt"))
        handles.append(Patch(facecolor=colour, edgecolor=colour, label="new"))
    return handles


def _tint(colour: str) -> str:
    """A paler shade of a colour."""
    from matplotlib.colors import to_hex, to_rgb

    red, green, blue = (1 - 0.35 * (1 - value) for value in to_rgb(colour))
    return to_hex((red, green, blue))
