"""A score <-> `pypianoroll.Multitrack`, whose time is steps of a piano roll.

A piano roll has one cell for a pitch and a step, which holds a velocity, and nothing that says
where a note begins. So a run of one velocity at one pitch is one note: notes that touch at one
pitch and velocity run together, and of two that overlap the later one is heard.

pypianoroll's own parser of MIDI, which made the Lakh Pianoroll files too, makes two mistakes that
are mended here. It marks no downbeat after the last change of meter, so that a piece of one meter
has a downbeat at step 0 and no other: a single downbeat before two bars of 4/4 or more states no
meter. And it lays the tempos of the beats end to end, 24 times over, where each should stand for
the steps of its beat: a tempo of just that shape is put in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
from symusic.core import ScoreTick, TempoTickList, TimeSignatureTick

from musegen._checks import Whole, checked_kind
from musegen._timeline import DEFAULT_TEMPO, meter_stretches, to_steps
from musegen.interop._tracks import DEFAULT_VELOCITY, make_track, whole_numbers
from musegen.interop.dispatch import CLASSES, MusicLike, to_score
from musegen.midi import MAX_TEMPO, MAX_TICK, MidiError
from musegen.settings import declared

if TYPE_CHECKING:
    import pypianoroll

MAX_STEPS = 2**22
"""Steps of the longest roll that is made: 24 hours of 24 to the quarter note at 120 a minute."""

PARSER_STEPS = 24
"""Times that pypianoroll's parser lays the tempos of the beats end to end."""

RESOLUTIONS = Whole(1, 0x7FFF)
"""Steps to the quarter note that MIDI can hold as ticks."""

GRID = "Steps to the quarter note; notes go to the nearest step, and have at least one"

