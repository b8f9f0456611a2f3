"""The notes of many pieces as columns, which the metrics of notes are computed on.

Time is kept twice. Ticks are exact, and as fine as their score has them. Steps are a grid that is
the same for all pieces, so many to the quarter note: a note's start goes to the nearest step, its
length to the nearest number of steps, halves up, and no note is shorter than one. Bar lines go to
the nearest step too, and where no step is left between two of them, the bar is left out.

Bars follow the score's meter (4/4 where none is stated), the first one begins at tick 0, and a
change of meter begins a bar. The bars of a piece are those from the one in which its first note
begins to the one in which its last note ends: bars of silence before and after do not count, those
between do. The first and the last bar count as whole ones.

Drums have no pitch: what is computed on pitches leaves them out, what is computed on onsets does
not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick

from musegen._checks import checked_int, checked_items, checked_kind, counted
from musegen._timeline import DEFAULT_METER, meter_stretches, to_steps

STEPS_PER_QUARTER = 4
"""Steps to the quarter note unless stated: sixteenths."""

MAX_BARS = 1_000_000
"""How many bars a piece may have, which bounds the memory."""


@dataclasses.dataclass(frozen=True)
class Notes:
    """The notes of some pieces, by piece, track, step and pitch, and the bars they are in.

    Attributes:
        pieces: How many pieces; one without notes counts too.
        steps_per_quarter: Steps to the quarter note.
        ticks_per_quarter: Ticks to the quarter note of each piece, `(pieces,)`.
        piece: The piece of each note, from 0, `(notes,)` like the next eight.
        track: Its track, counted from 0 over all pieces.
        drum: Whether that is a drum track.
        pitch: MIDI pitch, 0 to 127.
        start: First tick.
        end: The tick after the last, at least one after the first.
        step: The step of its start.
        length: Its length in steps, at least 1.
        bar: The bar in which that step is, counted from 0 over all pieces.
        bar_piece: The piece of each bar, `(bars,)` like the next two.
        bar_start: The step at which it begins.
        bar_steps: How many steps it has, at least 1.
    """

    pieces: int
    steps_per_quarter: int
    ticks_per_quarter: NDArray[np.int64]
    piece: NDArray[np.int64]
    track: NDArray[np.int64]
    drum: NDArray[np.bool_]
    pitch: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    step: NDArray[np.int64]
    length: NDArray[np.int64]
    bar: NDArray[np.int64]
    bar_piece: NDArray[np.int64]
    bar_start: NDArray[np.int64]
    bar_steps: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.piece)

    def __repr__(self) -> str:
        return f"<Notes: {counted(len(self), 'note')} of {counted(self.pieces, 'piece')}>"

    @property
    def position(self) -> NDArray[np.int64]:
        """The step of each note's start within its bar, from 0, `(notes,)`."""
        return self.step - self.bar_start[self.bar]

    @property
    def bars(self) -> NDArray[np.int64]:
        """How many bars each piece has, `(pieces,)`."""
        return np.bincount(self.bar_piece, minlength=self.pieces)

    def mean(self, piece: NDArray, values: NDArray) -> NDArray[np.float64]:
        """Averages values by their pieces: `(values,)` to `(pieces,)`, nan values left out."""
        there = ~np.isnan(values)
        sums = np.bincount(piece[there], values[there], minlength=self.pieces)
        return divided(sums, np.bincount(piece[there], minlength=self.pieces))


