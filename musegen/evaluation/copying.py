"""What was copied: stretches of music that stand in the training data, and phrases twice.

Pieces are compared as lines: an array `(steps, tracks)` of MIDI pitches, one a track at each step,
-1 for a rest (`musegen.evaluation.pitch_lines` makes them of rolls). A window is some steps of all
tracks together. It is found in the training data if it stands there, at any step of any piece, in
any transposition of all tracks together. Whether a pitch was struck anew or held is not compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Lines: TypeAlias = Sequence[NDArray] | NDArray
"""Pieces, each `(steps, tracks)`; or all in one array, where they are equally long."""


def copied_share(lines: Lines, training: Lines, steps: int = 16) -> float:
    """Says what share of the windows of some music stand in the training data, transposed.

    A window begins at every step of every piece, bar lines or not, and ends within its piece.
    Those in which a track rests anywhere are left out, so that silence is not found as a copy.

    Windows are compared by hashes of 64 bits (random multilinear ones: the pitches above the
    window's first, each times a random number, summed mod 2^64), which makes a chance find less
    likely than one in a million even among 100,000 windows and as many in training.

    Args:
        lines: Pieces or phrases, each `(steps, tracks)` of MIDI pitches, -1 for a rest.
        training: The pieces to look in, likewise.
        steps: How long a window is.

    Returns:
        0 to 1; nan if no window of `lines` sounds throughout.

    Raises:
        ValueError: If there are no pieces, they do not all have the same tracks, or `steps` is
            below 1.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}: a window has at least 1 step.")
    shapes = {np.shape(piece)[1:] for pieces in (lines, training) for piece in pieces}
    if not len(lines) or not len(training):
        raise ValueError("lines or training is empty: give at least one piece of each.")
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        raise ValueError(
            "lines and training differ in tracks: give arrays (steps, tracks) with the same tracks."
        )
    windows = _windows(lines, steps)
    return float(np.isin(windows, _windows(training, steps)).mean()) if len(windows) else np.nan


def distinct_phrases(rolls: NDArray) -> int:
    """Counts the different phrases, by what sounds at each step.

    Args:
        rolls: `(phrases, ...)`, above 0 where a note sounds; onsets are not compared.

    Returns:
        How many there are, equal ones counted once.
    """
    return len({np.packbits(phrase > 0).tobytes() for phrase in rolls})


def _windows(pieces: Lines, steps: int) -> NDArray[np.uint64]:
    """Hashes each window that sounds throughout, equal for all its transpositions."""
    tracks = pieces[0].shape[1]
    rest = np.full((1, tracks), -1)
    # One long piece with a rest after each: a window that crosses into the next is left out.
    line = np.concatenate([part for piece in pieces for part in (piece, rest)])
    offsets = len(line) - steps + 1
    if offsets < 1:
        return np.zeros(0, dtype=np.uint64)
    factors = np.random.default_rng(0).integers(
        2**64, size=(steps, tracks), dtype=np.uint64, endpoint=False
    )
    sounding = np.cumsum(np.r_[0, (line >= 0).all(axis=1)])
    whole = np.flatnonzero(sounding[steps:] - sounding[:-steps] == steps)
    pitches = line.astype(np.uint64)
    hashes = -pitches[whole, 0] * factors.sum()
    for step in range(steps):
        for track in range(tracks):
            hashes += pitches[whole + step, track] * factors[step, track]
    return hashes
