"""Figures that any music has: its pitches, its rhythm, how many sound together, what comes again.

Every function takes `Notes` (anything else is a ValueError) and gives one number a piece,
`(pieces,)`, nan where a piece has nothing to compute it on. `musegen.evaluation.notes` says what
steps and bars are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from musegen._checks import checked_int
from musegen.evaluation.histograms import pitch_class_histogram, pitch_histogram
from musegen.evaluation.notes import MAX_BARS, Notes, check_notes, divided
from musegen.evaluation.rhythm import (
    groove_consistency,
    groove_similarity,
    notes_each_bar,
    notes_each_quarter,
    repetition,
)

MAJOR = (0, 2, 4, 5, 7, 9, 11)
"""Pitch classes of C major; those of every natural minor scale are those of a major one."""


def pitches_used(notes: Notes) -> NDArray[np.float64]:
    """Counts the different pitches of each piece; drums are left out.

    Args:
        notes: The pieces.

    Returns:
        `(pieces,)`, 1 to 128.

    Source: Yang and Lerch (2020), "On the evaluation of generative models in music", "pitch count".
    """
    return _counted((pitch_histogram(notes).counts > 0).sum(axis=1))


def pitch_classes_used(notes: Notes) -> NDArray[np.float64]:
    """Counts the different pitch classes (p mod 12) of each piece; drums are left out.

    Args:
        notes: The pieces.

    Returns:
        `(pieces,)`, 1 to 12.
    """
    return _counted((pitch_class_histogram(notes).counts > 0).sum(axis=1))


def pitch_range(notes: Notes) -> NDArray[np.float64]:
    """Gives the semitones from the lowest to the highest pitch of each piece; drums are left out.

    muspy 0.5 gives -127 for drums alone.

    Args:
        notes: The pieces.

    Returns:
        `(pieces,)`, 0 to 127.

    Source: Yang and Lerch (2020), "pitch range".
    """
    used = pitch_histogram(notes).counts > 0
    widths = 127 - np.argmax(used[:, ::-1], axis=1) - np.argmax(used, axis=1)
    return np.where(used.any(axis=1), widths, np.nan)


def pitch_class_entropy(notes: Notes, bars: int | None = None) -> NDArray[np.float64]:
    """Gives the entropy of the pitch classes of the notes, in bits; drums are left out.

    That is -sum p log2 p over the twelve pitch classes, p being the share of the notes that begin;
    how long they last does not count. It is low where few pitch classes are used, or few of them
    much: in music with a clear key.

    Wu and Yang take windows of 1 and of 4 bars, at every bar of a piece, and average them; a piece
    that is shorter is one window, one without a note is left out. muspy takes the whole piece.

    Args:
        notes: The pieces.
        bars: Bars of a window, at least 1; None for the whole piece.

    Returns:
        `(pieces,)`, 0 to log2(12) = 3.585 bits.

    Raises:
        ValueError: If `bars` is not as above.

    Source: Wu and Yang (2020), "The Jazz Transformer on the front line", "pitch class
    histogram entropy".
    """
    if bars is None:
        return _entropy(pitch_class_histogram(notes).counts)
    check_notes(notes)
    bars = min(checked_int("bars", bars, 1), MAX_BARS)
    pitched = ~notes.drum
    count = len(notes.bar_piece)
    cells = notes.bar[pitched] * 12 + notes.pitch[pitched] % 12
    until = np.zeros((count + 1, 12), np.int64)  # how many there are before each bar
    until[1:] = np.bincount(cells, minlength=12 * count).reshape(count, 12).cumsum(axis=0)
    ends = np.cumsum(notes.bars)[notes.bar_piece]
    first = np.arange(count)
    after = first + np.minimum(bars, notes.bars[notes.bar_piece])
    first, after = first[after <= ends], after[after <= ends]
    return notes.mean(notes.bar_piece[first], _entropy(until[after] - until[first]))


def scale_consistency(notes: Notes) -> NDArray[np.float64]:
    """Gives the share of the notes that are in the scale which fits best; drums are left out.

    The scales are the twelve major ones, which are the natural minor ones too. Notes count once,
    however long they are. Music of random pitches has about 7/12 and a little more, as the best
    scale is chosen.

    Args:
        notes: The pieces.

    Returns:
        `(pieces,)`, 7/12 to 1.

    Source: Mogren (2016), "C-RNN-GAN", "scale consistency", which leaves open which scales are
    standard; muspy takes those here.
    """
    scales = np.zeros((12, 12), np.int64)
    scales[np.arange(12)[:, None], (np.arange(12)[:, None] + MAJOR) % 12] = 1
    counts = pitch_class_histogram(notes).counts
    return divided((counts @ scales.T).max(axis=1), counts.sum(axis=1))


def polyphony(notes: Notes) -> NDArray[np.float64]:
    """Gives how many pitches sound at once, on average over the time when any does.

    A pitch that two notes or tracks have at once counts once. Time is in ticks, not rounded to
    steps. Drums are left out.

    Args:
        notes: The pieces.

    Returns:
        `(pieces,)`, from 1 up.

    Source: muspy 0.5, "polyphony".
    """
    piece, time, level = _levels(notes)
    sounding = np.bincount(piece, time * (level > 0), minlength=notes.pieces)
    return divided(np.bincount(piece, time * level, minlength=notes.pieces), sounding)


def polyphony_rate(notes: Notes, pitches: int = 2) -> NDArray[np.float64]:
    """Gives the share of the time in which some pitches or more sound at once.

    The time is that from the first note's start to the last one's end, silence between them
    included. Pitches are counted as in `polyphony`. muspy's time begins at tick 0, and its
    threshold is a number to be exceeded: with its default of 2 it asks for three pitches where its
    documentation speaks of several.

    Args:
        notes: The pieces.
        pitches: How many pitches, at least 1.

    Returns:
        `(pieces,)`, 0 to 1.

    Raises:
        ValueError: If `pitches` is not as above.

    Source: Mogren (2016), "C-RNN-GAN", "polyphony": how often at least two tones sound together.
    """
    pitches = checked_int("pitches", pitches, 1)
    piece, time, level = _levels(notes)
    enough = np.bincount(piece, time * (level >= pitches), minlength=notes.pieces)
    return divided(enough, np.bincount(piece, time, minlength=notes.pieces))


METRICS: dict[str, Callable[[Notes], NDArray[np.float64]]] = {
    "pitches used": pitches_used,
    "pitch classes used": pitch_classes_used,
    "pitch range (semitones)": pitch_range,
    "pitch-class entropy (bits)": pitch_class_entropy,
    "  of one bar": partial(pitch_class_entropy, bars=1),
    "  of four bars": partial(pitch_class_entropy, bars=4),
    "scale consistency": scale_consistency,
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


def _entropy(counts: NDArray) -> NDArray[np.float64]:
    """Gives the entropy in bits of each row of counts; nan for a row of zeros."""
    totals = counts.sum(axis=1, keepdims=True)
    shares = divided(counts, totals)
    bits = -(shares * np.log2(np.where(counts > 0, shares, 1))).sum(axis=1)
    return np.abs(bits)  # -0 is 0


def _levels(notes: Notes) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Gives stretches of time: their piece, their ticks, and how many pitches sound in them.

    Those of a piece go from its first note's start to its last one's end.
    """
    check_notes(notes)
    pitched = np.flatnonzero(~notes.drum)
    span = int(notes.end.max(initial=0)) + 1
    piece, pitch = notes.piece[pitched], notes.pitch[pitched]
    # Times of all pieces and pitches on one line, on which notes that overlap or touch are joined.
    order = np.lexsort((notes.start[pitched], pitch, piece))
    offset = (piece * 128 + pitch)[order] * span
    start = notes.start[pitched][order] + offset
    end = np.maximum.accumulate(notes.end[pitched][order] + offset)
    begins = np.append(True, start[1:] > end[:-1])[: len(start)]
    ends = np.append(begins[1:], True)[: len(start)]
    start, end = start[begins], end[ends]
    # The same without the pitches.
    times = np.concatenate([start, end])
    times = times // (128 * span) * span + times % span
    order = np.argsort(times, kind="stable")
    times = times[order]
    level = np.cumsum(np.where(order < len(start), 1, -1))
    ticks = np.diff(times)
    inside = times[1:] // span == times[:-1] // span if len(times) else np.zeros(0, bool)
    return times[:-1][inside] // span, ticks[inside], level[:-1][inside]


def _counted(counts: NDArray) -> NDArray[np.float64]:
    return np.where(counts > 0, counts, np.nan)
