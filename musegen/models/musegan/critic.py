"""The critic: how real a phrase looks, one number, by convolutions over bars, steps and pitches.

    planes (bars, steps, pitches + 1, tracks)
      two streams, tracks as channels, two steps at a time:
        the roll: an octave, then all octaves          how the voices lie
        its pitch classes, around their circle         what chord they sound, in any key
        how pairs of voices move, from a step to the next: parallels, leaps
      with the onsets, along time:                     (bars, steps / 2, channels)
        overlapping patches, then whole bars           how they move
        all bars                                       how the phrase goes on
      -> one score

Nine tenths of the work of the chapter's critic (`book.py`) is in its first layers, which keep the
whole grid of pitches; this one contracts pitches first. The streams are those of the authors' later
critic (Dong and Yang, "Convolutional Generative Adversarial Networks with Binary Neurons for
Polyphonic Music Generation", ISMIR 2018, section 3.3), where chroma and onsets are separate as
well; convolving the chroma around its circle is ours, and so is the stream of motion, which is
there with two voices of one note at a time, or more: without it a critic does not learn to see a
parallel fifth. There is no normalisation over the batch: the
gradient penalty is of each phrase by itself (Gulrajani et al. 2017, section 4).
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.roll_phrases import drums
from musegen.models.musegan.layers import (
    Linear,
    PatchConv3D,
    PitchClassConv,
    leaky_relu,
    prime_factors,
)

OCTAVE_FILTERS, CLASS_FILTERS = 48, 32
STEP_UNITS, TIME_FILTERS, BAR_FILTERS, PHRASE_UNITS = 128, 192, 256, 512
MOTION_UNITS = 128
LEAPS = (0.0, 2.5, 5.5, 8.5)
"""Semitones above which a leap is told apart from smaller ones."""


def build_critic(
    encoding: PianorollEncoding, bars: int, tracks: int, name: str = "critic"
) -> keras.Model:
    """Builds a critic of planes `(batch, bars, steps, pitches + 1, tracks)`.

    Its scores, `(batch, 1)`, have no bounds: higher is more real.
    """
    pitches = encoding.pitches
    factors = prime_factors(encoding.steps)
    first = factors[0] if factors else 1  # steps that are contracted with the pitches
    middle = factors[1] if len(factors) > 1 else 1  # ... by overlapping patches
    last = math.prod(factors[2:])  # ... and what is left of a bar, at once
    octaves = -(-pitches // 12)

    planes = keras.Input((bars, encoding.steps, pitches + 1, tracks), name="planes")
    roll, onsets = planes[:, :, :, :pitches], planes[:, :, :, pitches:]
    roll = ops.pad(roll, ((0, 0), (0, 0), (0, 0), (0, 12 * octaves - pitches), (0, 0)))

    roll = _steps_together(roll, first)  # (batch, bars, steps / first, octaves * 12, channels)

    x = PatchConv3D(OCTAVE_FILTERS, (1, 1, 12), (1, 1, 12), name="octave")(roll)
    x = PatchConv3D(STEP_UNITS, (1, 1, octaves), (1, 1, octaves), name="octaves")(leaky_relu(x))
    voices = leaky_relu(x)  # (batch, bars, steps / first, 1, units)

    classes = ops.reshape(roll, (-1, *roll.shape[1:3], octaves, 12, roll.shape[-1]))
    classes = ops.sum(classes, axis=3)
    x = PitchClassConv(CLASS_FILTERS, name="classes")(classes)
    x = PatchConv3D(STEP_UNITS, (1, 1, 12), (1, 1, 12), name="chord")(leaky_relu(x))
    chord = leaky_relu(x)

    streams = [voices, chord, _steps_together(onsets, first)]
    lines = np.flatnonzero(encoding.monophonic & ~drums(encoding)).tolist()
    if tracks == len(encoding.tracks) and len(lines) > 1:
        streams.append(_motion(planes[:, :, :, :pitches], lines, first))
    x = ops.concatenate(streams, axis=-1)
    x = ops.reshape(x, (-1, 1, bars * encoding.steps // first, 1, x.shape[-1]))  # bars in a row
    if middle > 1:
        wide = (1, 2 * middle, 1)
        x = PatchConv3D(TIME_FILTERS, wide, (1, middle, 1), padding="same", name="time")(x)
        x = leaky_relu(x)
    x = PatchConv3D(BAR_FILTERS, (1, last, 1), (1, last, 1), name="bar")(x)
    x = ops.reshape(leaky_relu(x), (-1, bars * BAR_FILTERS))
    x = keras.layers.Dense(PHRASE_UNITS, kernel_initializer="he_normal", name="phrase")(x)
    x = leaky_relu(x)
    return keras.Model(planes, keras.layers.Dense(1, name="score")(x), name=name)


def _steps_together(x: Any, count: int) -> Any:
    """To `(batch, bars, steps / count, rows, count * tracks)`: a few steps' tracks as channels."""
    batch, (bars, steps, rows, tracks) = -1, x.shape[1:]
    x = ops.reshape(x, (batch, bars, steps // count, count, rows, tracks))
    x = ops.transpose(x, (0, 1, 2, 4, 3, 5))
    return ops.reshape(x, (batch, bars, steps // count, rows, count * tracks))


def _motion(roll: Any, voices: list[int], together: int) -> Any:
    """How voices move, `(batch, bars, steps / together, 1, units)`."""
    bars, steps = roll.shape[1:3]
    x = ops.pad(motions(roll, voices), ((0, 0), (1, 0), (0, 0)))
    x = leaky_relu(Linear(MOTION_UNITS, kernel_initializer="he_normal", name="motion")(x))
    x = ops.reshape(x, (-1, bars, steps // together, 1, together * MOTION_UNITS))
    return leaky_relu(Linear(STEP_UNITS, kernel_initializer="he_normal", name="motions")(x))


def motions(roll: Any, voices: list[int]) -> Any:
    """Says how voices move from each step to the next.

    Args:
        roll: What sounds, `(batch, bars, steps, pitches, tracks)` of 0 and 1.
        voices: Tracks of one note at a time.

    Returns:
        `(batch, bars * steps - 1, features)`: for each pair of voices, where both move, the
        interval class between them before (12 times the pairs) and after; how far each voice moves,
        in octaves; for each pair the product of that if they go the same way; and how far each
        voice moves beyond each of `LEAPS`.
    """
    bars, steps, pitches = roll.shape[1:4]
    line = ops.reshape(roll, (-1, bars * steps, pitches, roll.shape[-1]))
    line = ops.stack([line[..., voice] for voice in voices], axis=-1)
    first, second = zip(*itertools.combinations(range(len(voices)), 2), strict=True)

    def of(x: Any, which: tuple[int, ...]) -> Any:
        return ops.stack([x[..., place] for place in which], axis=-1)

    octaves = -(-pitches // 12)
    classes = ops.pad(line, ((0, 0), (0, 0), (0, 12 * octaves - pitches), (0, 0)))
    classes = ops.sum(ops.reshape(classes, (-1, bars * steps, octaves, 12, len(voices))), axis=2)
    lower, upper = of(classes, second), of(classes, first)  # voices are from high to low
    intervals = ops.stack(
        [ops.sum(lower * ops.roll(upper, -interval, axis=2), axis=2) for interval in range(12)],
        axis=2,
    )  # (batch, steps, 12, pairs)
    moves = 1 - ops.sum(line[:, 1:] * line[:, :-1], axis=2)
    both = (of(moves, first) * of(moves, second))[:, :, None]
    height = ops.sum(line * np.arange(pitches, dtype="float32")[:, None] / 12, axis=2)
    leap = height[:, 1:] - height[:, :-1]
    seen = [
        ops.reshape(x * both, (-1, bars * steps - 1, 12 * len(first)))
        for x in (intervals[:, :-1], intervals[:, 1:])
    ]
    seen += [leap, ops.relu(of(leap, first) * of(leap, second))]
    seen += [ops.relu(ops.abs(leap) - limit / 12) for limit in LEAPS]
    return ops.concatenate(seen, axis=-1)
