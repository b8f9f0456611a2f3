"""What was copied: stretches of music that stand in the training data, and phrases twice.

Music is compared as lines or as melodies (`musegen.evaluation.lines`):

- A window of *lines* is some steps of all tracks together, without a rest in any, so that silence
  is not found as a copy. It stands in the training data if the same pitches do, step for step, in
  any transposition of all tracks together. A chord that is held long is a window as any other.
- A window of a *melody* is some notes one after the other, with the rests between them. It stands
  in the training data if the same intervals, durations and rests do; or, where rhythm is not
  compared, the same intervals. Rests before the first and after the last note do not matter.

A window may begin at any step or note of a piece, bar lines or not, and ends within its piece. All
comparisons are exact: windows get numbers, and two have the same number if, and only if, they
agree. The numbers are given as in Karp, Miller and Rosenberg (1972), "Rapid identification of
repeated patterns in strings, trees and arrays": that of a long window comes from those of its two
halves, and that of any length from two windows that overlap. Nothing is hashed.

In every function `lines` and `melodies` are pieces, or phrases, of these two forms, and `training`
the pieces to look in. It raises a ValueError if there are no pieces, they are not of that form or
have other tracks than the training data, a length is below 1, or there is not a name for each
training piece.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen._checks import Flag, checked_int, checked_items, shown
from musegen.evaluation.lines import Lines, Melodies, checked_notes, checked_pieces, joined


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
    """Measures what share of the windows of some steps stand in the training data, transposed.

    Args:
        lines, training: The music.
        steps: How long a window is, at least 1.

    Returns:
        0 to 1; nan if no window of `lines` sounds throughout.
    """
    return _of_lines(lines, training).shares([checked_int("steps", steps, 1)]).shares[0]


def copied_shares(
    lines: Lines, training: Lines, steps: Iterable[int] = (8, 16, 32, 64)
) -> CopiedShares:
    """Measures `copied_share` for windows of several lengths.

    Args:
        lines, training: The music.
        steps: How long windows are, at least one length, each at least 1.
    """
    return _of_lines(lines, training).shares(_checked_lengths("steps", steps))


def copied_note_shares(
    melodies: Melodies,
    training: Melodies,
    notes: Iterable[int] = range(4, 17),
    rhythm: bool = True,
) -> CopiedShares:
    """Measures what share of the windows of so many notes stand in the training data, transposed.

    Args:
        melodies, training: The music.
        notes: How many notes windows have, at least one length, each at least 1.
        rhythm: Whether durations and rests are compared; if not, intervals are, alone.

    Example:
        >>> tune = [60, 62, 64, 65, 67], [1, 1, 1, 1, 2]
        >>> copy = [67, 69, 71, 72, 75], [1, 1, 1, 1, 1]  # a fifth up, another last note
        >>> print(copied_note_shares([copy], [tune], notes=[2, 4, 5]))
        copied windows by notes: 2: 75.00 %, 4: 50.00 %, 5: 0.00 %
    """
    return _of_melodies(melodies, training, rhythm).shares(_checked_lengths("notes", notes))


def longest_copy(
    lines: Lines, training: Lines, names: Sequence[str] | None = None
) -> CopiedRun | None:
    """Finds the longest stretch of some music that stands in the training data, transposed.

    Of several that are equally long it is the first, and the first place where that stands.

    Args:
        lines, training: The music.
        names: Names of the training pieces.

    Returns:
        The stretch, in steps; None if not one step stands there.
    """
    return _of_lines(lines, training).longest(names)


def longest_copied_notes(
    melodies: Melodies,
    training: Melodies,
    names: Sequence[str] | None = None,
    rhythm: bool = True,
) -> CopiedRun | None:
    """Finds the most notes in a row that stand in the training data, as `longest_copy` does.

    Args:
        melodies, training: The music.
        names: Names of the training pieces.
        rhythm: As in `copied_note_shares`.

    Returns:
        The stretch, in notes; None if not one note stands there.
    """
    return _of_melodies(melodies, training, rhythm).longest(names)


def distinct_phrases(rolls: NDArray) -> int:
    """Counts the different phrases, by what sounds at each step.

    Args:
        rolls: `(phrases, ...)` of whole numbers or bool, above 0 where a note sounds; onsets are
            not compared.

    Returns:
        How many there are, equal ones counted once.
    """
    if not (isinstance(rolls, np.ndarray) and rolls.ndim > 1 and rolls.dtype.kind in "biu"):
        raise ValueError(
            f"rolls={shown(rolls)}: give an array (phrases, ...) of whole numbers, or bool."
        )
    return len({np.packbits(phrase > 0).tobytes() for phrase in rolls})


class _Windows:
    """The windows of some music and, after them, of the training data.

    All pieces stand in one array, row after row, with a row that is no music after each. Compared
    are the *state* of each row (its chord, or its duration) and the *move* from each row to the
    next (how far the first pitch goes, and over what rest). How the first row was reached is no
    part of a window, so that a transposition has the number of what it transposes.
    """

    def __init__(
        self,
        unit: str,
        music: list[NDArray[np.int64]],
        training: list[NDArray[np.int64]],
        states: slice,
        rests: slice,
        relative: bool,
    ) -> None:
        rows = joined(music + training)
        self.unit = unit
        self.count = len(music)
        self.begins = np.cumsum([0] + [len(piece) + 1 for piece in music + training])
        self.split = self.begins[self.count]
        self.pitches = rows[:, 0]
        silent = np.flatnonzero(rows.min(axis=1) < 0)
        numbers = np.arange(len(rows))
        # How many rows the longest window has that begins at each row, 0 where none does.
        self.lengths = silent[np.searchsorted(silent, numbers)] - numbers
        compared = rows[:, states] - (rows[:, :1] if relative else 0)
        self._states = _numbered(compared.T, len(rows))
        moves = (np.diff(self.pitches), *rows[1:, rests].T)
        edges = _numbered((self._states[:-1], *moves, self._states[1:]), len(rows) - 1)
        self._edges = [np.append(edges, 0)]  # of 2, 3, 5, 9 ... rows

    def numbers(self, length: int) -> NDArray[np.int64]:
        """The windows' numbers by the row where they begin; without meaning where none does."""
        if length == 1:
            return self._states
        doublings = (length - 1).bit_length() - 1
        while len(self._edges) <= doublings:
            half = self._edges[-1]
            later = np.roll(half, -(1 << (len(self._edges) - 1)))
            self._edges.append(_numbered((half, later), len(half)))
        part = self._edges[doublings]
        rest = length - 1 - (1 << doublings)
        return _numbered((part, np.roll(part, -rest)), len(part)) if rest else part

    def found(self, length: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where the music's windows of some length begin, and which stand in the training data."""
        starts = self.lengths >= length
        rows = np.flatnonzero(starts[: self.split])
        if not len(rows):
            return rows, np.zeros(0, dtype=bool)
        numbers = self.numbers(length)
        return rows, np.isin(numbers[rows], numbers[self.split :][starts[self.split :]])

    def shares(self, lengths: list[int]) -> CopiedShares:
        found = [self.found(length)[1] for length in lengths]
        return CopiedShares(
            unit=self.unit,
            lengths=tuple(lengths),
            shares=tuple(float(each.mean()) if len(each) else np.nan for each in found),
            windows=tuple(len(each) for each in found),
        )

    def longest(self, names: Sequence[str] | None) -> CopiedRun | None:
        sources = len(self.begins) - 1 - self.count
        if names is not None:
            names = checked_items("names", names, str, "a name for each training piece")
            if len(names) != sources:
                raise ValueError(f"names has {len(names)} for {sources} training pieces: one each.")
        possible = int(min(self.lengths[: self.split].max(), self.lengths[self.split :].max()))
        # What is copied at one length is copied at all shorter ones.
        lengths = range(1, possible + 1)
        copied = bisect.bisect_left(lengths, True, key=lambda n: not self.found(n)[1].any())
        if not copied:
            return None
        starts, found = self.found(copied)
        row = int(starts[found][0])
        numbers = self.numbers(copied)
        same = (numbers == numbers[row]) & (self.lengths >= copied)
        source_row = int(self.split + np.flatnonzero(same[self.split :])[0])
        piece, source = (np.searchsorted(self.begins, [row, source_row], "right") - 1).tolist()
        return CopiedRun(
            unit=self.unit,
            length=copied,
            piece=piece,
            start=row - int(self.begins[piece]),
            source=source - self.count,
            source_start=source_row - int(self.begins[source]),
            transposition=int(self.pitches[row] - self.pitches[source_row]),
            name=None if names is None else names[source - self.count],
        )


def _of_lines(lines: Lines, training: Lines) -> _Windows:
    music, pieces = checked_pieces("lines", lines), checked_pieces("training", training)
    tracks, others = music[0].shape[1], pieces[0].shape[1]
    if tracks != others:
        what = "give pieces with the same tracks"
        raise ValueError(f"lines have {tracks} tracks and training has {others}: {what}.")
    return _Windows("steps", music, pieces, slice(1, None), slice(0), relative=True)


def _of_melodies(melodies: Melodies, training: Melodies, rhythm: bool) -> _Windows:
    times = Flag().check("rhythm", rhythm)
    music, pieces = checked_notes("melodies", melodies), checked_notes("training", training)
    durations, rests = (slice(1, 2), slice(2, 3)) if times else (slice(0), slice(0))
    return _Windows("notes", music, pieces, durations, rests, relative=False)


def _numbered(columns: Iterable[NDArray[np.int64]], rows: int) -> NDArray[np.int64]:
    """Numbers rows by what stands in all columns: equal rows, and only they, have one number."""
    numbers = np.zeros(rows, np.int64)
    for column in columns:
        values = np.unique(column, return_inverse=True)[1]
        both = numbers * (values.max(initial=0) + 1) + values
        numbers = np.unique(both, return_inverse=True)[1]
    return numbers


def _checked_lengths(name: str, lengths: Any) -> list[int]:
    """Returns lengths of windows as a list if they are some whole numbers of at least 1."""
    listed = checked_items(name, lengths, object, "a list of lengths")
    return [checked_int(f"{name}[{index}]", each, 1) for index, each in enumerate(listed)]
