"""What a composer asks of a melody: key, mode, range and instrument.

A model that sees pitches relative to the past is the same in every key, so that a melody may be
moved without becoming less likely, its first note aside. So a key's tonic is set by moving what was
written, and a range by writing in the octaves around middle C, where first notes are likely, and
moving that. What can't be had by moving is had otherwise:

    wish     how
    ------   -------------------------------------------------------------------------------
    mode     pieces are written until one is in the mode (rejection): what is returned is drawn
             from the model, given the mode
    range    what lies outside can't be drawn, at each event; together with a key, pieces are
             written until one fits (rejection)

The key that a piece is in is that of `musegen.encoding.keys`. A model that sees pitches as they are
is not moved: with it, all is rejection.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from symusic.core import KeySignatureTick

from musegen._checks import shown
from musegen.composition import MelodyComposition
from musegen.encoding.grid import METERS
from musegen.encoding.history import MIDDLE_C
from musegen.encoding.keys import MODES, key_distances, key_from, pitch_class
from musegen.encoding.melody import FIRST_PITCH, PITCH_IDS
from musegen.encoding.tonic import sounded

TRIES = 100
"""Pieces that are written at most for each one that is asked for."""


def range_from(pitches: Any) -> tuple[int, int]:
    """Reads a range, such as `"C4-A5"` or `(60, 81)`; C4 is middle C, 60.

    Raises:
        ValueError: If it is no range of MIDI pitches, an octave at least.
    """
    found: tuple[int, ...] = ()
    if isinstance(pitches, str):
        names = re.fullmatch(r"\s*([A-Ga-g][#b]?)(-?\d)\s*-\s*([A-Ga-g][#b]?)(-?\d)\s*", pitches)
        if names:
            ends = (names[1], names[2]), (names[3], names[4])
            found = tuple(12 * int(octave) + 12 + pitch_class(name) for name, octave in ends)
    elif isinstance(pitches, (tuple, list)):
        whole = all(isinstance(one, (int, np.integer)) for one in pitches)
        found = tuple(map(int, pitches)) if whole else ()
    if len(found) != 2 or not 0 <= found[0] <= found[1] - 12 <= 115:
        raise ValueError(
            f"pitch_range={shown(pitches)}: give the lowest and the highest note, such as 'C4-A5' "
            "or (60, 81), an octave apart at least, of the MIDI pitches 0 to 127."
        )
    return found[0], found[1]


def meter_from(meter: Any) -> tuple[int, int]:
    """Reads a meter, such as `"3/4"` or `(3, 4)`.

    Raises:
        ValueError: If it is none of those that models know.
    """
    pair: tuple[Any, ...] = tuple(meter) if isinstance(meter, (tuple, list)) else ()
    if isinstance(meter, str) and re.fullmatch(r"\s*\d{1,2}\s*/\s*\d{1,2}\s*", meter):
        pair = tuple(map(int, meter.split("/")))
    whole = all(isinstance(value, (int, np.integer)) for value in pair)
    if not (whole and pair in METERS):
        allowed = ", ".join(f"({known[0]}, {known[1]})" for known in METERS if known)
        raise ValueError(f"meter={shown(meter)}: choose one of {allowed}.")
    return int(pair[0]), int(pair[1])


def instrument_from(instrument: Any) -> int:
    """Reads an instrument: its General MIDI name, or its program, 0 to 127.

    Raises:
        ValueError: If it is none.
    """
    from pretty_midi.constants import INSTRUMENT_MAP

    names = [name.casefold() for name in INSTRUMENT_MAP]
    near: list[str] = []
    if isinstance(instrument, str) and not instrument.strip().isdecimal():
        if (name := instrument.strip().casefold()) in names:
            return names.index(name)
        near = difflib.get_close_matches(name, names, 1, 0) if name else []
    elif isinstance(instrument, (str, int, np.integer)) and not isinstance(instrument, bool):
        program = int(instrument)
        if 0 <= program <= 127:
            return program
    hint = f", such as {INSTRUMENT_MAP[names.index(near[0])]!r}" if near else ""
    raise ValueError(
        f"instrument={shown(instrument)}: give a General MIDI name{hint}, or a program, 0 to 127."
    )


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What is asked of each piece, None for what is not.

    Attributes:
        key: 0 to 23, and its key signature in fifths.
        mode: `"major"` or `"minor"`.
        pitches: The lowest and the highest MIDI pitch.
        program: The program of the instrument.
        moves: Whether pieces may be moved.
    """

    key: tuple[int, int] | None = None
    mode: str | None = None
    pitches: tuple[int, int] | None = None
    program: int | None = None
    moves: bool = True

    @classmethod
    def of(
        cls, key: Any, mode: str | None, pitches: Any, instrument: Any, relative: bool, given: bool
    ) -> Wishes:
        """Reads what was asked for.

        Args:
            key: The name of a key, or None; the others are as of `sample`.
            mode: The mode.
            pitches: The range.
            instrument: The instrument.
            relative: Whether the model sees pitches relative to the past.
            given: Whether there is music to go on from, or to answer.
        """
        read = None if key is None else key_from(key)
        for name, value in (("key", key), ("mode", mode)):
            if given and value is not None:
                raise ValueError(
                    f"{name}={shown(value)}: the music that is given has its own. Leave it out."
                )
        if read is not None and mode not in (None, MODES[read[0] // 12]):
            raise ValueError(f"mode={mode!r}: the key is {key}. Leave the mode out.")
        return cls(
            read,
            MODES[read[0] // 12] if read else mode,
            None if pitches is None else range_from(pitches),
            None if instrument is None else instrument_from(instrument),
            relative and not given,
        )

    @property
    def rejects(self) -> bool:
        """Whether not every piece that is written is taken."""
        return self.mode is not None

    @property
    def octaves(self) -> int:
        """How far what is written in the range lies below it, so that it is near middle C."""
        if self.pitches is None or not self.moves or self.rejects:
            return 0
        return 12 * round((sum(self.pitches) / 2 - MIDDLE_C) / 12)

    @property
    def allowed(self) -> NDArray[np.bool_] | None:
        """Which pitch ids may be written, `(pitch ids,)`; None for all."""
        if self.pitches is None or (self.rejects and self.moves):
            return None
        pitch = np.arange(PITCH_IDS) - FIRST_PITCH + self.octaves
        inside = (pitch >= self.pitches[0]) & (pitch <= self.pitches[1])
        return inside | (np.arange(PITCH_IDS) < FIRST_PITCH)

    def fulfilled(self, piece: MelodyComposition) -> MelodyComposition | None:
        """Returns a piece that was written as it is asked for, or None if it can't be so."""
        shift, melody = self.octaves, piece.melody
        if self.rejects:
            distances = key_distances(
                sounded(melody.pitches, piece.encoding.steps[melody.durations])
            )
            if np.isnan(distances[0]):
                return None
            found = int(np.argmin(distances))
            if MODES[found // 12] != self.mode:
                return None
            shifts = [0]
            if self.key is not None:
                shifts = [move for move in range(-54, 60) if (found + move - self.key[0]) % 12 == 0]
            elif self.pitches is not None:
                shifts = list(range(-60, 61))
            notes = melody.pitches[melody.pitches >= FIRST_PITCH] - FIRST_PITCH
            low, high = self.pitches or (0, 127)
            shifts = [
                move
                for move in sorted(shifts, key=abs)
                if notes.min() + move >= low and notes.max() + move <= high
            ]
            shifts = shifts if self.moves else [move for move in shifts if not move]
            if not shifts:
                return None
            shift = shifts[0]
        return self._changed(piece, shift)

    def _changed(self, piece: MelodyComposition, shift: int) -> MelodyComposition:
        if not shift and self.key is None and self.program is None:
            return piece
        moved = np.where(piece.melody.pitches >= FIRST_PITCH, shift, 0)
        melody = dataclasses.replace(piece.melody, pitches=piece.melody.pitches + moved)
        score = piece.encoding.decode(melody)
        if self.key is not None:
            score.key_signatures.append(KeySignatureTick(0, self.key[1], self.key[0] // 12))
        if self.program is not None:
            score.tracks[0].program = self.program
        return dataclasses.replace(piece, melody=melody, score=score)
