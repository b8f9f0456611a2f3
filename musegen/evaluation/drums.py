"""The drum pattern of the MuseGAN paper: how many drum notes lie where rock drummers put them.

`rolls` is an array `(phrases, bars, steps, pitches, tracks)`, as in `musegen.evaluation.pianoroll`.
A note begins where a pitch sounds that did not sound at the step before, at the first step of a bar
if it sounds there, and at each cell that `PianorollEncoding` writes as an onset: struck again and
again at successive steps, as a hi-hat is, that is as many notes. In rolls without onsets these are
one note, as in the paper's own data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musegen._checks import checked_int
from musegen.encoding.roll import ONSET
from musegen.evaluation.pianoroll import CHUNK, check_rolls


def drum_pattern(rolls: NDArray, beats: int = 16) -> NDArray[np.float64]:
    """Says what share of a track's notes begin on one of 8 or 16 beats a bar.

    The beats of a bar of 4/4 are equally far apart and the first is its first step: 8 are eighths,
    16 are sixteenths. The figure is for drum tracks; other tracks have one too. In bars of as many
    steps as beats every note is on a beat, so that rolls of 16 steps a bar say something only with
    8. The mean is over notes.

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
        rolls: `(phrases, bars, steps, pitches, tracks)`, above 0 where a note sounds.
        beats: 8 or 16, or another number of at least 1 that divides the steps of a bar.

    Returns:
        `(tracks,)`, 0 to 1, nan for a silent track.

    Raises:
        ValueError: If `rolls` is not such an array, or `beats` does not divide its steps.

    Source: Dong et al. (2018), "DP".
    """
    check_rolls(rolls)
    steps = rolls.shape[2]
    if steps % checked_int("beats", beats, 1):
        raise ValueError(f"beats={beats}: give a number that divides the {steps} steps a bar.")
    counts = np.zeros((steps, rolls.shape[-1]))  # how many notes begin at each step of a bar
    phrases = max(1, CHUNK // rolls[0].size)
    for first in range(0, len(rolls), phrases):
        some = rolls[first : first + phrases]
        begins = some > 0
        begins[:, :, 1:] &= ~begins[:, :, :-1] | (some[:, :, 1:] == ONSET)
        counts += begins.sum(axis=(0, 1, 3))
    notes = counts.sum(axis=0)
    return counts[:: steps // beats].sum(axis=0) / np.where(notes, notes, np.nan)
