"""What a generator is told of a track that is given, for it to write the others.

    planes of the given track      -> features of each beat, told its neighbours
                                      added to the harmony that all tracks share
    its pitches and beginnings     -> in place of its draft, and of what it would sound

This is the track-conditional generation of Dong et al. 2018, section 3.4. Theirs, too, encodes the
bars of the given track and hands the features to the layers of the bar generators; there networks
that are given a track are trained apart, where here one generator is given a track for half of the
phrases that it learns from, and for the others nothing, of which its features are zero.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from keras import ops

from musegen.encoding.pianoroll import PianorollEncoding
from musegen.models.musegan.cells import step_before
from musegen.models.musegan.generator import by_beat, levels

CERTAIN = 1000.0
"""The score of what is given, which no other score comes near."""


class Told(NamedTuple):
    """Phrases of which tracks may be given.

    Attributes:
        planes: What a critic sees of them in C major or A minor, `(batch, bars, steps, pitches + 1,
            tracks)`.
        keys: How far above these they were, `(batch,)`, -5 to 6 semitones.
        which: Which tracks are given, `(batch, tracks)` of 0 and 1.
    """

    planes: Any
    keys: Any
    which: Any


def given_shape(encoding: PianorollEncoding, bars: int) -> tuple[int, ...]:
    """The shape of what a generator is told of a phrase."""
    return (bars, encoding.steps, encoding.pitches + 2, len(encoding.tracks))


def given_cells(told: Told) -> Any:
    """What a generator is told of tracks that are given.

    Returns:
        `(batch, bars, steps, pitches + 2, tracks)` of 0 and 1: which pitch sounds, or silence; and
        whether a note or a silence begins. Of tracks that are not given all is 0.
    """
    sounds, onsets = told.planes[:, :, :, :-1], told.planes[:, :, :, -1:]
    silent = 1 - ops.sum(sounds, axis=3, keepdims=True)
    bars, steps, _, tracks = silent.shape[1:]
    line = ops.reshape(silent, (-1, bars * steps, 1, tracks))
    begins = onsets + ops.reshape(line * (1 - step_before(line)), ops.shape(silent))
    return ops.concatenate([sounds, silent, begins], axis=3) * told.which[:, None, None, None]


def given_features(given: Any, encoding: PianorollEncoding, units: int) -> Any:
    """What each beat of what is given says, `(batch, beats, units)`; zero if nothing is."""
    x = by_beat(given, given.shape[1] * levels(encoding)[0], units, "given")
    anything = ops.max(given, axis=(1, 2, 3, 4))
    return x * anything[:, None, None]


def forced(logits: Any, given: Any) -> Any:
    """Scores by which what is given is sure to be taken, whatever else they are added to.

    Args:
        logits: `(batch, bars, steps, pitches + 2, tracks)`.
        given: As `given_cells` returns it.
    """
    told = ops.sum(given[:, :, :, :-1], axis=3, keepdims=True)
    return logits * (1 - told) + CERTAIN * (2 * given - 1) * told
