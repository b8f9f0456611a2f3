"""Figures of multi-track piano rolls: how full bars are, how long notes, how voices agree.

`rolls` is an array `(phrases, bars, steps, pitches, tracks)` of uint8 or bool. Cells above 0 sound;
row 0 of the pitches is MIDI pitch `lowest`, 0 to 127; steps are those of a bar. A note is a run of
one pitch within one bar: a pitch that is struck again at once is one note with what came before
(but for `drum_pattern`), and one that is held over a bar line is a note in either bar.

A figure of each track is an array `(tracks,)`; where a track has nothing to measure, it is nan, not
0. Rolls of another form and arguments out of their range raise a ValueError.

Used pitch classes, qualified notes, empty bars, drum pattern and tonal distance are the metrics of
the MuseGAN paper (Dong et al. 2018, "MuseGAN: Multi-track sequential generative adversarial
networks", section "Objective metrics for evaluation"), by their definitions; each function says
where it differs from code that was released.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from musegen._checks import checked_int, shown
from musegen.encoding.roll import ONSET
from musegen.evaluation.notes import divided

CHUNK = 1 << 24
"""How many cells are looked at together, which bounds the memory."""

CONSONANT = (0, 3, 4, 5, 7, 8, 9)
"""Unison, thirds, fourth, fifth, sixths, and these with octaves between, in semitones."""

# Where pitch classes lie on the circles of fifths, minor thirds and major thirds, as (12, 6): the
# steps round each circle and the radii are those of Harte, Sandler and Gasser (2006), "Detecting
# harmonic change in musical audio", section 3.
_ANGLES = np.arange(12)[:, None] * np.pi * np.array([7 / 6, 3 / 2, 2 / 3])
_CIRCLES = np.concatenate([np.sin(_ANGLES), np.cos(_ANGLES)], axis=1) * [1, 1, 0.5, 1, 1, 0.5]


def pitch_classes_per_bar(rolls: NDArray, lowest: int) -> NDArray[np.float64]:
    """Counts the different pitch classes (p mod 12), 1 to 12, that a track uses in a bar.

    The mean is over the bars in which the track sounds, as in the authors' first code; by the
    paper's words an empty bar would count as 0. The authors' code groups the 84 pitches by p // 7,
    or counts at each step and adds up: neither counts what the paper defines.

    Source: Dong et al. (2018), "UPC".
    """
    lowest = checked_int("lowest", lowest, 0, 127)
    used = _sum(
        (_chroma(np.any(on, axis=2), lowest) > 0).sum(axis=(0, 1, 2)) for on in _chunks(rolls)
    )
    return divided(used, _sounding_bars(rolls))


def notes_per_bar(rolls: NDArray) -> NDArray[np.float64]:
    """Counts the notes of a track, repeats merged, in a bar in which it sounds: from 1 up."""
    return divided(_sum(_by_track(_starts(on)) for on in _chunks(rolls)), _sounding_bars(rolls))


def qualified_note_share(rolls: NDArray, steps: int = 2) -> NDArray[np.float64]:
    """Measures what share of a track's notes, 0 to 1, last some steps within a bar: no fragments.

    Args:
        rolls: The rolls.
        steps: The shortest note that counts, at least 1; the paper's is 3 steps of 96 a bar.

    Source: Dong et al. (2018), "QN".
    """
    _check_rolls(rolls)
    steps = min(checked_int("steps", steps, 1), rolls.shape[2] + 1)
    notes = qualified = np.zeros(rolls.shape[-1])
    for on in _chunks(rolls):
        starts = _starts(on)
        notes = notes + _by_track(starts)
        lasting = starts[:, :, : max(on.shape[2] - steps + 1, 0)]
        for step in range(1, steps):
            lasting = lasting & on[:, :, step : step + lasting.shape[2]]
        qualified = qualified + _by_track(lasting)
    return divided(qualified, notes)


def empty_bar_share(rolls: NDArray) -> NDArray[np.float64]:
    """Measures what share of a track's bars, 0 to 1, are silent.

    Source: Dong et al. (2018), "EB". The authors' later code returns the share of the other bars.
    """
    return 1 - _sounding_bars(rolls) / (rolls.shape[0] * rolls.shape[1])


def drum_pattern(rolls: NDArray, beats: int = 16) -> NDArray[np.float64]:
    """Measures what share of a track's notes, 0 to 1, begin on one of 8 or 16 beats of a bar.

    The beats of a bar of 4/4 are equally far apart and the first is its first step: 8 are eighths,
    16 are sixteenths. The figure is for drum tracks; other tracks have one too. In bars of as many
    steps as beats every note is on a beat, so that rolls of 16 steps a bar say something only with
    8. The mean is over notes. Cells that `PianorollEncoding` writes as onsets begin a note each:
    struck at successive steps, as a hi-hat is, they are as many notes. In rolls without onsets
    these are one note, as in the paper's own data.

    The paper gives no formula beyond "ratio of notes in 8- or 16-beat patterns, common ones for
    Rock songs in 4/4 time". The authors' code departs from this in four ways:

    - notes a step (of 96 a bar) off a beat count too, 0.3 of one in the first version, 0.1 later;
    - the first two versions move the pattern by 0 to 5 steps, for each bar to where it fits best,
      so that a bar that is off the beat throughout counts in full, and take the mean over bars;
    - the last version counts all steps at which a drum sounds, and not those at which it begins;
    - the last version takes 16 beats or 8 by the number of steps, and 0 for silence.

    pypianoroll's `drum_in_pattern_rate` counts as the last version and takes music of one beat
    only; muspy's counts as is done here, with 16 beats.

    Args:
        rolls: The rolls.
        beats: 8 or 16, or another number of at least 1 that divides the steps of a bar.

    Source: Dong et al. (2018), "DP".
    """
    steps = _checked_beats(rolls, beats)
    counts = _sum(  # how many notes begin at each step of a bar
        _starts(some > 0, again=some == ONSET).sum(axis=(0, 1, 3)) for some in _parts(rolls)
    )
    return divided(counts[:: steps // beats].sum(axis=0), counts.sum(axis=0))


def tonal_distances(
    rolls: NDArray, lowest: int, beats: int = 4, shuffle: int | None = None
) -> NDArray[np.float64]:
    """Measures how far each two tracks are from each other in harmony, a beat at a time.

    A track's chroma in a beat is how many steps each pitch class sounds, divided by their sum. Its
    tonal centroid is the mean, so weighted, of the points where pitch classes lie on three
    circles: of fifths (radius 1), of minor thirds (1) and of major thirds (0.5). The distance is
    the Euclidean one between two tracks' centroids, and its mean is over the beats in which both
    tracks sound. Lower is closer; transposing all tracks together changes nothing.

    Args:
        rolls, lowest: The rolls.
        beats: How many beats a bar has, at least 1; divides the steps.
        shuffle: A seed, 0 to 2^63 - 1, makes this the control: the bars of all phrases are dealt
            out anew for each track apart, so that what sounds together was not written together.

    Returns:
        `(tracks, tracks)`, symmetric, 0 to 3, nan for tracks that never sound in one beat.

    Source: Harte, Sandler and Gasser (2006), section 3; Dong et al. (2018), "TD".
    """
    steps, tracks = _checked_beats(rolls, beats), rolls.shape[-1]
    lowest = checked_int("lowest", lowest, 0, 127)
    by_beat = (on.reshape(-1, beats, steps // beats, *on.shape[3:]) for on in _chunks(rolls))
    chroma = np.concatenate(
        [_chroma(np.add.reduce(on, axis=2, dtype=np.uint16), lowest) for on in by_beat]
    )  # (bars, beats, 12, tracks)
    chroma = np.moveaxis(chroma, -1, 0)  # (tracks, bars, beats, 12)
    if shuffle is not None:
        generator = np.random.default_rng(checked_int("shuffle", shuffle, 0, 2**63 - 1))
        chroma = np.stack([generator.permutation(track) for track in chroma])
    centroids = divided(chroma, chroma.sum(axis=-1, keepdims=True)) @ _CIRCLES
    matrix = np.empty((tracks, tracks))
    for first in range(tracks):
        distance = np.linalg.norm(centroids[first:] - centroids[first], axis=-1)
        together = ~np.isnan(distance)
        means = divided(np.where(together, distance, 0).sum((1, 2)), together.sum((1, 2)))
        matrix[first, first:] = matrix[first:, first] = means
    return matrix


def tonal_distance(
    rolls: NDArray, lowest: int, beats: int = 4, shuffle: int | None = None
) -> float:
    """Measures how far the tracks are from each other in harmony: the mean over pairs of tracks.

    Args:
        rolls, lowest, beats, shuffle: As in `tonal_distances`.

    Returns:
        The mean of `tonal_distances` over the pairs of different tracks that have a distance; nan
        where no pair has one.
    """
    matrix = tonal_distances(rolls, lowest, beats, shuffle)
    pairs = matrix[np.triu_indices(len(matrix), 1)]
    pairs = pairs[~np.isnan(pairs)]
    return float(divided(pairs.sum(), len(pairs)))


def consonance(rolls: NDArray, lowest: int) -> float:
    """Measures what share of the pairs of notes that sound together in two tracks are consonant.

    Every pair of notes of different tracks counts once a step. Consonant are the intervals whose
    remainder mod 12 is in `CONSONANT`: the fourth is, whichever voice has it.

    Returns:
        0 to 1, nan where no two tracks sound together.
    """
    lowest = checked_int("lowest", lowest, 0, 127)
    intervals = (np.arange(12)[:, None] - np.arange(12)) % 12
    counts = np.zeros((12, 12))
    for on in _chunks(rolls):
        chroma = _chroma(on, lowest).reshape(-1, 12, on.shape[-1]).astype(np.float32)
        together = chroma.sum(axis=-1)
        counts += together.T @ together
        for track in range(on.shape[-1]):
            counts -= chroma[..., track].T @ chroma[..., track]
    return float(divided(counts[np.isin(intervals, CONSONANT)].sum(), counts.sum()))


def pitch_lines(rolls: NDArray, lowest: int) -> NDArray[np.int16]:
    """Writes rolls as the pitch of each track at each step.

    Returns:
        `(phrases, bars * steps, tracks)`: the MIDI pitch that sounds, the highest where there are
        several, -1 for a rest.
    """
    _check_rolls(rolls)
    lowest = checked_int("lowest", lowest, 0, 127)
    pitches, tracks = rolls.shape[-2:]
    lines = []
    for on in _chunks(rolls):
        steps, rest = np.divmod(np.flatnonzero(on), pitches * tracks)
        rows, voices = np.divmod(rest, tracks)
        line = np.full(on.size // pitches, -1, dtype=np.int16)
        np.maximum.at(line, steps * tracks + voices, (rows + lowest).astype(np.int16))
        lines.append(line.reshape(len(on), -1, tracks))
    return np.concatenate(lines)


def mean_leap(rolls: NDArray) -> NDArray[np.float64]:
    """Measures how far a track moves when it moves, in semitones: the mean of intervals above 0.

    The pitches are those of `pitch_lines`; rests between two notes are passed over, and the last
    note of a bar leads to the first of the next in its phrase.
    """
    lines = pitch_lines(rolls, 0)
    leaps = []
    for line in np.moveaxis(lines, -1, 0):
        phrase = np.nonzero(line >= 0)[0]
        intervals = np.abs(np.diff(line[line >= 0]))
        intervals = intervals[(phrase[1:] == phrase[:-1]) & (intervals > 0)]
        leaps.append(divided(intervals.sum(), len(intervals)))
    return np.array(leaps)


def _check_rolls(rolls: NDArray) -> None:
    """Raises a ValueError unless `rolls` has five axes, something in each, and whole numbers."""
    what = "give an array (phrases, bars, steps, pitches, tracks) with at least one of each."
    if not isinstance(rolls, np.ndarray):
        raise ValueError(f"rolls={shown(rolls)}: {what}")
    if rolls.ndim != 5 or not rolls.size:
        raise ValueError(f"rolls has the shape {rolls.shape}: {what}")
    if rolls.dtype.kind not in "biu":
        raise ValueError(f"rolls has values of type {rolls.dtype}: give whole numbers, or bool.")


def _checked_beats(rolls: NDArray, beats: int) -> int:
    """Returns the steps of a bar if they are some for each of its beats, else raises."""
    _check_rolls(rolls)
    steps = rolls.shape[2]
    if steps % checked_int("beats", beats, 1):
        raise ValueError(f"beats={beats}: give a number that divides the {steps} steps a bar.")
    return steps


def _parts(rolls: NDArray) -> Iterator[NDArray]:
    """Cuts rolls into some phrases at a time."""
    _check_rolls(rolls)
    phrases = max(1, CHUNK // rolls[0].size)
    return (rolls[start : start + phrases] for start in range(0, len(rolls), phrases))


def _chunks(rolls: NDArray) -> Iterator[NDArray[np.bool_]]:
    """Cuts rolls into some phrases at a time, true where a note sounds."""
    return (part > 0 for part in _parts(rolls))


def _chroma(pitches: NDArray, lowest: int) -> NDArray[np.uint16]:
    """Adds octaves up: `(..., pitches, tracks)` to `(..., 12, tracks)`, C first."""
    chroma = np.zeros((*pitches.shape[:-2], 12, pitches.shape[-1]), dtype=np.uint16)
    for row in range(0, pitches.shape[-2], 12):
        octave = pitches[..., row : row + 12, :]
        chroma[..., : octave.shape[-2], :] += octave
    return np.roll(chroma, lowest, axis=-2)


def _starts(on: NDArray[np.bool_], again: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Marks the first step of each run of a pitch within its bar, and where it is struck again."""
    starts = on.copy()
    starts[:, :, 1:] &= ~on[:, :, :-1]
    return starts if again is None else starts | again


def _by_track(cells: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Counts the true cells of each track, the last axis."""
    tracks = cells.shape[-1]
    return np.bincount(np.flatnonzero(cells) % tracks, minlength=tracks)


def _sounding_bars(rolls: NDArray) -> NDArray:
    return _sum(np.any(on, axis=(2, 3)).sum(axis=(0, 1)) for on in _chunks(rolls))


def _sum(parts: Iterable[NDArray]) -> NDArray:
    return np.add.reduce(list(parts))
