"""Making a track from another library's numbers, which may be out of range, or no numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from symusic.core import NoteTickList, TrackTick

from musegen.midi import MidiError

DEFAULT_VELOCITY = 64
"""Velocity of a note whose loudness is not stated, as the MIDI standard has it."""


def make_track(labels: tuple[Any, Any, Any], notes: Iterable[Any]) -> TrackTick:
    """Makes a track in order of time, with a tick for notes of zero length.

    `labels` are its name or None, program, and whether it is drums; `notes` are start, duration,
    pitch and velocity, each `(notes,)`. A number out of MIDI's range is a `MidiError`.
    """
    name, program, is_drum = labels[0] or "", *labels[1:]
    start, duration, pitch, velocity = notes
    where = f"track {name!r} has"
    program = int(whole_numbers([program], 0, 127, f"{where} a program of")[0])
    pitch = whole_numbers(pitch, 0, 127, f"{where} a note of pitch")
    velocity = whole_numbers(velocity, 0, 127, f"{where} a note of velocity")
    order = np.argsort(start, kind="stable")
    track = TrackTick(name, program, bool(is_drum))
    track.notes = NoteTickList.from_numpy(
        np.asarray(start)[order].astype(np.int32),
        np.maximum(duration, 1)[order].astype(np.int32),
        pitch[order].astype(np.int8),
        np.maximum(velocity, 1)[order].astype(np.int8),
    )
    return track


def whole_numbers(values: Any, lowest: int, highest: int, what: str) -> np.ndarray:
    """Returns numbers as int64, rounded, or raises a `MidiError` about the first out of range."""
    values = np.asarray(values, dtype=float)
    wrong = ~((values >= lowest) & (values <= highest))  # so that NaN is wrong
    if wrong.any():
        raise MidiError(f"{what} {values[wrong][0]:g}, and MIDI has {lowest} to {highest:,}.")
    return np.rint(values).astype(np.int64)
