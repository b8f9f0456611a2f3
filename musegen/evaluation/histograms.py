"""How often each pitch, length and interval occurs, and how many pitches do.

Every function takes `Notes`, those of the pieces; anything else is a ValueError. It returns a
`Histogram`, counts of each piece over a fixed support, so that pieces can be added up
(`musegen.evaluation.distances` compares two of them), or one number for each piece, `(pieces,)`,
nan where there is nothing to count. What lies beyond either end of a support is counted in its last
bin. Drums are left out, but for the times between onsets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from musegen.evaluation.notes import Notes, check_notes, divided, pitched

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
    """Counts the notes of each MIDI pitch, 0 to 127."""
    at = pitched(notes)
    return _histogram(notes, at, notes.pitch[at], np.arange(128))


def pitch_class_histogram(notes: Notes) -> Histogram:
    """Counts the notes of each pitch class, 0 (C) to 11 (B).

    A note counts once, however long it is, as in muspy and MusDr; mgeval (Yang and Lerch 2020)
    weighs it by how long it lasts and how loud it is.
    """
    at = pitched(notes)
    return _histogram(notes, at, notes.pitch[at] % 12, np.arange(12))


def note_length_histogram(notes: Notes) -> Histogram:
    """Counts the notes of each length in quarter notes, from one step to 16 quarters.

    Drums are left out because they ring on as they like. mgeval (Yang and Lerch 2020, "note length
    histogram") takes each to the nearest of twelve written lengths, from a sixteenth to a whole
    note.
    """
    at = pitched(notes)
    return _of_times(notes, at, notes.length[at])


def interval_histogram(notes: Notes) -> Histogram:
    """Counts the melodic intervals within each track, from each onset to the next, in semitones.

    They go from -24 to 24: below 0 the line falls, at 0 it repeats its pitch. Of notes that begin
    on one step the highest counts, so that a chord is heard by its top. What lies between two
    onsets does not matter: a rest does not part them.
    """
    at = pitched(notes)
    # Of the notes of a track and step, which are by pitch, the last.
    track, step = notes.track[at], notes.step[at]
    top = at[(np.diff(track, append=-1) != 0) | (np.diff(step, append=-1) != 0)]
    follows = np.diff(notes.track[top]) == 0
    support = np.arange(-WIDEST_INTERVAL, WIDEST_INTERVAL + 1)
    return _histogram(notes, top[1:][follows], np.diff(notes.pitch[top])[follows], support)


def inter_onset_histogram(notes: Notes) -> Histogram:
    """Counts the times from each onset of a track to the next, drums too, in quarter notes.

    They go from one step to 16 quarters. Notes that begin on one step are one onset. mgeval (Yang
    and Lerch 2020, "average inter-onset interval") takes the onsets of all tracks together, equal
    ones as 0 seconds apart.
    """
    check_notes(notes)
    times = np.diff(notes.step)
    at = np.flatnonzero((np.diff(notes.track) == 0) & (times > 0))
    return _of_times(notes, at + 1, times[at])


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
    """Counts the different pitches of each piece, 1 to 128.

    Source: Yang and Lerch (2020), "On the evaluation of generative models in music", "pitch count".
    """
    return _used(pitch_histogram(notes))


def pitch_classes_used(notes: Notes) -> NDArray[np.float64]:
    """Counts the different pitch classes (p mod 12) of each piece, 1 to 12."""
    return _used(pitch_class_histogram(notes))


def pitch_range(notes: Notes) -> NDArray[np.float64]:
    """Measures the semitones from the lowest to the highest pitch of each piece, 0 to 127.

    muspy 0.5 gives -127 for drums alone.

    Source: Yang and Lerch (2020), "pitch range".
    """
    used = pitch_histogram(notes).counts > 0
    lowest, above = np.argmax(used, axis=1), np.argmax(used[:, ::-1], axis=1)
    return np.where(used.any(axis=1), 127 - above - lowest, np.nan)


def _used(histogram: Histogram) -> NDArray[np.float64]:
    """Counts the bins of each piece that are not empty; nan where all are."""
    used = np.count_nonzero(histogram.counts, axis=1)
    return np.where(used > 0, used, np.nan)


def _of_times(notes: Notes, at: NDArray[np.intp], steps: NDArray) -> Histogram:
    """Counts times given in steps, over quarter notes."""
    bins = np.arange(1, LONGEST * notes.steps_per_quarter + 1)
    counts = _histogram(notes, at, steps, bins).counts
    return Histogram(bins / notes.steps_per_quarter, counts)


def _histogram(notes: Notes, at: NDArray[np.intp], values: NDArray, bins: NDArray) -> Histogram:
    """Counts values, of the notes at some places, in bins of consecutive whole numbers."""
    place = np.clip(values, bins[0], bins[-1]) - bins[0]
    cells = notes.piece[at] * len(bins) + place
    counts = np.bincount(cells, minlength=notes.pieces * len(bins))
    return Histogram(bins, counts.reshape(notes.pieces, len(bins)))
