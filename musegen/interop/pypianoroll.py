"""A score <-> `pypianoroll.Multitrack`, whose time is steps of a piano roll."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from symusic.core import ScoreTick, TempoTick, TimeSignatureTick

from musegen._timeline import DEFAULT_TEMPO, meter_stretches
from musegen.interop._tracks import DEFAULT_VELOCITY, make_track, whole_numbers
from musegen.interop.dispatch import to_score

if TYPE_CHECKING:
    import pypianoroll


def to_pypianoroll(music: Any, resolution: int = 24) -> pypianoroll.Multitrack:
    """Gives music as a `pypianoroll.Multitrack` of velocities.

    A piano roll has one cell for a pitch and a step: notes that follow each other at one pitch
    and velocity run together, and of two that overlap the later one is heard. Write MIDI with
    `musegen.write_midi`: pypianoroll 1.0.4 fails to with current numpy, and loses the meter.

    Args:
        music: Whatever `to_score` takes.
        resolution: Steps to the quarter note, 1 to 32,767. Starts and ends go to the nearest
            step; a note has at least one.

    Returns:
        Tracks of shape (steps, 128) and type uint8, whole bars long; `tempo` of shape (steps,),
        in quarters a minute; `downbeat` of shape (steps,), true where a bar begins.

    Raises:
        ValueError: `resolution` is not a whole number from 1 to 32,767.
    """
    import pypianoroll

    if not isinstance(resolution, int) or not 1 <= resolution <= 0x7FFF:
        raise ValueError(f"resolution={resolution!r}: give a whole number from 1 to 32,767.")
    score = to_score(music)
    tpq = score.ticks_per_quarter

    def step(ticks: Any) -> np.ndarray:
        return (2 * resolution * np.asarray(ticks, dtype=np.int64) + tpq) // (2 * tpq)

    notes = [track.notes.numpy() for track in score.tracks]
    end = max((int((n["time"] + n["duration"]).max()) for n in notes if len(n["time"])), default=0)
    bar_lines = [  # in ticks, a list for each stretch of one meter
        start + np.arange(bars + 1) * 4 * tpq * top // bottom
        for start, bars, (top, bottom) in meter_stretches(score, end)
    ]
    steps = int(step(bar_lines[-1][-1])) if bar_lines else 0
    downbeat = np.zeros(steps, dtype=bool)
    for lines in bar_lines:
        downbeat[step(lines[:-1])] = True
    tempo = np.full(steps, 6e7 / DEFAULT_TEMPO)
    for change in sorted(score.tempos, key=lambda change: change.time):
        tempo[step(change.time) :] = 6e7 / change.mspq
    tracks = []
    for track, n in zip(score.tracks, notes, strict=True):
        roll = np.zeros((steps, 128), dtype=np.uint8)
        begin, finish = np.minimum(step(n["time"]), steps - 1), step(n["time"] + n["duration"])
        columns = (begin, finish, n["pitch"], n["velocity"])
        for first, last, pitch, velocity in zip(*(c.tolist() for c in columns), strict=True):
            roll[first : max(last, first + 1), pitch] = max(velocity, 1)
        tracks.append(
            pypianoroll.StandardTrack(
                name=track.name, program=track.program, is_drum=track.is_drum, pianoroll=roll
            )
        )
    return pypianoroll.Multitrack(
        resolution=resolution, tempo=tempo, downbeat=downbeat, tracks=tracks
    )


def from_pypianoroll(multitrack: pypianoroll.Multitrack) -> ScoreTick:
    """Gives the score of a `pypianoroll.Multitrack`.

    A run of one velocity at one pitch is one note: a piano roll doesn't tell repeated notes from
    a held one. The meter is taken from the distance of the downbeats, and one that can be two
    meters is the one with the larger beat (3/4, not 6/8). Music before the first downbeat is a
    pickup: silence fills it up to a full bar.

    Args:
        multitrack: Tracks of shape (steps, 128), binary or with velocities (above 127 is 127).

    Returns:
        The score, with one tick a step and one track a track. Binary notes get
        `DEFAULT_VELOCITY`.

    Raises:
        MidiError: A program is not one of MIDI's.
    """
    score = ScoreTick(int(multitrack.resolution))
    steps = max((len(track.pianoroll) for track in multitrack.tracks), default=0)
    downbeats = np.flatnonzero([] if multitrack.downbeat is None else multitrack.downbeat)
    pickup = 0
    if len(downbeats):
        lengths = np.diff(downbeats).tolist()
        # The last bar may be cut off where the music ends: it has the meter of the one before.
        lengths += lengths[-1:] or [max(steps, len(multitrack.downbeat)) - int(downbeats[0])]
        pickup = -int(downbeats[0]) % lengths[0]
        before = None
        for place, length in zip(downbeats.tolist(), lengths, strict=True):
            meter = _meter(length, score.ticks_per_quarter)
            if meter is not None and meter != before:
                time = place + pickup if place > downbeats[0] else 0
                score.time_signatures.append(TimeSignatureTick(time, *meter))
                before = meter
    if multitrack.tempo is not None and np.size(multitrack.tempo):
        tempo = np.ravel(multitrack.tempo)  # (steps,); pypianoroll itself may give (steps, 1)
        with np.errstate(divide="ignore"):
            mspq = whole_numbers(
                6e7 / tempo, 1, 2**24 - 1, "a quarter note has a microsecond count of"
            )
        for place in np.flatnonzero(np.diff(mspq, prepend=0)).tolist():
            time = place + pickup if place else 0
            score.tempos.append(TempoTick(time, mspq=int(mspq[place])))
    for track in multitrack.tracks:
        roll = np.asarray(track.pianoroll)
        loud = roll * DEFAULT_VELOCITY if roll.dtype == bool else np.clip(roll, 0, 127)
        # (128, steps + 2): silence at both ends, so that every note has a first and a last step.
        padded = np.pad(np.rint(loud).astype(np.int16), ((1, 1), (0, 0))).T
        change = padded[:, 1:] != padded[:, :-1]
        pitch, begin = np.nonzero(change & (padded[:, 1:] > 0))
        _, end = np.nonzero(change & (padded[:, :-1] > 0))
        velocity = padded[pitch, begin + 1]
        score.tracks.append(
            make_track(
                track.name,
                track.program,
                track.is_drum,
                begin + pickup,
                end - begin,
                pitch,
                velocity,
            )
        )
    return score


def _meter(length: int, ticks_per_quarter: int) -> tuple[int, int] | None:
    """Gives the meter of a bar of `length` ticks with the largest beat, from 4 on, or None."""
    for bottom in (4, 8, 16, 32, 64):
        top, rest = divmod(length * bottom, 4 * ticks_per_quarter)
        if not rest and 1 <= top <= 255:
            return top, bottom
    return None
