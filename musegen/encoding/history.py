"""What is known of a melody before an event, in every key alike.

A *history* is all that is kept of a melody from event to event, for any leading dimensions:

    pitch       (...)              pitch id of the event before
    notes       (..., NOTES)       MIDI pitches of the last notes, the latest first; -1 for no note
    durations   (..., DURATIONS)   duration ids of the last events, the latest first; -1 for none
    sounded     (..., 12)          steps that notes of each pitch class took
    line        (..., 5)           of all notes their number, the sum of their pitches, and the
                                   first, the lowest and the highest pitch; zeros without a note

`features` says what a history means for the event that follows: pitches relative to the last note,
and to a key that is guessed from what has sounded. `symbols` is the pitch id of an event relative
to the last note. A melody that is moved to another key has the same features and, its first note
aside, the same symbols.

There is one definition for whole melodies (`histories`), one event at a time (`append`), and any
library of arrays: `xp` is `numpy` or `keras.ops`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from musegen.encoding.melody import FIRST_PITCH, START

History: TypeAlias = dict[str, Any]

NOTES, DURATIONS = 5, 4
"""How many notes and durations a history has."""

HEIGHTS = ("above_mean", "above_first", "above_lowest", "above_highest")
"""What the height of the last note is measured from."""

MIDDLE_C = 60
"""What the first note is relative to."""

NO_NOTE = 128
"""As the id of a note: there is none."""

NO_PITCH = 1000
"""In a feature of pitches: there is none."""

# How much each pitch class, counted from the tonic, speaks for a major key (or its relative minor):
# those of the scale, and half as much again those of the tonic's triad.
MAJOR = np.array([3, 0, 2, 0, 3, 2, 0, 3, 0, 2, 0, 2], np.int32)
_CLASSES = np.arange(12, dtype=np.int32)
# [r, d]: how much a pitch class r above a note speaks for the note being the degree d of the key.
_DEGREES = MAJOR[(_CLASSES[:, None] + _CLASSES) % 12]


def first_history(batch: int) -> History:
    """Returns what is known after the start of `batch` melodies, as numpy arrays."""
    history = {
        "pitch": np.full(batch, START, np.int32),
        "notes": np.full((batch, NOTES), -1, np.int32),
        "durations": np.full((batch, DURATIONS), -1, np.int32),
        "sounded": np.zeros((batch, 12), np.int32),
        "line": np.zeros((batch, 5), np.int32),
    }
    history["durations"][:, 0] = 0
    return history


def append(history: History, pitch: Any, duration: Any, steps: Any, xp: Any) -> History:
    """Returns the history with one more event.

    Args:
        history: What was known before it.
        pitch: Its pitch id, `(...)` int32.
        duration: Its duration id, likewise.
        steps: The steps that it takes, likewise.
        xp: `numpy` or `keras.ops`.
    """
    is_note, note = pitch >= FIRST_PITCH, pitch - FIRST_PITCH
    latest = xp.concatenate([note[..., None], history["notes"][..., :-1]], axis=-1)
    of_class = xp.logical_and(is_note[..., None], (note % 12)[..., None] == _CLASSES)
    count, total, first, lowest, highest = (history["line"][..., i] for i in range(5))
    some = count > 0
    line = [
        count + 1,
        total + note,
        xp.where(some, first, note),
        xp.where(some, xp.minimum(lowest, note), note),
        xp.where(some, xp.maximum(highest, note), note),
    ]
    return {
        "pitch": pitch,
        "notes": xp.where(is_note[..., None], latest, history["notes"]),
        "durations": xp.concatenate([duration[..., None], history["durations"][..., :-1]], axis=-1),
        "sounded": history["sounded"] + xp.where(of_class, steps[..., None], 0),
        "line": xp.where(is_note[..., None], xp.stack(line, axis=-1), history["line"]),
    }


def histories(
    pitches: NDArray[np.int32], durations: NDArray[np.int32], steps: NDArray[np.int64]
) -> History:
    """Returns what is known after each event of a melody.

    Args:
        pitches: Pitch ids, `(time,)`.
        durations: Duration ids, `(time,)`.
        steps: The steps of each event, `(time,)`.

    Returns:
        The history, arrays of int32 that begin with `time`.
    """
    is_note, note = pitches >= FIRST_PITCH, pitches - FIRST_PITCH
    notes = np.append(note[is_note], -1)
    past = np.cumsum(is_note)[:, None] - 1 - np.arange(NOTES)
    before = np.arange(len(pitches))[:, None] - np.arange(DURATIONS)
    sounded = np.where(is_note, steps, 0)[:, None] * ((note % 12)[:, None] == _CLASSES)
    count = np.cumsum(is_note)
    first = note[is_note][:1].sum()
    line = [
        count,
        np.cumsum(np.where(is_note, note, 0)),
        np.full(len(note), first),
        np.minimum.accumulate(np.where(is_note, note, 128)),
        np.maximum.accumulate(np.where(is_note, note, -1)),
    ]
    found = {
        "pitch": pitches,
        "line": np.where(count[:, None] > 0, np.stack(line, axis=-1), 0),
        "notes": np.where(past >= 0, notes[np.maximum(past, -1)], -1),
        "durations": np.where(before >= 0, durations[np.maximum(before, 0)], -1),
        "sounded": np.cumsum(sounded, axis=0),
    }
    return {name: values.astype(np.int32) for name, values in found.items()}


def features(history: History, xp: Any) -> dict[str, Any]:
    """Returns what a history means for the event that follows, int32 `(...)` each.

    * `kind`: whether the event before is the start, a rest, a tie or a note, as its pitch id;
      `note`: the last pitch, or `NO_PITCH`; `degree`: its degree, semitones above the tonic of the
      guessed key, -1 without a note.
    * `back1` to `back4`: how far the notes before that one lie from it, the latest first, or
      `NO_PITCH`.
    * `above_mean`, `above_first`, `above_lowest`, `above_highest`: how far the last note lies above
      the rounded mean, the first, the lowest and the highest note, or `NO_PITCH`.
    * `length1` to `length4`: the duration ids of the events before, the latest first, or -1.

    Args:
        history: The history.
        xp: `numpy` or `keras.ops`.
    """
    notes, durations = history["notes"], history["durations"]
    note = notes[..., 0]
    found = {
        "kind": xp.minimum(history["pitch"], FIRST_PITCH),
        "note": xp.where(note >= 0, note, NO_PITCH),
        "degree": xp.where(note >= 0, degree(history, xp), -1),
    }
    for back in range(1, NOTES):
        there = notes[..., back]
        found[f"back{back}"] = xp.where(there >= 0, there - note, NO_PITCH)
    count, total = history["line"][..., 0], history["line"][..., 1]
    count = xp.maximum(count, 1)
    mean = (2 * total + count) // (2 * count)
    for name, pitch in zip(HEIGHTS, (mean, *(history["line"][..., i] for i in (2, 3, 4)))):
        found[name] = xp.where(note >= 0, note - pitch, NO_PITCH)
    for back in range(DURATIONS):
        found[f"length{back + 1}"] = durations[..., back]
    return found


def degree(history: History, xp: Any) -> Any:
    """Returns the degree of the last note, 0 to 11, in the key that most of the past speaks for.

    A key is a major key and stands for its relative minor too. Of several that the past speaks for
    as much, it is the one in which the last note has the lowest degree.
    """
    above = (history["notes"][..., :1] + _CLASSES) % 12
    sounded = xp.take_along_axis(history["sounded"], above, axis=-1)  # by semitones above the note
    return xp.argmax(xp.sum(sounded[..., None] * _DEGREES, axis=-2), axis=-1)


def note_ids(history: History, xp: Any) -> Any:
    """Returns the pitch of the last note, or `NO_NOTE`."""
    note = history["notes"][..., 0]
    return xp.where(note >= 0, note, NO_NOTE)


def center(history: History, xp: Any) -> Any:
    """Returns the pitch that the next one is relative to: the last note, or middle C."""
    note = history["notes"][..., 0]
    return xp.where(note >= 0, note, MIDDLE_C)


def symbols(history: History, pitch: Any, xp: Any) -> Any:
    """Returns pitch ids relative to the last note: ids of pitches are moved around, one to one."""
    moved = (pitch - FIRST_PITCH - center(history, xp)) % 128 + FIRST_PITCH
    return xp.where(pitch >= FIRST_PITCH, moved, pitch)


def pitches_of(history: History, symbol: Any, xp: Any) -> Any:
    """Returns the pitch ids that `symbols` made these of."""
    moved = (symbol - FIRST_PITCH + center(history, xp)) % 128 + FIRST_PITCH
    return xp.where(symbol >= FIRST_PITCH, moved, symbol)
