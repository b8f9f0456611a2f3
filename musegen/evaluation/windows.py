"""Names for the windows of sequences: two windows have the same name if, and only if, they agree.

All sequences stand in one, row after row, with rows that are no music between them. A window is
some rows one after the other. Windows are compared by two things: the *state* of each row (its
chord, or its duration) and the *move* from each row to the next (how far the pitch goes, and over
what rest). How the first row was reached is no part of a window, so that pitches as such do not
matter and a transposition has the name of what it transposes.

Names are numbers, given as in Karp, Miller and Rosenberg (1972), "Rapid identification of repeated
patterns in strings, trees and arrays": a long window is named by the names of its two halves, and
one of any length by two windows that overlap. Nothing is hashed, and so nothing found by chance.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


class Windows:
    """The windows of some sequences, of every length.

    Args:
        states: What is compared of each row, `(rows, any)` whole numbers.
        moves: What is compared of the way from each row to the next, `(rows - 1, any)`.
        sounding: Whether each row is music, `(rows,)`, false for the last. Windows hold music only.

    Attributes:
        longest: How many rows the longest window has that begins at each row, 0 where none does.
    """

    def __init__(
        self, states: NDArray[np.int64], moves: NDArray[np.int64], sounding: NDArray[np.bool_]
    ) -> None:
        self._states = _named(states.T, len(states))
        pairs = (self._states[:-1], *moves.T, self._states[1:])
        self._edges = [np.append(_named(pairs, len(moves)), 0)]
        silent = np.flatnonzero(~sounding)
        rows = np.arange(len(sounding))
        self.longest = silent[np.searchsorted(silent, rows)] - rows

    def starts(self, length: int) -> NDArray[np.bool_]:
        """Says at which rows a window of some length begins, `(rows,)`."""
        return self.longest >= length

    def names(self, length: int) -> NDArray[np.int64]:
        """Names the windows of some length by the row where they begin.

        Args:
            length: How many rows a window has, at least 1.

        Returns:
            `(rows,)`; what stands where no window begins has no meaning.
        """
        if length == 1:
            return self._states
        doublings = (length - 1).bit_length() - 1
        while len(self._edges) <= doublings:
            half = self._edges[-1]
            self._edges.append(_named((half, _later(half, 1 << (len(self._edges) - 1))), len(half)))
        part = self._edges[doublings]
        rest = length - 1 - (1 << doublings)
        return _named((part, _later(part, rest)), len(part)) if rest else part


def _named(columns: Iterable[NDArray[np.int64]], rows: int) -> NDArray[np.int64]:
    """Names rows by what stands in all columns: equal rows, and only they, have equal names."""

    def both(names: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int64]:
        values = np.unique(column, return_inverse=True)[1]
        return np.unique(names * (values.max(initial=0) + 1) + values, return_inverse=True)[1]

    return functools.reduce(both, columns, np.zeros(rows, dtype=np.int64))


def _later(names: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """What stands some rows further on; what is beyond the last row is in no window."""
    return np.roll(names, -rows)
