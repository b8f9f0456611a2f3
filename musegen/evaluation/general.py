"""Figures that any music has: its pitches, its rhythm, how many sound together, what comes again.

Every function takes `Notes`, those of the pieces (anything else is a ValueError), and returns one
number for each piece, `(pieces,)`, nan where a piece has nothing to compute it on. Figures of
pitches leave drums out, figures of onsets do not. `musegen.evaluation.notes` says what steps and
bars are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from musegen._checks import checked_int
from musegen.evaluation import histograms
from musegen.evaluation.keys import MAJOR_SCALE, ends_on_tonic
from musegen.evaluation.notes import MAX_BARS, Notes, check_notes, divided, pitched

_SCALES = np.stack([np.roll(MAJOR_SCALE, tonic) for tonic in range(12)], axis=1)


def pitch_class_entropy(notes: Notes, bars: int | None = None) -> NDArray[np.float64]:
    """Measures the entropy of the pitch classes of the notes, 0 to log2(12) = 3.585 bits.

    That is -sum p log2 p over the twelve pitch classes, p being the share of the notes that begin;
    how long they last does not count. It is low where few pitch classes are used, or few of them
    much: in music with a clear key.

    Wu and Yang take windows of 1 and of 4 bars, at every bar of a piece, and average them; a piece
    that is shorter is one window, one without a note is left out. muspy takes the whole piece.

    Args:
        notes: The pieces.
        bars: Bars of a window, at least 1; None for the whole piece.

    Source: Wu and Yang (2020), "The Jazz Transformer on the front line", "pitch class
    histogram entropy".
    """
    if bars is None:
        return _entropy(histograms.pitch_class_histogram(notes).counts)
    at, count = pitched(notes), len(notes.bar_piece)
    bars = min(checked_int("bars", bars, 1), MAX_BARS)
    cells = notes.bar[at] * 12 + notes.pitch[at] % 12
    until = np.zeros((count + 1, 12), np.int64)  # how many there are before each bar
    until[1:] = np.bincount(cells, minlength=12 * count).reshape(count, 12).cumsum(axis=0)
    ends = np.cumsum(notes.bars)[notes.bar_piece]
    first = np.arange(count)
    after = first + np.minimum(bars, notes.bars[notes.bar_piece])
    first, after = first[after <= ends], after[after <= ends]
    return notes.mean(notes.bar_piece[first], _entropy(until[after] - until[first]))


def scale_consistency(notes: Notes) -> NDArray[np.float64]:
    """Measures the share of the notes, 7/12 to 1, that are in the scale which fits best.

    The scales are the twelve major ones, which are the natural minor ones too. Notes count once,
    however long they are. Music of random pitches has about 7/12 and a little more, as the best
    scale is chosen.

    Source: Mogren (2016), "C-RNN-GAN", "scale consistency", which leaves open which scales are
    standard; muspy takes those here.
    """
    counts = histograms.pitch_class_histogram(notes).counts
    return divided((counts @ _SCALES).max(axis=1), counts.sum(axis=1))


def mean_melodic_leap(notes: Notes) -> NDArray[np.float64]:
    """Measures how far lines move when they move, 1 to 24 semitones.

    It is the mean of the intervals of `interval_histogram`, up or down, without repeated pitches;
    one of more than two octaves counts as two.
    """
    histogram = histograms.interval_histogram(notes)
    counts, sizes = histogram.counts, np.abs(histogram.support)
    return divided(counts @ sizes, (counts * (sizes > 0)).sum(axis=1))


def mean_note_length(notes: Notes) -> NDArray[np.float64]:
    """Measures how long notes are on average, from one step to 16 quarter notes.

    The lengths are those of `note_length_histogram`: on the grid, one of more than 16 quarters
    counting as 16.
    """
    histogram = histograms.note_length_histogram(notes)
    return divided(histogram.counts @ histogram.support, histogram.counts.sum(axis=1))


def polyphony(notes: Notes) -> NDArray[np.float64]:
    """Measures how many pitches sound at once, from 1 up, on average over the time when any does.

    A pitch that two notes or tracks have at once counts once. Time is in ticks, not rounded to
    steps.

    Source: muspy 0.5, "polyphony".
    """
    piece, time, level = _levels(notes)
    sounding = np.bincount(piece, time * (level > 0), minlength=notes.pieces)
    return divided(np.bincount(piece, time * level, minlength=notes.pieces), sounding)


def polyphony_rate(notes: Notes, pitches: int = 2) -> NDArray[np.float64]:
    """Measures the share of the time, 0 to 1, in which some pitches or more sound at once.

    The time is that from the first note's start to the last one's end, silence between them
    included. Pitches are counted as in `polyphony`. muspy's time begins at tick 0, and its
    threshold is a number to be exceeded: with its default of 2 it asks for three pitches where its
    documentation speaks of several.

    Args:
        notes: The pieces.
        pitches: How many pitches, at least 1.

    Source: Mogren (2016), "C-RNN-GAN", "polyphony": how often at least two tones sound together.
    """
    pitches = checked_int("pitches", pitches, 1)
    piece, time, level = _levels(notes)
    enough = np.bincount(piece, time * (level >= pitches), minlength=notes.pieces)
    return divided(enough, np.bincount(piece, time, minlength=notes.pieces))


def notes_each_bar(notes: Notes) -> NDArray[np.float64]:
    """Measures the notes of each piece over its bars, above 0."""
    check_notes(notes)
    return divided(np.bincount(notes.piece, minlength=notes.pieces), notes.bars)


def notes_each_quarter(notes: Notes) -> NDArray[np.float64]:
    """Measures the notes of each piece per quarter note, from its first onset to its last end."""
    check_notes(notes)
    first, last = np.full(notes.pieces, np.inf), np.zeros(notes.pieces)
    np.minimum.at(first, notes.piece, notes.start)
    np.maximum.at(last, notes.piece, notes.end)
    counts = np.bincount(notes.piece, minlength=notes.pieces)
    return divided(counts * notes.ticks_per_quarter, last - first)


def groove_consistency(notes: Notes) -> NDArray[np.float64]:
    """Measures how far the onsets of neighboring bars are at the same places, 0 to 1.

    The groove of a bar is, for each of its steps, whether a note begins there. The figure is the
    mean, over all pairs of neighboring bars of one length, of the share of steps at which their
    grooves agree; steps where neither has an onset agree. Finer steps bring it nearer to 1, so that
    only figures of the same steps compare.

    muspy, whose name and definition this is, has one length for all bars, and appends an empty bar
    where a piece ends on a bar line.

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
    """Measures how far the onsets of any two bars of a piece are at the same places, 0 to 1.

    As `groove_consistency`, but over all pairs of bars of one length. Wu and Yang have 64 positions
    in every bar, and their code takes 1,000 of the pairs, at random, where there are more.

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
    """Measures the share of the bars, 0 to 1, that equal the bar some bars before.

    Two bars are equal if they have the same set of notes, each being its step in the bar, its
    pitch, its length in steps, and whether it is a drum; which track has it does not count. A bar
    counts if a note begins in it and the piece has a bar so many before.

    Args:
        notes: The pieces.
        bars: How many bars before, at least 1.
    """
    check_notes(notes)
    bars = min(checked_int("bars", bars, 1), len(notes.bar_piece))
    lengths = int(notes.length.max(initial=0)) + 1
    kinds = ((notes.position * 128 + notes.pitch) * 2 + notes.drum) * lengths + notes.length
    kind = np.unique(kinds, return_inverse=True)[1]
    stride = int(kind.max(initial=0)) + 1
    cells = np.unique(notes.bar * stride + kind)
    bar, piece = cells // stride, notes.bar_piece
    count = np.bincount(bar, minlength=len(piece))
    found = np.bincount(bar[np.isin(cells - bars * stride, cells)], minlength=len(piece))
    before = piece[: len(piece) - bars]
    asked = np.flatnonzero((count[bars:] > 0) & (piece[bars:] == before)) + bars
    equal = (found[asked] == count[asked]) & (count[asked - bars] == count[asked])
    return notes.mean(piece[asked], equal)


METRICS: dict[str, Callable[[Notes], NDArray[np.float64]]] = {
    "pitches used": histograms.pitches_used,
    "pitch classes used": histograms.pitch_classes_used,
    "pitch range": histograms.pitch_range,
    "pitch-class entropy": pitch_class_entropy,
    "pitch-class entropy of one bar": partial(pitch_class_entropy, bars=1),
    "pitch-class entropy of four bars": partial(pitch_class_entropy, bars=4),
    "scale consistency": scale_consistency,
    "melodies that end on the tonic": ends_on_tonic,
    "mean leap": mean_melodic_leap,
    "mean note length": mean_note_length,
    "groove consistency": groove_consistency,
    "groove similarity": groove_similarity,
    "polyphony": polyphony,
    "polyphony rate": polyphony_rate,
    "notes a bar": notes_each_bar,
    "notes a quarter": notes_each_quarter,
    "bars repeated after one": repetition,
    "bars repeated after two": partial(repetition, bars=2),
    "bars repeated after four": partial(repetition, bars=4),
}
"""All metrics by name, in the order of a table."""

UNITS = {
    "pitch range": "semitones",
    "pitch-class entropy": "bits",
    "pitch-class entropy of one bar": "bits",
    "pitch-class entropy of four bars": "bits",
    "melodies that end on the tonic": "share",
    "mean leap": "semitones",
    "mean note length": "quarters",
}
"""What metrics are counted in, if not plain numbers."""


def _entropy(counts: NDArray) -> NDArray[np.float64]:
    """Measures the entropy in bits of each row of counts; nan for a row of zeros."""
    shares = divided(counts, counts.sum(axis=1, keepdims=True))
    return np.abs((shares * np.log2(np.where(counts > 0, shares, 1))).sum(axis=1))


def _levels(notes: Notes) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Returns stretches of time: their piece, their ticks, and how many pitches sound in them.

    Those of a piece go from its first note's start to its last one's end.
    """
    at = pitched(notes)
    at = at[np.lexsort((notes.start[at], notes.pitch[at], notes.piece[at]))]
    span = int(notes.end.max(initial=0)) + 1
    # Times of all pieces and pitches on one line, on which notes that overlap or touch are joined.
    offset = (notes.piece[at] * 128 + notes.pitch[at]) * span
    start = notes.start[at] + offset
    end = np.maximum.accumulate(notes.end[at] + offset)
    begins = np.append(True, start[1:] > end[:-1])[: len(start)]
    start, end = start[begins], end[np.roll(begins, -1)]
    # The same without the pitches.
    times = np.concatenate([start, end])
    times = times // (128 * span) * span + times % span
    order = np.argsort(times, kind="stable")
    level = np.cumsum(np.where(order < len(start), 1, -1))
    piece, times = times[order] // span, times[order]
    inside = np.diff(piece) == 0
    return piece[:-1][inside], np.diff(times)[inside], level[:-1][inside]


def _onsets(notes: Notes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the bar and the step in it of each onset, equal ones once."""
    check_notes(notes)
    stride = int(notes.bar_steps.max(initial=1))
    cells = np.unique(notes.bar * stride + notes.position)
    return cells // stride, cells % stride
