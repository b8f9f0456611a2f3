"""The plain forms of music that voices and copies are measured on: lines and melodies.

*Lines* are the pitch of each track at each step: an array `(steps, tracks)` of MIDI pitches, -1 for
a rest. `pitch_lines` makes them of rolls. They do not say whether a pitch was struck anew or held.

A *melody* is the notes of one voice: a pair `(pitches, durations)` of arrays `(events,)` of whole
numbers, MIDI pitches, -1 for a rest, and durations of at least 1 in any unit that is the same for
all. `melody_notes` makes it of a `Melody`, which has ids in place of pitches and durations.

To compute on all pieces at once, they are joined to one, with a rest after each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musegen._checks import checked_kind, shown
from musegen.encoding.melody import Melody
from musegen.encoding.pitch_duration import PitchDurationEncoding

Lines: TypeAlias = Sequence[NDArray] | NDArray
"""Pieces, each `(steps, tracks)`; or all in one array, where they are equally long."""

Melodies: TypeAlias = Sequence[tuple[ArrayLike, ArrayLike]]
"""Melodies, each `(pitches, durations)`."""


def melody_notes(
    melody: Melody, encoding: PitchDurationEncoding
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the notes of a `Melody` and the rests between them, tied ones as one.

    Args:
        melody: The line.
        encoding: The encoding that made it.

    Returns:
        MIDI pitches, -1 for a rest, and durations in steps of a 24th of a quarter note, `(events,)`
        each.

    Raises:
        ValueError: If `encoding` is not an encoding, or `melody` is not one of its melodies.
    """
    checked_kind("encoding", encoding, PitchDurationEncoding, "a PitchDurationEncoding")
    notes = encoding.decode(melody).tracks[0].notes.numpy()
    starts = notes["time"].astype(np.int64)
    durations = notes["duration"].astype(np.int64)
    rests = starts[1:] - (starts + durations)[:-1]
    places = np.flatnonzero(rests) + 1
    pitches = np.insert(notes["pitch"].astype(np.int64), places, -1)
    return pitches, np.insert(durations, places, rests[rests > 0])


def checked_pieces(name: str, pieces: Any) -> list[NDArray[np.int64]]:
    """Returns lines as arrays `(steps, tracks)`, all of the same tracks, or raises a ValueError."""
    try:
        arrays = [np.asarray(piece) for piece in pieces]
    except (TypeError, ValueError):
        arrays = []
    if not arrays:
        raise ValueError(f"{name}={shown(pieces)}: give the lines of at least one piece.")
    for index, array in enumerate(arrays):
        if array.ndim != 2 or not array.shape[1] or array.dtype.kind not in "iu":
            raise ValueError(
                f"{name}[{index}] has the shape {array.shape} and the type {array.dtype}: give an "
                "array (steps, tracks) of MIDI pitches, -1 for a rest."
            )
        if array.shape[1] != arrays[0].shape[1]:
            raise ValueError(
                f"{name}[{index}] has {array.shape[1]} tracks and {name}[0] has "
                f"{arrays[0].shape[1]}: give pieces with the same tracks."
            )
        _check_pitches(f"{name}[{index}]", array)
    return [array.astype(np.int64) for array in arrays]


def checked_notes(name: str, melodies: Any) -> list[NDArray[np.int64]]:
    """Returns the notes of each melody, `(notes, 3)`: pitch, duration and the rest before it."""
    try:
        pairs = [(np.asarray(pitches), np.asarray(durations)) for pitches, durations in melodies]
    except (TypeError, ValueError):
        pairs = []
    if not pairs:
        raise ValueError(
            f"{name}={shown(melodies)}: give pairs (pitches, durations), at least one."
        )
    pieces = []
    for index, (pitches, durations) in enumerate(pairs):
        if (
            pitches.ndim != 1
            or pitches.shape != durations.shape
            or (pitches.size and not {pitches.dtype.kind, durations.dtype.kind} <= {"i", "u"})
            or (pitches.size and not 1 <= durations.min() <= durations.max() < 2**31)
        ):
            raise ValueError(
                f"{name}[{index}] is ({shown(pitches)}, {shown(durations)}): give two equally long "
                "arrays of whole numbers, MIDI pitches (-1 for a rest) and durations from 1 up."
            )
        _check_pitches(f"{name}[{index}]", pitches)
        sounding = pitches >= 0
        ends = np.cumsum(durations, dtype=np.int64)[sounding]
        lengths = durations[sounding].astype(np.int64)
        rests = np.diff(ends, prepend=0) - lengths
        pieces.append(np.stack([pitches[sounding].astype(np.int64), lengths, rests], axis=1))
    return pieces


def _check_pitches(name: str, pitches: NDArray) -> None:
    if pitches.size and not -1 <= pitches.min() <= pitches.max() <= 127:
        wrong = pitches[(pitches < -1) | (pitches > 127)][0]
        raise ValueError(f"{name} holds {wrong}: give MIDI pitches from 0 to 127, -1 for a rest.")


def joined(pieces: Iterable[NDArray]) -> NDArray[np.int64]:
    """Joins pieces into one, with a row of -1 after each, so that none runs into the next."""
    return np.concatenate([np.pad(piece, ((0, 1), (0, 0)), constant_values=-1) for piece in pieces])
