"""The encoder: from phrases to noises, by which a generator learns before its critic teaches it.

    planes of all voices                   -> style, chords
    pitches of a voice                     -> its melody
    beginnings of the notes of a voice     -> its groove

It is the encoder of a variational autoencoder (Kingma and Welling 2014), whose decoder is the
generator; so began Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity
metric", whose three networks learn together, where here one follows the other. It gives the mean
and the logarithm of the variance of each noise. It is of no use but in training, and not saved.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musegen.encoding.pianoroll import PianorollEncoding
from musegen.models.musegan.generator import by_beat, dense, levels
from musegen.models.musegan.layers import Linear, leaky_relu

BEAT_UNITS, PHRASE_UNITS = 384, 384
VOICE_BEAT_UNITS, VOICE_UNITS, GROOVE_UNITS = 96, 192, 128
LOG_VARIANCE = (-8.0, 3.0)
"""Limits, so that no noise is certain, and none without end."""


def build_encoder(encoding: PianorollEncoding, bars: int, noise_size: int) -> keras.Model:
    """Builds a model from planes to the mean and the log variance of each noise.

    From `(batch, bars, steps, pitches + 1, tracks)` to a dict of arrays `(batch, ..., 2,
    noise_size)`, with an axis of tracks for groove and melody.
    """
    pitches, tracks = encoding.pitches, len(encoding.tracks)
    planes = keras.Input((bars, encoding.steps, pitches + 1, tracks), name="planes")
    which = keras.Input((tracks,), name="which")
    beats = bars * levels(encoding)[0]

    def of(x: Any, units: int, name: str) -> Any:
        """Units for each beat, told its neighbours, in a row."""
        return ops.reshape(by_beat(x, beats, units, name), (-1, beats * units))

    def noise(x: Any, count: int, name: str) -> Any:
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        x = Linear(count * 2 * noise_size, kernel_initializer=initializer, name=name)(x)
        return ops.reshape(x, (-1, count, 2, noise_size))

    x = ops.concatenate([of(planes, BEAT_UNITS, "all"), which], axis=-1)
    x = leaky_relu(dense(PHRASE_UNITS, "phrase")(x))
    shared = noise(x, 2, "shared")
    melodies, grooves = [], []
    for track in range(tracks):
        voice = planes[..., track : track + 1]
        x = of(voice[:, :, :, :pitches], VOICE_BEAT_UNITS, f"voice_{track}")
        x = leaky_relu(dense(VOICE_UNITS, f"voice_{track}")(x))
        melodies.append(noise(x, 1, f"melody_{track}"))
        onsets = ops.reshape(voice[:, :, :, pitches:], (-1, bars * encoding.steps))
        x = leaky_relu(dense(GROOVE_UNITS, f"rhythm_{track}")(onsets))
        grooves.append(noise(x, 1, f"groove_{track}"))
    found = {
        "style": shared[:, 0],
        "chords": shared[:, 1],
        "groove": ops.concatenate(grooves, axis=1),
        "melody": ops.concatenate(melodies, axis=1),
    }
    return keras.Model([planes, which], found, name="encoder")
