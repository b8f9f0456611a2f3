"""The critic: how real a phrase looks, one number, by convolutions over bars, steps and pitches.

    planes (bars, steps, pitches + 1, tracks)
      two streams, tracks as channels, two steps at a time:
        the roll: an octave, then all octaves          how the voices lie
        its pitch classes, around their circle         what chord they sound, in any key
      with the onsets, along time:                     (bars, steps / 2, channels)
        overlapping patches, then whole bars           how they move
        all bars                                       how the phrase goes on
      -> one score

Nine tenths of the work of the chapter's critic (`book.py`) is in its first layers, which keep the
whole grid of pitches; this one contracts pitches first. The streams are those of the authors' later
critic (Dong and Yang, "Convolutional Generative Adversarial Networks with Binary Neurons for
Polyphonic Music Generation", ISMIR 2018, section 3.3), where chroma and onsets are separate as
well; convolving the chroma around its circle is ours. There is no normalisation over the batch: the
gradient penalty is of each phrase by itself (Gulrajani et al. 2017, section 4).
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from musegen.encoding.pianoroll import PianorollEncoding
from musegen.models.musegan.layers import PatchConv3D, PitchClassConv, leaky_relu, prime_factors

OCTAVE_FILTERS, CLASS_FILTERS = 48, 32
STEP_UNITS, TIME_FILTERS, BAR_FILTERS, PHRASE_UNITS = 128, 192, 256, 512


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

    x = ops.concatenate([voices, chord, _steps_together(onsets, first)], axis=-1)
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
