"""The chapter's own networks, for those who follow the book, and to compare with.

From David Foster, "Generative Deep Learning" (2019), chapter 7, with any number of bars, steps and
pitches: the layers are the chapter's where a phrase has its shape, 2 bars of 16 steps and 84
pitches. The matrices are multiplied otherwise (`layers.py`), which is the same function. It differs
in these: the generator's last layer gives logits of a category in place of a hyperbolic tangent, a
layer of two outputs beside it says silence and repeats, which the chapter does not have, and the
critic sees 0 and 1 in place of -1 and 1. It doesn't see which notes are struck again.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from musegen.encoding.pianoroll import PianorollEncoding
from musegen.models.musegan.layers import (
    Linear,
    PatchConv3D,
    Upsample,
    every_bar,
    leaky_relu,
    prime_factors,
)

TEMPORAL_FILTERS = 1024
BAR_UNITS = 1024
STEP_FILTERS = (512, 256)  # and 256 from there on
PITCH_FILTERS = 256
MOMENTUM = 0.9  # of the moving averages of batch normalisation


def build_book_critic(
    encoding: PianorollEncoding, bars: int, tracks: int, name: str = "critic"
) -> keras.Model:
    """Builds the chapter's critic, from what to what `critic.build_critic` does."""
    pair = min(bars, 2)
    octaves = -(-encoding.pitches // 12)
    stack = (
        (128, (pair, 1, 1), (1, 1, 1), "valid"),
        (128, (bars - pair + 1, 1, 1), (1, 1, 1), "valid"),  # (batch, 1, steps, pitches, 128)
        (128, (1, 1, 12), (1, 1, 12), "same"),
        (128, (1, 1, octaves), (1, 1, octaves), "same"),  # (batch, 1, steps, 1, 128)
        (128, (1, 2, 1), (1, 2, 1), "same"),
        (128, (1, 2, 1), (1, 2, 1), "same"),
        (256, (1, 4, 1), (1, 2, 1), "same"),
        (512, (1, 3, 1), (1, 2, 1), "same"),  # (batch, 1, steps / 16, 1, 512)
    )
    planes = keras.Input((bars, encoding.steps, encoding.pitches + 1, tracks), name="planes")
    x = planes[:, :, :, : encoding.pitches]
    for number, layer in enumerate(stack, 1):
        x = leaky_relu(PatchConv3D(*layer, name=f"convolution_{number}")(x))
    x = ops.reshape(x, (-1, math.prod(x.shape[1:])))
    x = leaky_relu(Linear(1024, kernel_initializer="he_normal", name="phrase")(x))
    return keras.Model(planes, Linear(1, name="score")(x), name=name)


def book_harmony(
    encoding: PianorollEncoding, bars: int, style: Any, chords: Any, units: int, prefix: str
) -> Any:
    """What all tracks share: style and chords of each bar, `(batch, bars, 2 * noise_size)`."""
    chords = _temporal_network(chords, bars, f"{prefix}chords")
    return ops.concatenate([every_bar(style, bars), chords], axis=-1)


def book_draw(
    encoding: PianorollEncoding,
    bars: int,
    groove: Any,
    melody: Any,
    harmony: Any,
    pitched: np.ndarray,
    units: int,
    name: str,
) -> Any:
    """The logits of one track, or of all of them, `(batch, bars, steps, pitches + 2, tracks)`."""
    melody = _temporal_network(melody, bars, f"{name}_melody")
    x = ops.concatenate([harmony, every_bar(groove, bars), melody], axis=-1)
    first, *factors = prime_factors(encoding.steps) or [1]
    channels = BAR_UNITS // first
    x = _normalized(Linear(first * channels, name=f"{name}_bar")(x), f"{name}_bar")
    x = ops.reshape(x, (-1, bars, first, 1, channels))
    for number, factor in enumerate(factors, 1):
        label, filters = f"{name}_steps_{number}", STEP_FILTERS[min(number - 1, 1)]
        x = _normalized(Upsample(filters, factor, axis=2, name=label)(x), label)
    tracks, octaves = len(pitched), -(-encoding.pitches // 12)
    others = Linear(2 * tracks, name=f"{name}_silence_and_repeats")(x)
    x = _normalized(Upsample(PITCH_FILTERS, octaves, 3, name=f"{name}_octaves")(x), f"{name}_oct")
    x = Upsample(tracks, 12, 3, name=f"{name}_pitches")(x)[:, :, :, : encoding.pitches]
    others = ops.reshape(others, (-1, bars, encoding.steps, 2, tracks))
    return ops.concatenate([x, others], axis=3)


def _normalized(x: Any, name: str) -> Any:
    normalize = keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")
    return ops.relu(normalize(x))


def _temporal_network(noise: Any, bars: int, name: str) -> Any:
    """A noise to one vector a bar, `(batch, bars, noise_size)`."""
    pair = min(bars, 2)
    x = noise[:, None, None]  # (batch, bars, 1, noise_size), with one bar at first
    layers = (TEMPORAL_FILTERS, pair), (noise.shape[-1], bars - pair + 1)
    for number, (filters, kernel) in enumerate(layers, 1):
        label = f"{name}_temporal_{number}"
        layer = keras.layers.Conv2DTranspose(filters, (kernel, 1), (1, 1), name=label)
        x = _normalized(layer(x), label)
    return x[:, :, 0]
