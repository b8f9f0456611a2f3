"""What a composer asks of a piece: key, mode, range, density and instrument.

A model that sees pitches relative to the past is the same in every key, so that a piece may be
moved without becoming less likely, its first notes aside. So a key's tonic is set by moving what
was written, and a melody's range by writing in the octaves around middle C, where first notes are
likely, and moving that. What can't be had by moving is had otherwise:

    wish      how
    -------   ------------------------------------------------------------------------------
    mode      pieces are written until one is in the mode (rejection): what is returned is drawn
              from the model, given the mode
    density   likewise
    range     what lies outside can't be drawn, at each event; together with a key or a mode,
              pieces are written until one fits (rejection)

A voice of a choir has a range that the model knows. So music in several voices is moved to a key
only as far as each voice stays in the range that it had in training, or in the one that is asked
for; other pieces are written anew. Nor is it moved to be in a range.

The key that a piece is in is that of `musegen.encoding.keys`. Its density is the notes of each
voice, on average, by the quarter notes from its first note's beginning to its last one's end. A
model that sees pitches as they are is not moved: with it, all is rejection.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from symusic.core import KeySignatureTick

from musegen._checks import counted, shown
from musegen.composition import MelodyComposition, VoicesComposition, signed
from musegen.encoding.history import MIDDLE_C
from musegen.encoding.keys import MODES, key_distances, key_from
from musegen.encoding.melody import FIRST_PITCH, PITCH_IDS
from musegen.plots import note_name
from musegen.sampling.asked import by_voice, density_from, instrument_from, range_from

TRIES = 200
"""Pieces that are written at most for each one that is asked for."""

AT_ONCE = 8
"""Melodies that are written at a time at least, where not each is taken."""

ANY_PITCH = 0, 127

_COLUMNS = ("time", "duration", "pitch")

_Piece = TypeVar("_Piece", MelodyComposition, VoicesComposition)


def refuse(**wishes: Any) -> None:
    """Raises a ValueError for what is asked of music that is given, and so has its own."""
    for name, value in wishes.items():
        if value is not None:
            raise ValueError(
                f"{name}={shown(value)}: the music that is given has its own. Leave it out."
            )


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What is asked of each piece, None for what is not.

    Attributes:
        key: 0 to 23, and its key signature in fifths.
        mode: `"major"` or `"minor"`.
        ranges: The lowest and the highest MIDI pitch of each voice, or None for any.
        programs: The program of each voice's instrument, or None for its own.
        density: The least and the most notes a quarter note.
        moves: Whether pieces may be moved.
        home: The range of each voice that it may be moved in, if none is asked for.
        seen: The densities of the pieces that were looked at.
    """

    key: tuple[int, int] | None = None
    mode: str | None = None
    ranges: tuple[tuple[int, int] | None, ...] = (None,)
    programs: tuple[int | None, ...] = (None,)
    density: tuple[float, float] | None = None
    moves: bool = True
    home: tuple[tuple[int, int], ...] = (ANY_PITCH,)
    seen: list[float] = dataclasses.field(default_factory=list)

    @classmethod
    def of(
        cls,
        key: Any = None,
        mode: str | None = None,
        pitches: Any = None,
        instrument: Any = None,
        density: Any = None,
        moves: bool = True,
        voices: Sequence[str] = (),
        home: Sequence[Sequence[int]] = (),
    ) -> Wishes:
        """Reads what was asked for.

        Args:
            key: The name of a key, or None; the others are as of `sample`.
            mode: The mode.
            pitches: The range.
            instrument: The instrument.
            density: The density.
            moves: Whether pieces may be moved.
            voices: What the voices are called; none are those of a melody.
            home: The range of each voice; any pitch if there are none.
        """
        read = None if key is None else key_from(key)
        if read is not None and mode not in (None, MODES[read[0] // 12]):
            raise ValueError(f"mode={mode!r}: the key is {key}. Leave the mode out.")

        def each(argument: str, value: Any, check: Callable[[Any], Any]) -> tuple[Any, ...]:
            names = tuple(voices)
            found = {} if value is None else by_voice(argument, value, check, names)
            return tuple(found.get(name, found.get("")) for name in names or [""])

        ranges = each("pitch_range", pitches, range_from)
        for name, asked, own in zip(voices, ranges, home):
            least = min(12, own[1] - own[0])
            if asked is not None and min(asked[1], own[1]) - max(asked[0], own[0]) < least:
                raise ValueError(
                    f"pitch_range={shown(pitches)}: the model knows the {name} from "
                    f"{note_name(own[0])} to {note_name(own[1])}. Give a range that has an octave "
                    "of that, or all."
                )
        return cls(
            read,
            MODES[read[0] // 12] if read else mode,
            ranges,
            each("instrument", instrument, instrument_from),
            None if density is None else density_from(density),
            moves,
            tuple((low, high) for low, high in home) or (ANY_PITCH,) * len(ranges),
        )

    @property
    def rejects(self) -> bool:
        """Whether not every piece that is written is taken."""
        return self.mode is not None or self.density is not None

    @property
    def fits(self) -> bool:
        """Whether ranges are had by moving what was written, and taking it only if it fits."""
        return self.mode is not None and self.moves

    @property
    def octaves(self) -> int:
        """How far a melody that is written in the range lies below it, to be near middle C."""
        if self.ranges[0] is None or not self.moves or self.fits:
            return 0
        return 12 * round((sum(self.ranges[0]) / 2 - MIDDLE_C) / 12)

    @property
    def allowed(self) -> NDArray[np.bool_] | None:
        """Which pitch ids of a melody may be written, `(pitch ids,)`; None for all."""
        if self.ranges[0] is None or self.fits:
            return None
        pitch = np.arange(PITCH_IDS) - FIRST_PITCH + self.octaves
        inside = (pitch >= self.ranges[0][0]) & (pitch <= self.ranges[0][1])
        return inside | (np.arange(PITCH_IDS) < FIRST_PITCH)

    @property
    def bounds(self) -> NDArray[np.int32] | None:
        """The lowest and the highest pitch that each voice may have, `(2, voices)`; None for any.

        They are those that are written: not where pieces are moved afterwards.
        """
        if self.fits or not any(self.ranges):
            return None
        return np.array([one or ANY_PITCH for one in self.ranges], np.int32).T

    def fulfilled(self, piece: _Piece) -> _Piece | None:
        """Returns a piece that was written as it is asked for, or None if it can't be so."""
        voice, start, duration, pitch = _new_notes(piece)
        if self.density is not None:
            density = _density(piece, start, duration)
            self.seen.append(density)
            if not self.density[0] <= density <= self.density[1]:
                return None
        shift: int | None = self.octaves if isinstance(piece, MelodyComposition) else 0
        if self.mode is not None:
            sounded = np.bincount(pitch % 12, duration, minlength=12)
            distances = key_distances(sounded)
            found = -1 if np.isnan(distances[0]) else int(np.argmin(distances))
            if found < 0 or MODES[found // 12] != self.mode:
                return None
            shift = self._shift(found, voice, pitch)
        return None if shift is None else self._changed(piece, shift)

    def _shift(self, found: int, voice: NDArray[Any], pitch: NDArray[Any]) -> int | None:
        """How far a piece in some key is moved, as little as can be, or None if it can't be so."""
        shifts = [0]
        if self.key is not None:
            shifts = [move for move in range(-54, 60) if (found + move - self.key[0]) % 12 == 0]
        elif any(self.ranges):
            shifts = list(range(-60, 61))
        for move in sorted(shifts if self.moves else {0}.intersection(shifts), key=abs):
            # What is not moved need not be in the ranges of training.
            rooms = [
                asked or (own if move else ANY_PITCH) for asked, own in zip(self.ranges, self.home)
            ]
            low, high = (np.array(rooms) - move)[voice].T
            if ((pitch >= low) & (pitch <= high)).all():
                return move
        return None

    def _changed(self, piece: _Piece, shift: int) -> _Piece:
        if not shift and self.key is None and not any(one is not None for one in self.programs):
            return piece
        name = "melody" if isinstance(piece, MelodyComposition) else "music"
        music = getattr(piece, name).transpose(shift)
        score = signed(piece.encoding.decode(music), piece.model, piece.seed)
        if self.key is not None:
            score.key_signatures.append(KeySignatureTick(0, self.key[1], self.key[0] // 12))
        for track, program in zip(score.tracks, self.programs):
            track.program = track.program if program is None else program
        return dataclasses.replace(piece, **{name: music}, score=score)


def collected(
    write: Callable[[range], Iterable[_Piece | None]],
    count: int,
    at_once: int,
    wishes: Wishes,
    tries: int = 1,
) -> list[_Piece]:
    """Has pieces written until there are as many as are asked for.

    Args:
        write: Writes the pieces of some numbers; None is one that is not as asked for.
        count: How many pieces.
        at_once: How many are written at a time.
        wishes: What is asked of each.
        tries: How often each is written.

    Raises:
        ValueError: If `TRIES` tries for each do not suffice.
    """
    pieces: list[_Piece] = []
    first = 0
    while len(pieces) < count:
        if first * tries >= TRIES * count:
            seen = wishes.seen
            have = f" They have {min(seen):.2f} to {max(seen):.2f} notes a quarter." if seen else ""
            raise ValueError(
                f"Of {counted(first, 'piece')} {len(pieces)} are as asked for, and not {count}: "
                f"ask for a wider range, or another key, mode or density.{have}"
            )
        last = first + at_once if wishes.rejects else min(first + at_once, count)
        pieces += [piece for piece in write(range(first, last)) if piece is not None]
        first = last
    return pieces[:count]


def _new_notes(piece: Any) -> list[NDArray[np.int64]]:
    """The voice, start, duration and pitch of each note that is new, `(notes,)`, in ticks."""
    columns = [np.zeros((4, 0), np.int64)]
    for number, track in enumerate(piece.score.tracks):
        notes = track.notes.numpy()
        column = (np.full(len(notes["time"]), number), *(notes[n] for n in _COLUMNS))
        columns.append(np.array(column, np.int64))
    found = np.concatenate(columns, axis=1)
    return list(found[:, found[1] >= (piece._prompt_end or 0)])


def _density(piece: Any, start: NDArray[Any], duration: NDArray[Any]) -> float:
    """The notes of each voice a quarter note, 0 where there are none."""
    if not len(start):
        return 0.0
    quarters = (int((start + duration).max()) - int(start.min())) / piece.score.ticks_per_quarter
    return len(start) / len(piece.score.tracks) / quarters
