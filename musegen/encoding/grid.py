"""The notes of a score on a grid of steps, and one voice of them.

A step is a 24th of a quarter note, so that triplets and thirty-seconds are exact, unless
`per_quarter` says otherwise: that many steps to the quarter note. Every tick goes to the nearest
step, halves up, so that it moves by half a step at most and notes that touched still touch; a note
that would vanish lasts one step. Tempo and meter changes go the same way; without a meter the music
is in 4/4, without a tempo it has 120 quarters per minute, as the MIDI standard has it.

A voice is what is left when of several notes at once one is chosen, so that no note begins before
the last one has ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick, TrackTick

from musegen._timeline import DEFAULT_TEMPO, to_steps

STEPS_PER_QUARTER = 24

# A meter as the models know it: its place in this table, 0 being any other.
METERS = (
    None,
    *((2, 4), (3, 4), (4, 4), (2, 2), (3, 2), (4, 2)),
    *((3, 8), (6, 8), (9, 8), (12, 8), (5, 4), (6, 4)),
)


def bar_steps(numerator: int, denominator: int) -> int:
    """Returns the steps in a bar of the given meter, at least 1."""
    if numerator < 1 or denominator < 1:
        raise ValueError(f"A meter of {numerator}/{denominator} has no bars. Change it.")
    return max(1, numerator * 4 * STEPS_PER_QUARTER // denominator)


BAR_STEPS = np.array([bar_steps(*(meter or (4, 4))) for meter in METERS], np.int32)
"""Steps in a bar, by the place of the meter in `METERS`; of an unknown meter as in 4/4."""


def meter_id(numerator: int, denominator: int) -> int:
    """Returns the place of a meter in `METERS`, or 0 if it is not there."""
    meter = (numerator, denominator)
    return METERS.index(meter) if meter in METERS else 0


def notes_on_grid(
    score: ScoreTick,
    per_quarter: int | Fraction = STEPS_PER_QUARTER,
    tracks: Iterable[TrackTick] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]:
    """Returns start, end and pitch of the notes, each `(notes,)`, and how many of them were moved.

    They are in steps, by start and then from high to low. The tracks, all but the drums by default,
    are read as one. A negative time or pitch is a `ValueError`.
    """
    resolution = score.ticks_per_quarter
    if resolution < 1:
        raise ValueError("The music has no ticks per quarter note. Give it at least 1.")
    if tracks is None:
        tracks = (track for track in score.tracks if not track.is_drum)
    arrays = [track.notes.numpy() for track in tracks]
    notes = np.zeros((3, sum(len(each["time"]) for each in arrays)), np.int64)
    if arrays:
        for row, name in zip(notes, ("time", "duration", "pitch")):
            np.concatenate([each[name] for each in arrays], out=row)
    ticks, pitch = notes[:2], notes[2]
    if notes.min(initial=0) < 0:
        raise ValueError(
            "The music has a note that begins before tick 0, or has a negative length or pitch. "
            "Change it, or take it out."
        )
    ticks[1] += ticks[0]  # starts and ends, from here on
    steps = to_steps(ticks, resolution, per_quarter)
    start, end = steps
    np.maximum(end, start + 1, out=end)
    moved = steps * (resolution * per_quarter.denominator) != ticks * per_quarter.numerator
    order = 128 * start - pitch
    if (order[1:] < order[:-1]).any():
        by_time = np.argsort(order, kind="stable")
        start, end, pitch = start[by_time], end[by_time], pitch[by_time]
    return start, end, pitch, int(np.count_nonzero(moved[0] | moved[1]))


def one_voice(
    start: NDArray[np.int64], end: NDArray[np.int64], pitch: NDArray[np.int64], voice: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]:
    """Keeps the highest or lowest voice of notes `(notes,)`; returns it and how many were cut.

    `PitchDurationEncoding` says what the two mean.
    """
    height = pitch if voice == "highest" else -pitch
    rank = 256 * start - height
    if (rank[1:] < rank[:-1]).any():
        order = np.argsort(rank, kind="stable")
        start, end, pitch, height = start[order], end[order], pitch[order], height[order]
    # Below the first note of a start, one that does not outlast it is never kept.
    top = np.ones(len(start), bool)
    top[1:] = start[1:] != start[:-1]
    places = np.flatnonzero(top | (end > end[top][np.cumsum(top) - 1]))
    kept: list[int] = []
    ends: list[int] = []
    last_start, last_end, last_height, shortened = -1, -1, 0, 0
    columns = (column[places].tolist() for column in (start, end, height))
    for place, first, after, high in zip(places.tolist(), *columns, strict=True):
        if first < last_end:
            if first == last_start:
                continue
            if high < last_height:
                overlap = min(last_end, after) - first
                if 2 * overlap >= min(last_end - last_start, after - first):  # no legato
                    continue
            ends[-1] = first
            shortened += 1
        kept.append(place)
        ends.append(after)
        last_start, last_end, last_height = first, after, high
    return start[kept], np.array(ends, np.int64), pitch[kept], shortened


def all_voices(
    start: NDArray[np.int64], end: NDArray[np.int64], pitch: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]:
    """Keeps every voice, but one note of a pitch at a time: the later one cuts the earlier.

    Returns the notes that are kept, by pitch and then by start, and how many of them were cut. Of
    notes of one pitch that begin together the longest is kept.
    """
    order = np.lexsort((-end, start, pitch))
    start, end, pitch = start[order], end[order], pitch[order]
    first = np.ones(len(start), bool)
    first[1:] = (start[1:] != start[:-1]) | (pitch[1:] != pitch[:-1])
    start, end, pitch = start[first], end[first], pitch[first]
    cut = np.flatnonzero((pitch[1:] == pitch[:-1]) & (end[:-1] > start[1:]))
    end[cut] = start[cut + 1]
    return start, end, pitch, len(cut)


def tempo_changes(
    score: ScoreTick, per_quarter: int | Fraction = STEPS_PER_QUARTER
) -> tuple[tuple[int, int], ...]:
    """Returns the tempo changes of a score, `(step, microseconds per quarter note)` each."""
    changes = [(tempo.time, tempo.mspq) for tempo in score.tempos]
    return tuple(_by_step(changes, score, per_quarter)) or ((0, DEFAULT_TEMPO),)


def meter_changes(score: ScoreTick) -> tuple[tuple[int, int, int], ...]:
    """Returns the meter changes of a score, `(step, numerator, denominator)`, the first at 0."""
    changes = [(meter.time, meter.numerator, meter.denominator) for meter in score.time_signatures]
    meters = tuple(_by_step(changes, score, STEPS_PER_QUARTER))
    return meters if meters and meters[0][0] == 0 else ((0, 4, 4), *meters)


def _by_step(changes: list[Any], score: ScoreTick, per_quarter: int | Fraction) -> Iterable[Any]:
    """Returns changes in order of their steps, of those on one step the last."""
    changes = sorted(changes, key=lambda change: change[0])
    if changes and changes[0][0] < 0:
        raise ValueError("The music has a tempo or meter before tick 0. Change it, or take it out.")
    resolution = score.ticks_per_quarter
    by_step = {to_steps(time, resolution, per_quarter): values for time, *values in changes}
    return ((step, *values) for step, values in by_step.items())
