"""How often each pitch, length and interval occurs, and how many pitches do.

Every function takes `Notes`; anything else is a ValueError. A `Histogram` holds counts of each
piece over a fixed support, so that pieces can be added up; `musegen.evaluation.distances` compares
two of them. What lies beyond either end of a support is counted in its last bin.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from musegen.evaluation.notes import Notes, check_notes, divided

WIDEST_INTERVAL = 24
"""The interval, in semitones up or down, whose bin takes all wider ones: two octaves."""

LONGEST = 16
"""The length, in quarter notes, whose bin takes all longer ones: four bars of 4/4."""


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Counts of each piece.

    Attributes:
        support: What each bin stands for, rising, `(bins,)`.
        counts: How often it occurs in each piece, `(pieces, bins)`.
    """

    support: NDArray
    counts: NDArray[np.int64]

    @property
    def total(self) -> NDArray[np.int64]:
        """The counts of all pieces added up, `(bins,)`: a long piece weighs more than a short."""
        return self.counts.sum(axis=0)

    @property
    def shares(self) -> NDArray[np.float64]:
        """The counts of each piece over their sum, `(pieces, bins)`, nan for one without any."""
        return divided(self.counts, self.counts.sum(axis=1, keepdims=True))


def pitch_histogram(notes: Notes) -> Histogram:
    """Counts the notes of each MIDI pitch; drums are left out.

    Args:
        notes: The pieces.

    Returns:
        Counts over the pitches 0 to 127.
    """
    check_notes(notes)
    pitched = ~notes.drum
    return _histogram(notes, notes.piece[pitched], notes.pitch[pitched], np.arange(128))


def pitch_class_histogram(notes: Notes) -> Histogram:
    """Counts the notes of each pitch class; drums are left out.

    A note counts once, however long it is, as in muspy and MusDr; mgeval (Yang and Lerch 2020)
    weighs it by how long it lasts and how loud it is.

    Args:
        notes: The pieces.

    Returns:
        Counts over the pitch classes 0 (C) to 11 (B).
    """
    check_notes(notes)
    pitched = ~notes.drum
    return _histogram(notes, notes.piece[pitched], notes.pitch[pitched] % 12, np.arange(12))


def note_length_histogram(notes: Notes) -> Histogram:
    """Counts the notes of each length; drums, which ring on as they like, are left out.

    mgeval (Yang and Lerch 2020, "note length histogram") takes each to the nearest of twelve
    written lengths, from a sixteenth to a whole note.

    Args:
        notes: The pieces.

    Returns:
        Counts over lengths in quarter notes, from one step to 16 quarters.
    """
    check_notes(notes)
    pitched = ~notes.drum
    return _of_times(notes, notes.piece[pitched], notes.length[pitched])


def interval_histogram(notes: Notes) -> Histogram:
    """Counts the melodic intervals within each track, from each onset to the next.

    Of notes that begin on one step the highest counts, so that a chord is heard by its top. What
    lies between two onsets does not matter: a rest does not part them. Drums are left out.

    Args:
        notes: The pieces.

    Returns:
        Counts over semitones, -24 to 24: below 0 the line falls, at 0 it repeats its pitch.
    """
    check_notes(notes)
    # Of the notes of a track and step, which are by pitch, the last.
    pitched = np.flatnonzero(~notes.drum)
    track, step = notes.track[pitched], notes.step[pitched]
    last = (np.diff(track, append=-1) != 0) | (np.diff(step, append=-1) != 0)
    top = pitched[last]
    follows = np.diff(notes.track[top]) == 0
    support = np.arange(-WIDEST_INTERVAL, WIDEST_INTERVAL + 1)
    intervals = np.diff(notes.pitch[top])[follows]
    return _histogram(notes, notes.piece[top[1:]][follows], intervals, support)


def inter_onset_histogram(notes: Notes) -> Histogram:
    """Counts the times from each onset of a track to the next, drums too.

    Notes that begin on one step are one onset. mgeval (Yang and Lerch 2020, "average inter-onset
    interval") takes the onsets of all tracks together, equal ones as 0 seconds apart.

    Args:
        notes: The pieces.

    Returns:
        Counts over times in quarter notes, from one step to 16 quarters.
    """
    check_notes(notes)
    times = np.diff(notes.step)
    follows = (np.diff(notes.track) == 0) & (times > 0)
    return _of_times(notes, notes.piece[1:][follows], times[follows])


HISTOGRAMS: dict[str, Callable[[Notes], Histogram]] = {
    "pitch": pitch_histogram,
    "pitch class": pitch_class_histogram,
    "note length": note_length_histogram,
    "interval": interval_histogram,
    "inter-onset interval": inter_onset_histogram,
}
"""All histograms by name, in the order of a table."""

UNITS = {
    "pitch": "semitones",
    "note length": "quarters",
    "interval": "semitones",
    "inter-onset interval": "quarters",
}
"""What the supports of histograms are counted in; pitch classes lie on no line."""


def pitches_used(notes: Notes) -> NDArray[np.float64]:
    """Counts the different pitches of each piece; drums are left out.

    Args:
        notes: The pieces.

    Returns:
        `(pieces,)`, 1 to 128.

    Source: Yang and Lerch (2020), "On the evaluation of generative models in music", "pitch count".
    """
    return _counted(pitch_histogram(notes).counts)


def pitch_classes_used(notes: Notes) -> NDArray[np.float64]:
    """Counts the different pitch classes (p mod 12) of each piece; drums are left out.

    Args:
        notes: The pieces.

    Returns:
        `(pieces,)`, 1 to 12.
    """
    return _counted(pitch_class_histogram(notes).counts)


def pitch_range(notes: Notes) -> NDArray[np.float64]:
    """Measures the semitones from the lowest to the highest pitch of each piece, drums aside.

    muspy 0.5 gives -127 for drums alone.

    Args:
        notes: The pieces.

    Returns:
        `(pieces,)`, 0 to 127.

    Source: Yang and Lerch (2020), "pitch range".
    """
    used = pitch_histogram(notes).counts > 0
    lowest, above = np.argmax(used, axis=1), np.argmax(used[:, ::-1], axis=1)
    return np.where(used.any(axis=1), 127 - above - lowest, np.nan)


def _of_times(notes: Notes, piece: NDArray, steps: NDArray) -> Histogram:
    """Counts times given in steps, over quarter notes."""
    bins = np.arange(1, LONGEST * notes.steps_per_quarter + 1)
    counts = _histogram(notes, piece, steps, bins).counts
    return Histogram(bins / notes.steps_per_quarter, counts)


def _histogram(notes: Notes, piece: NDArray, values: NDArray, bins: NDArray) -> Histogram:
    """Counts values, of the given pieces, in bins of consecutive whole numbers."""
    place = np.clip(values, bins[0], bins[-1]) - bins[0]
    counts = np.bincount(piece * len(bins) + place, minlength=notes.pieces * len(bins))
    return Histogram(bins, counts.reshape(notes.pieces, len(bins)))


def _counted(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Counts the bins of each piece that are not empty; nan where all are."""
    used = (counts > 0).sum(axis=1)
    return np.where(used > 0, used, np.nan)
