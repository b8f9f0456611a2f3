"""What was copied: stretches of music that stand in the training data, and phrases twice.

Music is compared as lines or as melodies (`musegen.evaluation.lines`):

- A window of *lines* is some steps of all tracks together, without a rest in any. It stands in the
  training data if the same pitches do, step for step, in any transposition of all tracks together.
  A chord that is held long is a window as any other.
- A window of a *melody* is some notes one after the other, with the rests between them. It stands
  in the training data if the same intervals, durations and rests do; or, where rhythm is not
  compared, the same intervals. Rests before the first and after the last note do not matter.

A window may begin at any step or note of a piece, bar lines or not, and ends within its piece. All
comparisons are exact (`musegen.evaluation.windows`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen._checks import checked_bool, checked_int, checked_items, shown
from musegen.evaluation.lines import Lines, Melodies, checked_notes, checked_pieces, joined
from musegen.evaluation.windows import Windows


@dataclasses.dataclass(frozen=True)
class CopiedShares:
    """What share of windows of several lengths stand in the training data; prints as one line.

    Attributes:
        unit: What windows are counted in, "steps" or "notes".
        lengths: How long they are.
        shares: The share of each length, 0 to 1; nan where there is no window.
        windows: How many windows of each length there are.
    """

    unit: str
    lengths: tuple[int, ...]
    shares: tuple[float, ...]
    windows: tuple[int, ...]

    def __str__(self) -> str:
        parts = (f"{n}: {100 * share:.2f} %" for n, share in zip(self.lengths, self.shares))
        return f"copied windows by {self.unit}: " + ", ".join(parts)


@dataclasses.dataclass(frozen=True)
class CopiedRun:
    """A stretch of music that stands in the training data; prints as one line.

    Attributes:
        unit: What `length`, `start` and `source_start` count, "steps" or "notes" without rests.
        length: How long the stretch is.
        piece: The piece that it is in, counted from 0.
        start: Where it begins there, from 0.
        source: The training piece that it stands in, counted from 0.
        source_start: Where it begins there, from 0.
        transposition: Semitones from the training piece to the piece.
        name: The training piece's name, if it was given.
    """

    unit: str
    length: int
    piece: int
    start: int
    source: int
    source_start: int
    transposition: int
    name: str | None = None

    def __str__(self) -> str:
        name = "" if self.name is None else f" ({self.name})"
        one = self.unit.removesuffix("s")
        return (
            f"{self.length} {self.unit} of piece {self.piece}, from {one} {self.start} on, stand "
            f"in training piece {self.source}{name}, from {one} {self.source_start} on; "
            f"{self.transposition:+d} semitones"
        )


def copied_share(lines: Lines, training: Lines, steps: int = 16) -> float:
    """Says what share of the windows of some music stand in the training data, transposed.

    Windows in which a track rests anywhere are left out, so that silence is not found as a copy.

    Args:
        lines: Pieces or phrases, each `(steps, tracks)` of MIDI pitches, -1 for a rest.
        training: The pieces to look in, likewise.
        steps: How long a window is, at least 1.

    Returns:
        0 to 1; nan if no window of `lines` sounds throughout.

    Raises:
        ValueError: If there are no pieces, they do not all have the same tracks, or `steps` is
            below 1.
    """
    steps = checked_int("steps", steps, 1)
    return _Comparison.of_lines(lines, training).shares([steps]).shares[0]


def copied_shares(
    lines: Lines, training: Lines, steps: Iterable[int] = (8, 16, 32, 64)
) -> CopiedShares:
    """Says what share of the windows of several lengths stand in the training data, transposed.

    Args:
        lines: Pieces or phrases, each `(steps, tracks)` of MIDI pitches, -1 for a rest.
        training: The pieces to look in, likewise.
        steps: How long windows are, at least one length, each at least 1.

    Returns:
        `copied_share` of each length.

    Raises:
        ValueError: If there are no pieces, they do not all have the same tracks, or a length is
            below 1.
    """
    lengths = _checked_lengths("steps", steps)
    return _Comparison.of_lines(lines, training).shares(lengths)


def copied_note_shares(
    melodies: Melodies,
    training: Melodies,
    notes: Iterable[int] = range(4, 17),
    rhythm: bool = True,
) -> CopiedShares:
    """Says what share of the windows of so many notes stand in the training data, transposed.

    Args:
        melodies: Pieces, each `(pitches, durations)`, -1 for a rest.
        training: The pieces to look in, likewise.
        notes: How many notes windows have, at least one length, each at least 1.
        rhythm: Whether durations and rests are compared; if not, intervals are, alone.

    Returns:
        The share of each length.

    Raises:
        ValueError: If there are no pieces, they are no such pairs, or a length is below 1.

    Example:
        >>> tune = [60, 62, 64, 65, 67], [1, 1, 1, 1, 2]
        >>> copy = [67, 69, 71, 72, 75], [1, 1, 1, 1, 1]  # a fifth up, another last note
        >>> print(copied_note_shares([copy], [tune], notes=[2, 4, 5]))
        copied windows by notes: 2: 75.00 %, 4: 50.00 %, 5: 0.00 %
    """
    lengths = _checked_lengths("notes", notes)
    return _Comparison.of_melodies(melodies, training, rhythm).shares(lengths)


def longest_copy(
    lines: Lines, training: Lines, names: Sequence[str] | None = None
) -> CopiedRun | None:
    """Finds the longest stretch of some music that stands in the training data, transposed.

    Of several that are equally long it is the first, and the first place where that stands.

    Args:
        lines: Pieces or phrases, each `(steps, tracks)` of MIDI pitches, -1 for a rest.
        training: The pieces to look in, likewise.
        names: Names of the training pieces.

    Returns:
        The stretch, in steps; None if not one step stands there.

    Raises:
        ValueError: If there are no pieces, they do not all have the same tracks, or there is not
            one name for each training piece.
    """
    return _Comparison.of_lines(lines, training).longest(names)


def longest_copied_notes(
    melodies: Melodies,
    training: Melodies,
    names: Sequence[str] | None = None,
    rhythm: bool = True,
) -> CopiedRun | None:
    """Finds the most notes in a row that stand in the training data, transposed.

    Of several that are equally long it is the first, and the first place where that stands.

    Args:
        melodies: Pieces, each `(pitches, durations)`, -1 for a rest.
        training: The pieces to look in, likewise.
        names: Names of the training pieces.
        rhythm: Whether durations and rests are compared; if not, intervals are, alone.

    Returns:
        The stretch, in notes; None if not one note stands there.

    Raises:
        ValueError: If there are no pieces, they are no such pairs, or there is not one name for
            each training piece.
    """
    return _Comparison.of_melodies(melodies, training, rhythm).longest(names)


def distinct_phrases(rolls: NDArray) -> int:
    """Counts the different phrases, by what sounds at each step.

    Args:
        rolls: `(phrases, ...)`, above 0 where a note sounds; onsets are not compared.

    Returns:
        How many there are, equal ones counted once.

    Raises:
        ValueError: If `rolls` is no such array of whole numbers or bool.
    """
    array = isinstance(rolls, np.ndarray) and rolls.ndim > 1 and rolls.dtype.kind in "biu"
    if not array:
        raise ValueError(
            f"rolls={shown(rolls)}: give an array (phrases, ...) of whole numbers, or bool."
        )
    return len({np.packbits(phrase > 0).tobytes() for phrase in rolls})


class _Comparison:
    """The windows of some music and of the training data, the music's before the other's."""

    def __init__(
        self,
        unit: str,
        pieces: list[NDArray[np.int64]],
        count: int,
        windows: Windows,
        pitches: NDArray[np.int64],
    ) -> None:
        self.unit = unit
        self.count = count  # pieces of the music
        self.windows = windows
        self.pitches = pitches
        # The row where each piece begins; after each there is one row that is no music.
        self.begins = np.cumsum([0] + [len(piece) + 1 for piece in pieces])
        self.split = self.begins[count]

    @classmethod
    def of_lines(cls, lines: Lines, training: Lines) -> _Comparison:
        music, data = checked_pieces("lines", lines), checked_pieces("training", training)
        tracks, others = music[0].shape[1], data[0].shape[1]
        if tracks != others:
            raise ValueError(
                f"lines have {tracks} tracks and training has {others}: give pieces with the same "
                "tracks."
            )
        rows = joined(music + data)
        first = rows[:, :1]
        windows = Windows(rows[:, 1:] - first, np.diff(first, axis=0), rows.min(axis=1) >= 0)
        return cls("steps", music + data, len(music), windows, first[:, 0])

    @classmethod
    def of_melodies(cls, melodies: Melodies, training: Melodies, rhythm: bool) -> _Comparison:
        rhythm = checked_bool("rhythm", rhythm)
        music = checked_notes("melodies", melodies)
        pieces = music + checked_notes("training", training)
        rows = joined(pieces)
        pitches, durations, rests = rows.T
        states, moves = durations[:, None], np.stack([np.diff(pitches), rests[1:]], axis=1)
        if not rhythm:
            states, moves = states[:, :0], moves[:, :1]
        windows = Windows(states, moves, pitches >= 0)
        return cls("notes", pieces, len(music), windows, pitches)

    def shares(self, lengths: list[int]) -> CopiedShares:
        found = [self.found(length)[1] for length in lengths]
        return CopiedShares(
            unit=self.unit,
            lengths=tuple(lengths),
            shares=tuple(float(each.mean()) if len(each) else np.nan for each in found),
            windows=tuple(len(each) for each in found),
        )

    def found(self, length: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where the music's windows of some length begin, and which stand in the other's."""
        starts = self.windows.starts(length)
        rows = np.flatnonzero(starts[: self.split])
        if not len(rows):
            return rows, np.zeros(0, dtype=bool)
        names = self.windows.names(length)
        return rows, np.isin(names[rows], names[self.split :][starts[self.split :]])

    def longest(self, names: Sequence[str] | None) -> CopiedRun | None:
        sources = len(self.begins) - 1 - self.count
        if names is not None:
            names = checked_items("names", names, str, "a name for each training piece")
            if len(names) != sources:
                raise ValueError(f"names has {len(names)} for {sources} training pieces: one each.")
        rows = self.windows.longest
        shortest, longest = 0, int(min(rows[: self.split].max(), rows[self.split :].max()))
        # What is copied at one length is copied at all shorter ones.
        while shortest < longest:
            length = (shortest + longest + 1) // 2
            if self.found(length)[1].any():
                shortest = length
            else:
                longest = length - 1
        if not longest:
            return None
        starts, found = self.found(longest)
        row = int(starts[found][0])
        window_names = self.windows.names(longest)
        same = (window_names == window_names[row]) & self.windows.starts(longest)
        source_row = self.split + int(np.flatnonzero(same[self.split :])[0])
        piece, source = np.searchsorted(self.begins, [row, source_row], side="right") - 1
        index = int(source) - self.count
        return CopiedRun(
            unit=self.unit,
            length=longest,
            piece=int(piece),
            start=row - int(self.begins[piece]),
            source=index,
            source_start=int(source_row - self.begins[source]),
            transposition=int(self.pitches[row] - self.pitches[source_row]),
            name=None if names is None else names[index],
        )


def _checked_lengths(name: str, lengths: Any) -> list[int]:
    """Returns lengths of windows as a list if they are some whole numbers of at least 1."""
    several = isinstance(lengths, Iterable) and not isinstance(lengths, (str, bytes, dict))
    listed = list(lengths) if several else []
    if not listed:
        raise ValueError(f"{name}={shown(lengths)}: give at least one length, as a list.")
    return [checked_int(f"{name}[{index}]", each, 1) for index, each in enumerate(listed)]
