"""What holds for every score that is read or written: values that MIDI can hold, in one form.

The rules stand on top of `musegen.midi`. What breaks one is mended here (`settle`), left out with a
warning (`leave_out_impossible`), or refused with a `MidiError`.
"""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from symusic.core import NoteTickList, ScoreTick

MAX_TICK = 2**28 - 1
"""The last tick of a score: the longest time that one MIDI event can state."""

MAX_TEMPO = 2**24 - 1
"""Microseconds per quarter note of the slowest tempo: the most that a MIDI tempo can state."""

MARKERS = 100_000
"""How many markers are put in order."""

_FEWER_TICKS = "If it is too long, use fewer ticks per quarter note."


class MidiError(ValueError):
    """Music that can't be read or written as MIDI; the message says which, why, and what to do.

    Attributes:
        setting: The limit of `ReadLimits` that stands in the way, and the value of it that would
            let the music in; None if it is no limit.
    """

    def __init__(self, message: str, setting: tuple[str, float] | None = None) -> None:
        super().__init__(message)
        self.setting = setting


class MidiWarning(UserWarning):
    """Something in a MIDI file was wrong and is left out; the notes are kept."""


# Where users find them, and what a traceback names.
MidiError.__module__ = MidiWarning.__module__ = "musegen.midi"


def warn(message: str) -> None:
    """Issues a `MidiWarning` that names the line from which this package was called."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("musegen"):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, MidiWarning, stacklevel=level)


# The events with values that MIDI may not hold: which they are, the rule, and whether one event
# (or, as arrays, each of many) keeps to it.
_RULES: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    (
        "tempos",
        f"a quarter note has 1 to {MAX_TEMPO:,} microseconds",
        lambda tempo: (tempo.mspq >= 1) & (tempo.mspq <= MAX_TEMPO),
    ),
    (
        "time_signatures",
        "a meter is 1 to 255 over 1, 2, 4, 8, 16, 32, 64 or 128",
        lambda meter: (
            (meter.numerator >= 1)
            & (meter.denominator >= 1)
            & (meter.denominator & (meter.denominator - 1) == 0)
        ),
    ),
    (
        "key_signatures",
        "a key has at most 7 sharps or flats, and is 0 (major) or 1 (minor)",
        lambda key: (key.key >= -7) & (key.key <= 7) & (key.tonality & 254 == 0),
    ),
)


def impossible_events(score: ScoreTick) -> Iterator[tuple[str, list[bool], str]]:
    """Yields for each list with events that MIDI can't hold its name, where they are, and why."""
    for field, rule, possible in _RULES:
        events = getattr(score, field)
        if len(events) < 20:
            wrong = [not possible(event) for event in events]
        else:
            wrong = (~possible(types.SimpleNamespace(**events.numpy()))).tolist()
        if True in wrong:
            yield field, wrong, f"{events[wrong.index(True)]} ({rule})"


def leave_out_impossible(score: ScoreTick, name: str) -> None:
    """Takes impossible tempos, meters and keys out of a score that was read, with a warning."""
    for field, wrong, what in impossible_events(score):
        events = getattr(score, field)
        kept = [values[~np.array(wrong)] for values in events.numpy().values()]
        setattr(score, field, type(events).from_numpy(*kept))
        warn(f"{name}: left out {sum(wrong):,} of {len(wrong):,} {field}, such as {what}.")


def settle(score: ScoreTick, name: str) -> ScoreTick:
    """Returns a score that keeps to the rules, the same one where it does already, or raises."""
    settled: dict[int, NoteTickList] = {}
    silent, extras = [], []
    for index, track in enumerate(score.tracks):
        notes = track.notes.numpy()
        start, duration = notes["time"], notes["duration"]
        pitch, velocity = notes["pitch"], notes["velocity"]
        if not len(start):
            silent.append(index)
            continue
        if len(track.pedals) or len(track.lyrics):
            extras.append(index)
        for key, values in (("start", start), ("duration", duration)):
            unsigned = values.view(np.uint32)  # where what is below 0 is above 2^31
            if unsigned.max() > MAX_TICK:
                raise MidiError(
                    f"{name}: track {index} ({track.name!r}) has a note whose {key} is "
                    f"{values[unsigned.argmax()]:,} ticks, and MIDI has 0 to {MAX_TICK:,}. "
                    f"{_FEWER_TICKS}"
                )
        if pitch.min() < 0:
            raise MidiError(
                f"{name}: track {index} ({track.name!r}) has a note of pitch {pitch.min()}, and "
                "MIDI has 0 to 127. Transpose it or take it out."
            )
        if duration.min() < 1 or velocity.min() < 1 or (start[1:] < start[:-1]).any():
            order = np.argsort(start, kind="stable")
            settled[index] = NoteTickList.from_numpy(
                start[order],
                np.maximum(duration[order], 1),
                pitch[order],
                np.maximum(velocity[order], 1),
            )
    changes = {}
    for field, _, _ in _RULES:
        events = getattr(score, field)
        if len(events) > 1:
            values = events.numpy()
            last = np.append(values["time"][1:] != values["time"][:-1], True)
            if not last.all():
                changes[field] = type(events).from_numpy(*(each[last] for each in values.values()))
    # symusic sorts markers by time alone, which leaves no order at one tick.
    if len(score.markers) <= MARKERS and not score.markers.is_sorted(_marker_order):
        changes["markers"] = score.markers.sort(_marker_order, inplace=False)
    if settled or silent or extras or changes:
        score = score.copy()
        for field, events in changes.items():
            setattr(score, field, events)
        for index in extras:
            score.tracks[index].pedals.clear()
            score.tracks[index].lyrics.clear()
        for index, replacement in settled.items():
            score.tracks[index].notes = replacement
        for index in reversed(silent):
            score.tracks.pop(index)
    if not 0 <= score.end() <= MAX_TICK or (score.tracks and score.start() < 0):
        raise MidiError(
            f"{name}: its events lie between the ticks {score.start():,} and {score.end():,}, and "
            f"MIDI has 0 to {MAX_TICK:,}. {_FEWER_TICKS}"
        )
    return score


def _marker_order(marker: Any) -> tuple[int, str]:
    return marker.time, marker.text