def notes_of(scores: Sequence[ScoreTick], steps_per_quarter: int = STEPS_PER_QUARTER) -> Notes:
    """Returns the notes of some pieces as columns.

    Args:
        scores: The pieces, at least one.
        steps_per_quarter: Steps to the quarter note, 1 to 960; 4 are sixteenths, and 24 are exact
            for triplets and thirty-seconds too.

    Raises:
        ValueError: If an argument is not as above, a note begins before tick 0 or has a negative
            length or pitch, or a piece has more than a million bars.

    Example:
        >>> from symusic import Note, Score, Track
        >>> score = Score(8)
        >>> score.tracks.append(Track("tune"))
        >>> score.tracks[0].notes.append(Note(0, 8, 60, 64))
        >>> score.tracks[0].notes.append(Note(36, 3, 62, 64))
        >>> notes = notes_of([score])
        >>> notes.step.tolist(), notes.length.tolist(), notes.position.tolist()
        ([0, 18], [4, 2], [0, 2])
    """
    per_quarter = checked_int("steps_per_quarter", steps_per_quarter, 1, 960)
    scores = checked_items("scores", scores, ScoreTick, "a list of symusic.Score in ticks")
    tracks = [track for score in scores for track in score.tracks]
    arrays = [track.notes.numpy() for track in tracks]
    columns = ((notes["time"], notes["duration"], notes["pitch"]) for notes in arrays)
    notes = np.concatenate([np.zeros((3, 0), np.int64), *columns], axis=1)
    track = np.repeat(np.arange(len(tracks)), [len(notes["time"]) for notes in arrays])
    piece = np.repeat(np.arange(len(scores)), [len(score.tracks) for score in scores])[track]
    wrong = piece[notes.min(axis=0) < 0]
    if len(wrong):
        raise ValueError(
            f"scores[{wrong[0]}] has a note that begins before tick 0, or has a negative length or "
            "pitch. Change it, or take it out."
        )
    ticks = np.array([score.ticks_per_quarter for score in scores], np.int64)
    resolution: Any = ticks[piece]
    step = to_steps(notes[0], resolution, per_quarter)
    order = np.lexsort((notes[2], step, track))
    start, duration, pitch = notes[:, order]
    step, track, resolution = step[order], track[order], resolution[order]
    end, length = start + np.maximum(duration, 1), to_steps(duration, resolution, per_quarter)
    bars = [np.zeros((3, 0), np.int64)]  # piece, first step, steps
    bar, bars_before = np.zeros(len(step), np.int64), 0
    bounds = np.searchsorted(piece, np.arange(len(scores) + 1)).tolist()
    for index, here in enumerate(map(slice, bounds[:-1], bounds[1:])):
        if here.start < here.stop:
            found = _bars(scores[index], index, step[here], int(end[here].max()), per_quarter)
            bar[here] = found[2] + bars_before
            bars_before += len(found[0])
            bars.append(np.array([np.full(len(found[0]), index), *found[:2]]))
    drum = np.array([track.is_drum for track in tracks], bool)[track]
    of_notes = piece, track, drum, pitch, start, end, step, np.maximum(length, 1), bar
    return Notes(len(scores), per_quarter, ticks, *of_notes, *np.concatenate(bars, axis=1))


def _bars(
    score: ScoreTick, index: int, step: NDArray[np.int64], end: int, per_quarter: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Returns the first step and the length of each bar of a piece, and the bar of each note.

    The notes begin at the given steps, and the last one ends at the given tick.
    """
    resolution = score.ticks_per_quarter
    last = max(to_steps(end, resolution, per_quarter), int(step.max()) + 1)
    # To the end of the last bar, wherever in it the music ends: a change of meter may cut it.
    meters = [DEFAULT_METER, *((m.numerator, m.denominator) for m in score.time_signatures)]
    longest = 4 * resolution * max(-(-top // max(bottom, 1)) for top, bottom in meters)
    stretches = meter_stretches(score, -(-last * resolution // per_quarter) + longest)
    if sum(bars for _, bars, _ in stretches) > MAX_BARS:
        raise ValueError(
            f"scores[{index}] has more than {MAX_BARS:,} bars. Give it a meter with longer bars, "
            "or take out what lies so late."
        )
    lines = []
    for first, bars, (top, bottom) in stretches:
        # A bar has 4 * resolution * top / bottom ticks, which need not be a whole number.
        times = first * bottom + np.arange(bars + 1) * (4 * resolution * top)
        lines.append(to_steps(times, resolution * bottom, per_quarter))
    # The last line of a stretch is not one where a change of meter cuts its last bar.
    kept = [line[:-1] for line in lines[:-1]] + lines[-1:]
    line = np.unique(np.concatenate([np.zeros(1, np.int64), *kept]))
    if line[-1] < last:  # a meter without bars, such as 0/4
        line = np.append(line, last)
    bar = np.searchsorted(line, step, side="right") - 1
    first_bar = int(bar.min())
    after = int(np.searchsorted(line, last, side="left"))
    starts = line[first_bar:after]
    return starts, np.diff(line[first_bar : after + 1]), bar - first_bar


def check_notes(notes: Notes) -> None:
    """Raises a ValueError unless `notes` are `Notes`."""
    checked_kind("notes", notes, Notes, "the Notes that `notes_of(scores)` makes")


def pitched(notes: Notes) -> NDArray[np.intp]:
    """Returns the places of the notes that are no drums; raises a ValueError unless `Notes`."""
    check_notes(notes)
    return np.flatnonzero(~notes.drum)


def divided(part: NDArray | float, whole: NDArray | float) -> NDArray[np.float64]:
    """Divides; nan where there is nothing to divide by."""
    return part / np.where(whole > 0, whole, np.nan)
