"""The piano roll: time from left to right, pitch upwards, a box for each note.

Rows of whole bars follow each other like lines of print, all in one scale of time and one of
pitch. Bar lines are dark, beats pale, and the rows of the piano's black keys are shaded.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from symusic.core import ScoreTick

from musegen._checks import Whole, checked_text
from musegen._timeline import Bar
from musegen.interop import MusicLike, to_score
from musegen.plots._figure import add_text, bars_of, check_picture_path, new_figure, saved
from musegen.plots._roll import DrawnNotes, add_legend, add_row, pitch_range, tint, track_colour
from musegen.settings import declared

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@declared
def plot_pianoroll(
    music: MusicLike,
    path: str | os.PathLike[str] | None = None,
    title: str | None = None,
    prompt_end: Annotated[
        int | None, Whole(0), "Tick before which notes were given, which are drawn paler"
    ] = None,
) -> Figure:
    """Draws music as a piano roll.

    Args:
        music: A path, bytes, a `symusic.Score`, or anything else that `to_score` takes, of 4,096
            bars at most.
        path: Where to save the picture, in the format of its suffix; None saves nothing.
        title: What to write above it.

    Returns:
        The figure, with one axes per row.

    Raises:
        MidiError: If a file can't be read.
        TypeError: If `music` is not music.
        ValueError: If there are too many bars, `title` is not a string, `prompt_end` is out of its
            range, or the suffix is not one of a picture.
        OSError: If the file can't be written.
    """
    check_picture_path(path)
    if title is not None:
        checked_text("title", title)
    score = to_score(music)
    notes = DrawnNotes.of(score)
    low, high = pitch_range(notes.pitch)
    rows = _rows(bars_of(score, int(notes.stop.max(initial=1))), score.ticks_per_quarter)

    # All in inches; the longest row fills the width, and what is short does not grow to fill it.
    span = max(row[-1].end - row[0].start for row in rows)
    time_scale = min(11.2 / span, 0.8 / score.ticks_per_quarter)
    semitone = min(0.105 if len(rows) <= 6 else 0.09, 3.4 / (high - low + 1))
    legend = _legend(score, np.unique(notes.track).tolist(), prompt_end)
    left, top, gap = 0.5, 0.66 + 0.2 * (max(len(legend) - 1, 0) // 6), 0.36
    edge = min(0.8, 8 * time_scale * score.ticks_per_quarter)
    row_height = semitone * (high - low + 1)
    height = top + len(rows) * (row_height + gap) - 0.2
    figure = new_figure(max(left + span * time_scale + 0.3, 5.0), height)
    given = (notes.start < (prompt_end or 0))[:, None]
    face = np.where(given, tint(notes.colours), notes.colours)
    edges = np.where(given, notes.colours, 1)  # white
    every = np.ones(len(notes.start), bool)
    if title:
        add_text(figure, left, 0.15, title, weight="bold")
    if legend:
        add_legend(figure, legend, columns=min(len(legend), 6))
    for number, row in enumerate(rows):
        down = top + number * (row_height + gap)
        axes = add_row(figure, left, down, row, (low, high), time_scale, semitone)
        notes.draw(axes, every, face, edges, linewidth=edge, zorder=3, label="notes")
    return saved(figure, path)


def _rows(bars: list[Bar], quarter: int) -> list[list[Bar]]:
    """Deals bars into rows of 1, 2, 4, 8 ... bars, a pickup on top; 40 rows at most."""
    total = bars[-1].end - bars[0].start
    widest = max(18 if total <= 72 * quarter else 32, total / quarter / 20) * quarter
    usual = float(np.median([bar.end - bar.start for bar in bars]))
    most = 2 ** int(np.log2(max(widest / usual, 1)))
    rows: list[list[Bar]] = [[]]
    for bar in bars:
        full = sum(other.number > 0 for other in rows[-1]) >= most
        if rows[-1] and (full or (bar.number > 1 and bar.end - rows[-1][0].start > 1.3 * widest)):
            rows.append([])
        rows[-1].append(bar)
    if len(rows) > 1 and len(rows[-1]) == 1 and most >= 4:  # a last bar is not left alone
        rows[-2:] = [rows[-2] + rows[-1]]
    return rows


def _legend(score: ScoreTick, tracks: list[int], prompt_end: int | None) -> list[Any]:
    """What the colours mean: tracks, if there are several, and the prompt, if there is one."""
    entries = []
    if len(tracks) > 1:
        for index in tracks:
            name, colour = score.tracks[index].name.strip(), track_colour(index)
            entries.append((name[:24] or f"track {index + 1}", colour, colour))
    if prompt_end is not None:
        colour = track_colour(tracks[0]) if len(tracks) == 1 else np.full(3, 0.48)
        entries += [("prompt", tint(colour), colour), ("new", colour, colour)]
    return entries