NoteColumns: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Start and duration in steps, pitch and velocity of notes, each of shape `(notes,)`."""


@declared
def to_pypianoroll(
    music: MusicLike, resolution: Annotated[int, RESOLUTIONS, GRID] = 24
) -> pypianoroll.Multitrack:
    """Returns music as a `pypianoroll.Multitrack` of velocities.

    The module's first lines say what becomes of notes that touch or overlap. Write MIDI with
    `musegen.write_midi`, and `.npz` with `write_pianoroll_npz`: pypianoroll 1.0.4 fails to write
    MIDI with current numpy, and loses the meter.

    Args:
        music: Whatever `to_score` takes.

    Returns:
        Tracks of shape (steps, 128) and type uint8, whole bars long; `tempo` of shape (steps,),
        in quarters per minute; `downbeat` of shape (steps,), true where a bar begins.

    Raises:
        MidiError: If the music has more than `MAX_STEPS` steps, or values that MIDI can't hold.
    """
    import pypianoroll

    score = to_score(music)
    tempo, downbeat, rolls = to_rolls(score, resolution)
    tracks = [
        pypianoroll.StandardTrack(
            name=track.name, program=track.program, is_drum=track.is_drum, pianoroll=roll
        )
        for track, roll in zip(score.tracks, rolls, strict=True)
    ]
    return pypianoroll.Multitrack(
        resolution=resolution, tempo=tempo, downbeat=downbeat, tracks=tracks
    )


def from_pypianoroll(multitrack: pypianoroll.Multitrack) -> ScoreTick:
    """Returns the score of a `pypianoroll.Multitrack`.

    A run of one velocity at one pitch is one note. The meter is taken from the distance of the
    downbeats, and one that can be two meters is the one with the larger beat (3/4, not 6/8). Music
    before the first downbeat is a pickup: silence fills it up to a full bar. At the top of this
    module stands what is mended.

    Args:
        multitrack: Tracks of shape (steps, 128), binary or with velocities (above 127 is 127,
            below 0 is 0).

    Returns:
        The score, with one tick per step and one track per track. Binary notes get
        `DEFAULT_VELOCITY`.
    """
    import pypianoroll

    checked_kind("multitrack", multitrack, pypianoroll.Multitrack, "a pypianoroll.Multitrack")
    tracks = []
    for track in multitrack.tracks:
        loud = velocities(np.asarray(track.pianoroll)).T
        pitch, step = np.nonzero(loud)
        number, loudness = pitch * (loud.shape[1] + 1) + step, loud[pitch, step]
        begins = note_begins(number, loudness)
        notes = notes_of_cells(number, loudness, begins, loud.shape[1])
        tracks.append(((track.name, track.program, track.is_drum), notes))
    steps = max((len(track.pianoroll) for track in multitrack.tracks), default=0)
    return score_of_notes(
        int(multitrack.resolution), steps, multitrack.tempo, multitrack.downbeat, tracks
    )


CLASSES["pypianoroll", "Multitrack"] = from_pypianoroll


def to_rolls(
    score: ScoreTick, resolution: int
) -> tuple[np.ndarray, np.ndarray, Iterator[np.ndarray]]:
    """Returns what `to_pypianoroll` has: tempo, downbeat and, one at a time, each track's roll."""
    tpq = score.ticks_per_quarter

    def step(ticks: Any) -> np.ndarray:
        return to_steps(np.asarray(ticks, dtype=np.int64), tpq, resolution)

    notes = [track.notes.numpy() for track in score.tracks]
    for n in notes:
        whole_numbers(n["time"], 0, MAX_TICK, "there is a note at a tick of")
        whole_numbers(n["pitch"], 0, 127, "there is a note of pitch")
    ends = [n["time"].astype(np.int64) + n["duration"] for n in notes]
    stretches = meter_stretches(score, max((int(e.max()) for e in ends if len(e)), default=0))
    steps = 0
    if stretches:
        start, bars, (top, bottom) = stretches[-1]
        steps = int(step(start + bars * 4 * tpq * top // bottom))
    if steps > MAX_STEPS:
        raise MidiError(
            f"the given music has {steps:,} steps of {resolution} to the quarter note, and a piano "
            f"roll has at most {MAX_STEPS:,} here. Use a lower resolution, or a part of the music."
        )
    downbeat = np.zeros(steps, dtype=bool)
    for start, bars, (top, bottom) in stretches:
        downbeat[step(start + np.arange(bars) * 4 * tpq * top // bottom)] = True
    tempo = np.full(steps, 6e7 / DEFAULT_TEMPO)
    for change in sorted(score.tempos, key=lambda change: change.time):
        tempo[max(int(step(change.time)), 0) :] = 6e7 / _microseconds(change.mspq)

    def rolls() -> Iterator[np.ndarray]:
        for n, end in zip(notes, ends, strict=True):
            roll = np.zeros((steps, 128), dtype=np.uint8)
            columns = (np.minimum(step(n["time"]), steps - 1), step(end), n["pitch"], n["velocity"])
            for first, last, pitch, velocity in zip(*(c.tolist() for c in columns), strict=True):
                roll[first : max(last, first + 1), pitch] = max(velocity, 1)
            yield roll

    return tempo, downbeat, rolls()


def score_of_notes(
    resolution: int,
    steps: int,
    tempo: np.ndarray | None,
    downbeat: np.ndarray | None,
    tracks: Iterable[tuple[tuple[Any, Any, Any], NoteColumns]],
) -> ScoreTick:
    """Returns the score of notes in steps, and of the tempo and downbeat of each step.

    `steps` are those of the longest track, `tempo` and `downbeat` have the shape `(steps,)` or
    `(steps, 1)`, and `tracks` has each one's name, program and whether it is drums, and its notes.
    """
    if not 1 <= resolution <= 0x7FFF:
        raise MidiError(f"a resolution of {resolution} steps, and MIDI has 1 to 32,767 ticks.")
    score = ScoreTick(resolution)
    marks = np.ravel(np.zeros(0) if downbeat is None else downbeat)
    downbeats = np.flatnonzero(marks)
    pickup = 0
    if len(downbeats):
        lengths = np.diff(downbeats).tolist()
        if lengths:  # The last bar may be cut off where the music ends: it is as the one before.
            lengths.append(lengths[-1])
        elif (rest := max(steps, len(marks)) - int(downbeats[0])) < 8 * resolution:
            lengths = [rest]
        pickup = -int(downbeats[0]) % (lengths[0] if lengths else 4 * resolution)
        before = None
        for place, length in zip(downbeats.tolist(), lengths, strict=False):
            meter = _meter(length, resolution)
            if meter is not None and meter != before:
                time = place + pickup if place > downbeats[0] else 0
                score.time_signatures.append(TimeSignatureTick(time, *meter))
                before = meter
    if tempo is not None and np.size(tempo):
        tempo = _in_order(np.ravel(tempo), resolution)
        places = np.flatnonzero(np.append(True, tempo[1:] != tempo[:-1]))
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            mspq = _microseconds(6e7 / tempo[places].astype(float))
        changes = np.diff(mspq, prepend=0) != 0  # two tempos may be as many microseconds
        places, mspq = places[changes], mspq[changes]
        times = np.where(places > 0, places + pickup, 0)
        score.tempos = TempoTickList.from_numpy(times.astype(np.int32), mspq.astype(np.int32))
    for labels, (start, *columns) in tracks:
        score.tracks.append(make_track(labels, (start + pickup, *columns)))
    return score


def velocities(cells: np.ndarray) -> np.ndarray:
    """Returns cells of a roll, of any type and shape, as velocities of 0 to 127 and type uint8."""
    if cells.dtype.kind == "b":
        return cells * np.uint8(DEFAULT_VELOCITY)
    if cells.dtype.kind not in "iuf" or (cells.dtype.kind == "f" and np.isnan(cells).any()):
        kind = "nan" if cells.dtype.kind == "f" else f"type {cells.dtype}"
        raise MidiError(f"a track has a velocity of {kind}, and MIDI has 0 to 127.")
    loud = np.clip(cells, 0, 127)
    return (np.rint(loud) if cells.dtype.kind == "f" else loud).astype(np.uint8)


def note_begins(number: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """Returns at which of the sounding cells of a roll a note begins, `(cells,)` of bool.

    Their numbers are `pitch * (steps + 1) + step`, rising, so that no note goes on in the next
    pitch; their velocities are 1 to 127.
    """
    begins = np.ones(len(number), dtype=bool)
    begins[1:] = number[1:] != number[:-1] + 1
    begins[1:] |= velocity[1:] != velocity[:-1]
    return begins


def notes_of_cells(
    number: np.ndarray, velocity: np.ndarray, begins: np.ndarray, steps: int
) -> NoteColumns:
    """Returns the notes that begin where `note_begins` says, in order of pitch and start."""
    first = np.flatnonzero(begins)
    pitch, start = np.divmod(number[first], number.dtype.type(steps + 1))
    return start, np.diff(first, append=len(number)), pitch, velocity[first]


def _in_order(tempo: np.ndarray, resolution: int) -> np.ndarray:
    """Returns the tempo of each step where there are those of the beats, 24 times over."""
    beats, rest = divmod(len(tempo), PARSER_STEPS)
    if rest or beats * resolution > MAX_STEPS or (tempo == tempo[0]).all():
        return tempo
    times = tempo.reshape(PARSER_STEPS, beats)
    return np.repeat(times[0], resolution) if (times == times[0]).all() else tempo


def _microseconds(mspq: Any) -> np.ndarray:
    """Returns tempos in whole microseconds per quarter note, or raises a `MidiError`."""
    return whole_numbers(mspq, 1, MAX_TEMPO, "a quarter note has a microsecond count of")


def _meter(length: int, ticks_per_quarter: int) -> tuple[int, int] | None:
    """Returns the meter of a bar of `length` ticks with the largest beat, from 4 on, or None."""
    for bottom in (4, 8, 16, 32, 64):
        top, rest = divmod(length * bottom, 4 * ticks_per_quarter)
        if not rest and 1 <= top <= 255:
            return top, bottom
    return None
