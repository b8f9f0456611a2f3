"""Figures of when notes begin: how dense they are, how regular, and which bars come again.

Every function takes `Notes` (anything else is a ValueError) and gives one number a piece,
`(pieces,)`, nan where a piece has nothing to compute it on. Drums count.
`musegen.evaluation.notes` says what steps and bars are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musegen._checks import checked_int
from musegen.evaluation.notes import Notes, check_notes, divided


def notes_each_bar(notes: Notes) -> NDArray[np.float64]:
    """Gives the notes of each piece over its bars, drums too.

    Args:
        notes: The pieces.

    Returns:
        `(pieces,)`, above 0.
    """
    check_notes(notes)
    return divided(np.bincount(notes.piece, minlength=notes.pieces), notes.bars)


def notes_each_quarter(notes: Notes) -> NDArray[np.float64]:
    """Gives the notes of each piece over the quarter notes from its first onset to its last end.

    Args:
        notes: The pieces.

    Returns:
        `(pieces,)`, above 0; drums count too.
    """
    check_notes(notes)
    first = np.full(notes.pieces, np.iinfo(np.int64).max)
    np.minimum.at(first, notes.piece, notes.start)
    last = np.zeros(notes.pieces, np.int64)
    np.maximum.at(last, notes.piece, notes.end)
    counts = np.bincount(notes.piece, minlength=notes.pieces)
    return divided(counts * notes.ticks_per_quarter, np.where(counts > 0, last - first, 0))


def groove_consistency(notes: Notes) -> NDArray[np.float64]:
    """Says how far the onsets of neighboring bars are at the same places.

    The groove of a bar says for each of its steps whether a note, a drum's too, begins there. The
    figure is the mean, over all pairs of neighboring bars of one length, of the share of steps at
    which their grooves agree; steps where neither has an onset agree. Finer steps bring it nearer
    to 1, so that only figures of the same steps compare.

    muspy, whose name and definition this is, has one length for all bars, and appends an empty bar
    where a piece ends on a bar line.

    Args:
        notes: The pieces.

    Returns:
        `(pieces,)`, 0 to 1.

    Source: muspy 0.5, "groove_consistency", after Wu and Yang, who compare all pairs: see
    `groove_similarity`.
    """
    bar, position = _onsets(notes)
    piece, steps = notes.bar_piece, notes.bar_steps
    pair = (piece[1:] == piece[:-1]) & (steps[1:] == steps[:-1])  # of a bar and the next
    # Steps that disagree are the onsets of both bars, less twice the onsets that both have.
    onsets = np.bincount(bar, minlength=len(piece))
    stride = int(steps.max(initial=1))
    cells = bar * stride + position
    common = np.bincount(bar[np.isin(cells + stride, cells)], minlength=len(piece))
    differ = (onsets[1:] + onsets[:-1] - 2 * common[:-1])[pair]
    return notes.mean(piece[1:][pair], 1 - differ / steps[1:][pair])


def groove_similarity(notes: Notes) -> NDArray[np.float64]:
    """Says how far the onsets of any two bars of a piece are at the same places.

    As `groove_consistency`, but over all pairs of bars of one length. Wu and Yang have 64 positions
    in every bar, and their code takes 1,000 of the pairs, at random, where there are more.

    Args:
        notes: The pieces.

    Returns:
        `(pieces,)`, 0 to 1.

    Source: Wu and Yang (2020), "The Jazz Transformer on the front line", "grooving pattern
    similarity".
    """
    bar, position = _onsets(notes)
    # Bars of one piece and length; of n such bars, k with an onset at a step disagree in k (n - k)
    # pairs there, and n (n - 1) / 2 pairs have that many steps.
    stride = int(notes.bar_steps.max(initial=1)) + 1
    kinds, kind, bars = np.unique(
        notes.bar_piece * stride + notes.bar_steps, return_inverse=True, return_counts=True
    )
    piece, steps = kinds // stride, kinds % stride
    cells, with_onset = np.unique(kind[bar] * stride + position, return_counts=True)
    cells //= stride
    differ = np.bincount(cells, with_onset * (bars[cells] - with_onset), minlength=len(bars))
    pairs = bars * (bars - 1) / 2
    agree = np.bincount(piece, pairs - differ / steps, minlength=notes.pieces)
    return divided(agree, np.bincount(piece, pairs, minlength=notes.pieces))


def repetition(notes: Notes, bars: int = 1) -> NDArray[np.float64]:
    """Gives the share of the bars that equal the bar some bars before.

    Two bars are equal if they have the same set of notes, each being its step in the bar, its
    pitch, its length in steps, and whether it is a drum; which track has it does not count. A bar
    counts if a note begins in it and the piece has a bar so many before.

    Args:
        notes: The pieces.
        bars: How many bars before, at least 1.

    Returns:
        `(pieces,)`, 0 to 1.

    Raises:
        ValueError: If `bars` is not as above.
    """
    check_notes(notes)
    bars = min(checked_int("bars", bars, 1), len(notes.bar_piece))
    lengths = int(notes.length.max(initial=0)) + 1
    kinds = ((notes.position * 128 + notes.pitch) * 2 + notes.drum) * lengths + notes.length
    kind = np.unique(kinds, return_inverse=True)[1]
    stride = int(kind.max(initial=0)) + 1
    cells = np.unique(notes.bar * stride + kind)
    bar = cells // stride
    piece = notes.bar_piece
    count = np.bincount(bar, minlength=len(piece))
    found = np.bincount(bar[np.isin(cells - bars * stride, cells)], minlength=len(piece))
    before = piece[: max(len(piece) - bars, 0)]
    asked = np.flatnonzero((count[bars:] > 0) & (piece[bars:] == before)) + bars
    equal = (found[asked] == count[asked]) & (count[asked - bars] == count[asked])
    return notes.mean(piece[asked], equal)


def _onsets(notes: Notes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Gives the bar and the step in it of each onset, equal ones once."""
    check_notes(notes)
    stride = int(notes.bar_steps.max(initial=1))
    cells = np.unique(notes.bar * stride + notes.position)
    return cells // stride, cells % stride
