"""What notation makes of a track: staves, voices, and the values of notes and rests in each bar.

Time here is whole steps, 24 to the quarter note. Music whose notes begin and end on that grid stays
as it is. Other music (a performance, or notes that are held a little shorter than written) is put
on a grid first, `on_grid`: in each beat that of sixteenths, triplets, thirty-seconds or their
triplets on which all its notes begin, or else the one that they are nearest to for its width.

A voice is a row of chords, which overlap only where more than four sound on a staff; then the notes
that go on are tied from chord to chord. In a bar it is cut into values that can be written: where a
beat (or two, or half of one) has a note that begins in thirds of it, the beat is a triplet; what
crosses a bar line, the edge of a triplet, or a beat in a way that can't be written as one value, is
tied.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick

from musegen._timeline import Bar

STEPS = 24
"""Steps to the quarter note."""

VOICES = 4
"""Voices that a staff has at most, in MuseScore as in print."""

_NAMES = ("breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th")

# Half steps -> the value's name and dots.
VALUES = {
    384 // 2**power * factor // 4: (name, dots)
    for dots, factor in enumerate((4, 6, 7))
    for power, name in enumerate(_NAMES)
    if 384 // 2**power * factor % 4 == 0
}


class Chord(NamedTuple):
    """Notes of a voice that begin and end together; steps from the beginning of the piece."""

    start: int
    end: int
    sounds: list[tuple[int, int]]  # pitch and velocity


class Sound(NamedTuple):
    """A note of a piece, and whether it is tied to the one before and to the one after."""

    pitch: int
    velocity: int
    before: bool
    after: bool


class Piece(NamedTuple):
    """A chord or rest as it is written, from `start`, a step of the bar."""

    start: int
    steps: int
    sounds: list[Sound]  # none for a rest
    value: tuple[str, int] | None  # name and dots; None for a rest of a whole bar
    triplet: bool
    opens: bool  # a triplet
    closes: bool


def on_grid(score: ScoreTick, bars: list[Bar]) -> list[NDArray[np.int64]]:
    """Returns the notes of each track on the grid, `(notes, 4)`: start, end, pitch, velocity."""
    quarter = score.ticks_per_quarter
    tracks = [track.notes.numpy() for track in score.tracks]
    times = np.concatenate([[0], *(t["time"] for t in tracks), *(t["duration"] for t in tracks)])
    exact = not (times.astype(np.int64) * STEPS % quarter).any()
    found = []
    for track in tracks:
        start, end = track["time"].astype(np.int64), track["time"].astype(np.int64)
        end = start + track["duration"]
        if exact:
            start, end = start * STEPS // quarter, end * STEPS // quarter
        else:
            start, end = _nearest(start, end, quarter, np.array([bar.start for bar in bars]))
        columns = (start, end, track["pitch"], track["velocity"])
        found.append(np.stack(columns, axis=1).astype(np.int64))
    return found


def _nearest(start: Any, end: Any, quarter: int, bars: NDArray[Any]) -> tuple[Any, Any]:
    """Puts notes on the grid of the beat that they begin or end in; one lasts a step of it."""

    def placed(ticks: Any) -> tuple[Any, Any]:
        bar = np.maximum(np.searchsorted(bars, ticks, side="right") - 1, 0)
        place = (ticks - bars[bar]) / quarter
        beat = np.floor(place)
        origin = np.rint((bars[bar] / quarter + beat) * STEPS).astype(np.int64)
        return origin, place - beat

    origins, shares = placed(start)
    grids: dict[int, int] = {}
    for origin in np.unique(origins).tolist():
        inside = shares[origins == origin]
        errors = {grid: np.abs(inside - np.rint(inside * grid) / grid) for grid in (4, 6, 8, 12)}
        fits = [grid for grid, error in errors.items() if error.max() <= 1 / 96]
        near = min((4, 6, 8), key=lambda grid: float(errors[grid].mean()) * grid)
        grids[origin] = fits[0] if fits else near

    def rounded(origin: Any, share: Any) -> tuple[Any, Any]:
        grid = np.array([grids.get(one, 4) for one in origin.tolist()], np.int64)
        return origin + np.rint(share * grid).astype(np.int64) * (STEPS // grid), STEPS // grid

    first, least = rounded(origins, shares)
    last, _ = rounded(*placed(end))
    return first, np.maximum(last, first + least)


def voices_of(notes: NDArray[np.int64]) -> list[list[Chord]]:
    """Deals the notes of a staff to voices.

    Notes that begin and end together are a chord. Each chord, the highest of a moment first, goes
    to the first voice that is free; where all four sound, to the last one that has not its pitches.
    """
    together: dict[tuple[int, int], list[Chord]] = {}
    for start, end, pitch, velocity in notes.tolist():
        same = together.setdefault((start, end), [])
        chord = next((c for c in same if all(pitch != other for other, _ in c.sounds)), None)
        if chord is None:
            same.append(chord := Chord(start, end, []))
        chord.sounds.append((pitch, velocity))
    chords = [chord for same in together.values() for chord in same]
    chords.sort(key=lambda chord: (chord.start, -max(chord.sounds)[0], chord.end))
    voices: list[list[Chord]] = []
    ends: list[int] = []
    for chord in chords:
        chord.sounds.sort()
        which = next((v for v, end in enumerate(ends) if end <= chord.start), len(voices))
        if which == VOICES:
            pitches = {pitch for pitch, _ in chord.sounds}
            free = (v for v in reversed(range(VOICES)) if not pitches & _held(voices[v], chord))
            which = next(free, VOICES - 1)
        if which == len(voices):
            voices.append([])
            ends.append(0)
        voices[which].append(chord)
        ends[which] = max(ends[which], chord.end)
    return voices


def _held(voice: list[Chord], chord: Chord) -> set[int]:
    """Returns the pitches of a voice that sound where a chord begins."""
    return {pitch for other in voice if other.end > chord.start for pitch, _ in other.sounds}


@dataclasses.dataclass
class Spans:
    """The chords of a voice by the bars that they sound in; `lines` are the bar lines."""

    voice: list[Chord]
    lines: list[int]

    def __post_init__(self) -> None:
        self.by_bar: dict[int, list[Chord]] = {}
        begins = np.searchsorted(self.lines, [chord.start for chord in self.voice], "right") - 1
        for chord, bar in zip(self.voice, begins.tolist()):
            while bar < len(self.lines) - 1 and self.lines[bar] < chord.end:
                self.by_bar.setdefault(bar, []).append(chord)
                bar += 1

    def pieces(self, bar: int) -> list[Piece]:
        """Returns what is written of the voice in a bar, rests among it, from first to last."""
        begin, length = self.lines[bar], self.lines[bar + 1] - self.lines[bar]
        chords = self.by_bar.get(bar, [])
        if not chords:
            return [Piece(0, length, [], None, False, False, False)]
        ends = {end - begin for chord in chords for end in (chord.start, chord.end)}
        places = sorted({0, length, *(end for end in ends if 0 < end < length)})
        triplets = _triplets(length, set(places[1:-1]))
        found = []
        for first, last in itertools.pairwise(places):
            sounding = [c for c in chords if c.start < begin + last and c.end > begin + first]
            for start, steps, triplet in _values(first, last, triplets, bool(sounding)):
                at, edges = begin + start, [edge for edge in triplets if edge[0] <= start < edge[1]]
                sounds = [
                    Sound(pitch, velocity, at > chord.start, at + steps < chord.end)
                    for chord in sounding
                    for pitch, velocity in chord.sounds
                ]
                value = VALUES[steps * (3 if triplet else 2)]
                opens = triplet and start == edges[0][0]
                closes = triplet and start + steps == edges[0][1]
                found.append(Piece(start, steps, sorted(sounds), value, triplet, opens, closes))
        return found


def _triplets(length: int, cuts: set[int]) -> list[tuple[int, int]]:
    """Returns the stretches of a bar that are triplets, given the steps at which notes meet."""
    found: list[tuple[int, int]] = []

    def look(start: int, size: int) -> None:
        inner = {cut - start for cut in cuts if start < cut < start + size}
        if all((start + cut) % 3 == 0 for cut in inner):
            return
        thirds = all(cut % (size // 3) == 0 for cut in inner)
        if not thirds and size > 3 and (size > STEPS or size // 2 in inner):
            look(start, size // 2)
            look(start + size // 2, size // 2)
        else:
            found.append((start, start + size))

    place = 0
    while place < length:
        size = next(s for s in (96, 48, 24, 12, 6, 3, 1) if place % s == 0 and place + s <= length)
        if size >= 3:
            look(place, size)
        place += size
    return found


def _values(
    start: int, end: int, triplets: list[tuple[int, int]], sounds: bool
) -> list[tuple[int, int, bool]]:
    """Cuts a stretch of a bar into values: where each begins, its steps, if it is in a triplet."""
    found: list[tuple[int, int, bool]] = []
    place = start
    while place < end:
        inside = next(((a, b) for a, b in triplets if a <= place < b), None)
        stop = min([end, *(a for a, _ in triplets if a > place)])
        if inside is not None:
            stop = min(end, inside[1])
            steps = _value_of_note(place, stop, 3)
        elif sounds:
            steps = _value_of_note(place, stop, 2)
        else:
            steps = _value_of_rest(place, stop)
        found.append((place, steps, inside is not None))
        place += steps
    return found


def _value_of_note(start: int, end: int, scale: int) -> int:
    """Returns the steps of the first value of a note; a step is `scale` half steps as written."""
    length = end - start
    beat = (start // STEPS + 1) * STEPS  # the first one after the start
    if length * scale in VALUES and (scale == 3 or start % 12 == 0 or end <= beat):
        return length
    if scale == 2 and beat < end:  # to the last beat, or, from between two, to the next
        length = (end - 1) // STEPS * STEPS - start if start % STEPS == 0 else beat - start
    if length * scale in VALUES:
        return length
    return max(half // scale for half in VALUES if half % scale == 0 and half <= length * scale)


def _value_of_rest(start: int, end: int) -> int:
    """Returns the steps of the first value of a rest: without dots, on a multiple of itself."""
    plain = [half // 2 for half, (_, dots) in VALUES.items() if not dots and half % 2 == 0]
    return max(steps for steps in plain if start % steps == 0 and start + steps <= end)
