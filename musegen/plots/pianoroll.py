"""The piano roll: time from left to right, pitch upwards, a box for each note.

Rows of whole bars follow each other like lines of print, all in one scale of time and one of
pitch. Bar lines are dark, beats pale, and the rows of the piano's black keys are shaded. Drums are
diamonds, at the pitches that General MIDI gives them.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from symusic.core import ScoreTick

from musegen._checks import Whole, checked_items, checked_text, printable, shown
from musegen._timeline import Bar
from musegen.interop import MusicLike, to_score
from musegen.plots._figure import GREY, add_text, bars_of, check_picture_path, new_figure, saved
from musegen.plots._roll import DrawnNotes, add_legend, add_row, pitch_range, tint, track_colour
from musegen.settings import declared

MAX_HEIGHT = 14.0
"""Inches of a picture whose bars were not chosen: a screen full."""

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
    bars: tuple[int, int] | None = None,
    tracks: Sequence[str | int] | None = None,
) -> Figure:
    """Draws music as a piano roll.

    Args:
        music: A path, bytes, a `symusic.Score`, or anything else that `to_score` takes, of 4,096
            bars at most.
        path: Where to save the picture, in the format of its suffix; None saves nothing.
        title: What to write above it.
        bars: The first and the last bar to draw, as a notation program numbers them: the first full
            bar is 1, a pickup is 0. None draws all, or as many as fill a screen; what is left out
            then stands below the picture, and is the figure's label.
        tracks: Which tracks to draw, by name or by number, from 1 on; None draws all.

    Returns:
        The figure, with one axes per row.

    Raises:
        MidiError: If a file can't be read.
        TypeError: If `music` is not music.
        ValueError: If there are too many bars, there is no such bar or track, `title` is not a
            string, `prompt_end` is out of its range, or the suffix is not one of a picture.
        OSError: If the file can't be written.
    """
    check_picture_path(path)
    if title is not None:
        checked_text("title", title)
    score = to_score(music)
    notes = DrawnNotes.of(score, None if tracks is None else _chosen_tracks(score, tracks))
    every = bars_of(score, max([1, *(track.end() for track in score.tracks if len(track.notes))]))
    chosen = every if bars is None else _chosen_bars(every, bars)
    notes = notes.where((notes.start < chosen[-1].end) & (notes.stop > chosen[0].start))
    low, high = pitch_range(notes.pitch)
    rows = _rows(chosen, score.ticks_per_quarter)

    # All in inches; the longest row fills the width, and what is short does not grow to fill it.
    semitone = min(0.105 if len(rows) <= 6 else 0.09, 3.4 / (high - low + 1))
    row_height = semitone * (high - low + 1)
    legend = _legend(score, np.unique(notes.track).tolist(), prompt_end)
    columns = min(len(legend), 6 if max((len(entry[0]) for entry in legend), default=0) < 16 else 4)
    left, gap = 0.5, 0.36
    top = 0.66 + 0.2 * (max(len(legend) - 1, 0) // max(columns, 1))
    fitting = max(int((MAX_HEIGHT - top) / (row_height + gap)), 1)
    note = ""
    if bars is None and len(rows) > fitting:
        rows = rows[:fitting]
        first, last = rows[0][0].number, rows[-1][-1].number
        then = f"{last + 1}-{min(2 * last, every[-1].number)}"
        note = f"Bars {first}-{last} of {every[-1].number:,}; those after them are left out."
        note += f" To see them, choose bars, such as {then}."
    span = max(row[-1].end - row[0].start for row in rows)
    time_scale = min(11.2 / span, 0.8 / score.ticks_per_quarter)
    edge = min(0.8, 8 * time_scale * score.ticks_per_quarter)
    height = top + len(rows) * (row_height + gap) - 0.2 + 0.25 * bool(note)
    figure = new_figure(max(left + span * time_scale + 0.3, 5.0), height)
    given = (notes.start < (prompt_end or 0))[:, None]
    face = np.where(given, tint(notes.colours), notes.colours)
    edges = np.where(given, notes.colours, 1)  # white
    if title:
        add_text(figure, left, 0.15, title, weight="bold")
    if legend:
        add_legend(figure, legend, columns)
    for number, row in enumerate(rows):
        down = top + number * (row_height + gap)
        axes = add_row(figure, left, down, row, (low, high), time_scale, semitone)
        notes.draw(axes, ~notes.drum, face, edges, linewidth=edge, zorder=3, label="notes")
        if notes.drum.any():
            notes.mark(axes, notes.drum, face, zorder=4, label="drums")
    if note:
        add_text(figure, left, height - 0.3, note, color=GREY, fontsize=8)
        figure.set_label(note)
    return saved(figure, path)


def _chosen_bars(every: list[Bar], bars: Any) -> list[Bar]:
    """Returns the bars from one number to another; the first of them states its meter."""
    first, last = every[0].number, every[-1].number
    try:
        begin, end = (Whole(first, last).convert(number) for number in bars)
    except (TypeError, ValueError):
        begin, end = 1, 0
    if begin > end:
        raise ValueError(
            f"bars={shown(bars)}: give the first and the last one of the bars {first} to {last}."
        )
    places = [place for place, bar in enumerate(every) if begin <= bar.number <= end]
    meter = next(bar.meter for bar in reversed(every[: places[0] + 1]) if bar.meter)
    return [dataclasses.replace(every[places[0]], meter=meter), *(every[p] for p in places[1:])]


def _chosen_tracks(score: ScoreTick, tracks: Any) -> list[int]:
    """Returns the places of tracks that are named, or numbered from 1 on."""
    names = [track.name.strip() for track in score.tracks]
    found: list[int] = []
    for one in checked_items("tracks", tracks, (str, int), "names or numbers of tracks"):
        text = str(one).strip()
        own = [place for place, name in enumerate(names) if text and name.lower() == text.lower()]
        if not own and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= len(names):
            own = [int(text) - 1]
        if not own:
            shown_names = map(printable, names)
            known = ", ".join(f"{n} {name}".rstrip() for n, name in enumerate(shown_names, 1))
            raise ValueError(f"tracks={shown(one)}: there is no such track; choose among {known}.")
        found += own
    return found


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
        for index, label in zip(tracks, _labels(score, tracks)):
            colour = track_colour(index)
            entries.append((label, colour, colour))
    if prompt_end is not None:
        colour = track_colour(tracks[0]) if len(tracks) == 1 else np.full(3, 0.48)
        entries += [("prompt", tint(colour), colour), ("new", colour, colour)]
    return entries


def _labels(score: ScoreTick, tracks: list[int]) -> list[str]:
    """Names tracks: those without a name, or of one name, show their instrument or number."""
    from pretty_midi import program_to_instrument_name

    all_pianos = not any(track.program for track in score.tracks)

    def instrument(index: int) -> str:
        track = score.tracks[index]
        return "drums" if track.is_drum else program_to_instrument_name(track.program)

    names = [printable(score.tracks[index].name.strip())[:24] for index in tracks]
    labels = []
    for index, name in zip(tracks, names):
        label = name or f"track {index + 1}"
        if (not name or names.count(name) > 1) and not all_pianos:
            label = f"{label}: {instrument(index)}"
        labels.append(label)
    return [
        label if labels.count(label) == 1 else f"{label} {labels[: place + 1].count(label)}"
        for place, label in enumerate(labels)
    ]
