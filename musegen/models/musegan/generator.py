"""The generator: four noises to a phrase of several tracks.

    style, chords   -> the harmony of a bar, which all tracks share
    groove, melody  -> what a track makes of it
    both            -> the track's bar, from beats down to steps, by transposed convolutions

After Dong et al., "MuseGAN" (AAAI 2018), section 3: a temporal network turns the chords noise into
one vector a bar, one private temporal network a track does so for its melody noise, and every bar
is drawn from the style, the groove of the track, the chords of the bar, and the melody of the
track and bar. Which noise reaches what is as there, and so are its three ways to compose:

    composition   noises                                networks
    -----------   -----------------------------------   ----------------------------------------
    hybrid        style and chords for all tracks,      one harmony, a drawing network a track
                  groove and melody a track
    jamming       all four a track                      a harmony and a drawing network a track
    composer      all four once                         one harmony, one network draws all tracks

Three things differ. What is computed from shared noise alone is computed once, in layers that all
tracks share. Every level of time, from beats to steps, adds its own logits to those of the level
above (as in StyleGAN2, Karras et al. 2020, section 4.1), so that long notes are what a new network
writes, and short ones what it learns. And the harmony adds to the logits of the twelve pitch
classes in all tracks, whichever the octave.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from musegen.encoding.pianoroll import PianorollEncoding
from musegen.models.musegan.book import book_draw, book_harmony
from musegen.models.musegan.layers import (
    Linear,
    Upsample,
    beside,
    every_bar,
    leaky_relu,
    prime_factors,
)

COMPOSITIONS = ("hybrid", "jamming", "composer")
LEAST_CHANNELS = 32


def noise_shapes(composition: str, tracks: int, noise_size: int) -> dict[str, tuple[int, ...]]:
    """The shape of each noise of one phrase."""
    shared = (tracks, noise_size) if composition == "jamming" else (noise_size,)
    private = (1 if composition == "composer" else tracks, noise_size)
    return {"style": shared, "groove": private, "chords": shared, "melody": private}


def levels(encoding: PianorollEncoding) -> list[int]:
    """Steps in a bar of each level of time: first the beats, if that many divide the bar."""
    level = math.gcd(encoding.meter[0], encoding.steps)
    return list(itertools.accumulate([level, *prime_factors(encoding.steps // level)], int.__mul__))


def build_generator(
    encoding: PianorollEncoding,
    bars: int,
    noise_size: int,
    composition: str,
    units: int,
    kind: str = "compact",
) -> keras.Model:
    """Builds a model from a dict of noises, `(batch, *noise_shapes(...)[name])` each, to logits.

    The arguments are those of `MuseGAN`. Half of `units` is the channels at the level of beats; the
    chapter's layers, of the kind `"book"`, have widths of their own.
    """
    names = [f"track_{number}" for number in range(1, len(encoding.tracks) + 1)]
    shapes = noise_shapes(composition, len(names), noise_size)
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    jams, alone = composition == "jamming", composition == "composer"
    harmonize, draw = (book_harmony, book_draw) if kind == "book" else (_harmony, _draw)

    def of(name: str, index: int) -> Any:
        noise = inputs[name]
        return noise if len(noise.shape) == 2 else noise[:, index]

    harmonies = [
        harmonize(encoding, bars, of("style", i), of("chords", i), units, prefix)
        for i, prefix in enumerate([f"{name}_" for name in names] if jams else [""])
    ]
    drawn = []
    for i, name in enumerate(["tracks"] if alone else names):
        harmony = harmonies[i if jams else 0]
        tracks = encoding.tracks if alone else encoding.tracks[i : i + 1]
        pitched = np.array([not track.is_drum for track in tracks], "float32")
        drawn.append(
            draw(encoding, bars, of("groove", i), of("melody", i), harmony, pitched, units, name)
        )
    logits = drawn[0] if len(drawn) == 1 else ops.concatenate(drawn, axis=-1)
    return keras.Model(inputs, logits, name="generator")


def dense(units: int, name: str) -> Linear:
    """A layer to go before a leaky ReLU."""
    return Linear(units, kernel_initializer="he_normal", name=name)


def beside_added(x: Any, name: str) -> Any:
    """Adds to each place `(batch, places, channels)` what those beside it say."""
    return x + leaky_relu(dense(x.shape[-1], name)(beside(x)))


def by_beat(x: Any, beats: int, units: int, name: str) -> Any:
    """What each beat of a phrase says, told its neighbours, `(batch, beats, units)`.

    `x` are cells, time first: `(batch, bars, steps, ...)`.
    """
    x = ops.reshape(x, (-1, beats, math.prod(x.shape[1:]) // beats))
    return beside_added(leaky_relu(dense(units, f"{name}_beats")(x)), f"{name}_neighbours")


def temporal(noise: Any, bars: int, width: int, size: int, name: str) -> Any:
    """A temporal network: a noise to one vector a bar, `(batch, bars, size)`.

    Of several noises `(batch, noises, noise_size)` the bars stand in a row.
    """
    x = leaky_relu(dense(width, f"{name}_temporal_1")(noise))
    x = dense(bars * size, f"{name}_temporal_2")(x)
    return ops.reshape(x, (-1, bars * math.prod(x.shape[1:-1]), size))


def channels_at(units: int, level: int) -> int:
    """The channels of a level of time, of which the first is 0."""
    return max(units >> (level + 1), LEAST_CHANNELS)


def _harmony(
    encoding: PianorollEncoding, bars: int, style: Any, chords: Any, units: int, prefix: str
) -> tuple[list[Any], Any]:
    """What all tracks share: features of each level, and logits of the twelve pitch classes."""
    size = style.shape[-1]
    chords = temporal(chords, bars, units, 2 * size, f"{prefix}chords")
    x = ops.concatenate([every_bar(style, bars), chords], axis=-1)
    x = leaky_relu(dense(units, f"{prefix}harmony")(x))[:, :, None]  # (batch, bars, 1, units)
    features, classes = [], 0
    for number, (before, steps) in enumerate(itertools.pairwise([1, *levels(encoding)])):
        label = f"{prefix}harmony_{steps}"
        x = leaky_relu(Upsample(channels_at(units, number), steps // before, axis=2, name=label)(x))
        features.append(x)
        logits = small_logits(12, number, f"{label}_classes")(x)
        classes += ops.repeat(logits, encoding.steps // steps, axis=2)
    octaves = -(-(encoding.lowest % 12 + encoding.pitches) // 12)
    first = encoding.lowest % 12
    classes = ops.tile(classes, (1, 1, 1, octaves))[..., first : first + encoding.pitches]
    return features, ops.pad(classes, ((0, 0), (0, 0), (0, 0), (0, 2)))


def _draw(
    encoding: PianorollEncoding,
    bars: int,
    groove: Any,
    melody: Any,
    harmony: tuple[list[Any], Any],
    pitched: np.ndarray,
    units: int,
    name: str,
) -> Any:
    """The logits of one track, or of all of them, `(batch, bars, steps, pitches + 2, tracks)`."""
    features, classes = harmony
    melody = temporal(melody, bars, units // 4, groove.shape[-1], f"{name}_melody")
    x = ops.concatenate([every_bar(groove, bars), melody], axis=-1)
    x = leaky_relu(dense(units // 2, f"{name}_bar")(x))[:, :, None]
    rows, tracks = encoding.pitches + 2, len(pitched)
    total = 0
    for number, (before, steps) in enumerate(itertools.pairwise([1, *levels(encoding)])):
        label, channels = f"{name}_{steps}", channels_at(units, number)
        x = leaky_relu(Upsample(channels, steps // before, axis=2, name=label)(x))
        both = ops.concatenate([x, features[number]], axis=-1)
        x = leaky_relu(dense(channels, f"{label}_both")(both))
        logits = small_logits(rows * tracks, number, f"{label}_logits")(x)
        total += ops.repeat(logits, encoding.steps // steps, axis=2)
    total = ops.reshape(total, (-1, bars, encoding.steps, rows, tracks))
    return total + classes[..., None] * pitched


def small_logits(rows: int, number: int, name: str) -> Linear:
    """Small at first, the smaller the finer the level: a new network writes long notes."""
    initializer = keras.initializers.RandomNormal(stddev=0.05 * 0.3**number)
    return Linear(rows, kernel_initializer=initializer, name=name)


def begin_at(generator: keras.Model, encoding: PianorollEncoding, logits: np.ndarray) -> None:
    """Sets the bias of what a new generator writes, `(pitches + 2, tracks)`, at the first level.

    A bias learns about one learning rate a step, and would need thousands to reach the logarithm of
    a rare pitch's frequency; so it begins there. The chapter's network begins as in the chapter.
    """
    first = f"_{levels(encoding)[0]}_logits"
    found = [layer for layer in generator.layers if layer.name.endswith(first)]
    # One layer a track, or one for all of them.
    columns = logits.T if len(found) > 1 else [logits.ravel()] * len(found)
    for layer, column in zip(found, columns, strict=True):
        layer.bias.assign(column)
