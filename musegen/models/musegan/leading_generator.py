"""The generator whose voices lead: key, harmony and drafts from shared noise, then each voice.

    style                     -> a key for the phrase (`Key`), and the manner of all bars
    style, chords             -> harmony of each beat, which all voices share, and drafts of them
    groove, with the harmony  -> when the notes of a voice begin
    melody                    -> what a voice prefers among its pitches
    drafts, and what a voice adds to its own  -> its pitches, led by `leading.Leading`

It differs from `generator.py`, and from Dong et al. 2018, section 3, in these. Pitches are counted
from the tonic: the network writes all phrases in C major or A minor, and the first number of the
style noise says to which key they are moved. Groove reaches only when notes begin, and melody only
which they are. A note sounds until the next one begins. The beats of a phrase know their
neighbours, across bar lines too. And scores are normalised over the pitches of a cell, so that
their gradient does not vanish however sure the network becomes.
"""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
from keras import ops

from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.roll_phrases import drums
from musegen.models.musegan.generator import (
    beside_added,
    channels_at,
    dense,
    levels,
    noise_shapes,
    small_logits,
    temporal,
)
from musegen.models.musegan.given import given_features, given_shape
from musegen.models.musegan.layers import (
    Linear,
    Upsample,
    every_bar,
    leaky_relu,
    product,
)
from musegen.models.musegan.leading import TABLE_SCALE, Leading

SPREAD, MELODY, GROOVE = 1.2, 0.40, 1.6
"""The root mean square of a draft's scores, and of what a voice's own noises add.

The likeliest of 48 pitches is at most 8 above the others. What own noises add is of a fixed size,
and the opposite noise adds the opposite: training can't leave a noise without effect. It could
still say much of pitches that are out of the question, and did; so melody is not learned at all.
"""
SOFTNESS = 4.0
"""Where the score of a beginning bends towards its limit, which it approaches from both sides."""
CIRCLE = tuple((7 * place + 5) % 12 - 5 for place in range(-6, 6))
"""The keys in the circle of fifths, from six flats to five sharps."""
LEAST_PITCHES = 24


@keras.saving.register_keras_serializable("musegen")
class Key(keras.layers.Layer):
    """The key of a phrase, from the first number of its style noise.

    A key is where its scale lies, in semitones from C major or A minor, -5 to 6. Along the number
    stand the keys in the circle of fifths, each as often as in training: a little more style is a
    related key. The noise being normal, limits between keys are quantiles.
    """

    def build(self, shape: Any) -> None:
        self.limits = self.add_weight(
            name="limits",
            shape=(11,),
            trainable=False,
            initializer=lambda shape, dtype=None: ops.cast(quantiles(np.ones(12) / 12), dtype),
        )

    def compute_output_shape(self, shape: Any) -> Any:
        return (shape[0], 1)

    def call(self, style: Any) -> Any:
        """Returns the key, `(batch, 1)` float32."""
        place = ops.sum(ops.cast(style[:, :1] > self.limits, "int32"), axis=-1, keepdims=True)
        return ops.take(np.array(CIRCLE, "float32"), place)

    def style_of(self, keys: Any, noise: Any) -> Any:
        """Returns a number of the style noise that stands for a key, `(batch,)`.

        `noise`, a normal one, says where between the limits of the key, of which the outermost are
        taken to be -3 and 3.
        """
        shares = (1 + ops.erf(noise / 2**0.5)) / 2
        places = ops.take(np.argsort(CIRCLE), ops.cast(keys, "int32") + 5)
        limits = ops.clip(self.limits, -3, 3)
        low = ops.concatenate([ops.full((1,), -3.0), limits])
        high = ops.concatenate([limits, ops.full((1,), 3.0)])
        low, high = ops.take(low, places), ops.take(high, places)
        return low + (0.02 + 0.96 * shares) * (high - low)

    def learn(self, keys: np.ndarray) -> None:
        """Sets how often keys are, from those of the phrases of a corpus, -5 to 6 each."""
        shares = np.bincount(np.asarray(keys) + 5, minlength=12)[np.array(CIRCLE) + 5]
        self.limits.assign(quantiles(shares / shares.sum()))


@keras.saving.register_keras_serializable("musegen")
class Reach(keras.layers.Layer):
    """What it adds to the scores of a voice where its pitches lie when they sound, in their key.

    The other scores are of pitches from the tonic: they can't tell what is too high for a voice.

    Args:
        pitches: How many there are.
        voices: Tracks.
    """

    def __init__(self, pitches: int, voices: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pitches, self.voices = pitches, voices

    def build(self, shape: Any) -> None:
        shape = (self.pitches + len(CIRCLE) - 1, self.voices)
        self.scores = self.add_weight(name="scores", shape=shape, initializer="zeros")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pitches": self.pitches, "voices": self.voices}

    def call(self, key: Any) -> Any:
        """From keys `(batch, 1)` to `(batch, 1, 1, pitches + 1, voices)`, 0 for silence."""
        places = np.arange(self.pitches) + ops.cast(key, "int32") - min(CIRCLE)
        scores = TABLE_SCALE * ops.take(self.scores, places, axis=0)
        return ops.pad(scores, ((0, 0), (0, 1), (0, 0)))[:, None, None]


@keras.saving.register_keras_serializable("musegen")
class Melody(keras.layers.Layer):
    """What the melody noise of a voice adds to the scores of its pitches: perturbations.

    Each pitch of each beat has a fixed direction, drawn once, in the space of the noise. Taking the
    likeliest of perturbed scores is a way to draw from what the scores say (Papandreou and Yuille
    2011, "Perturb-and-MAP random fields"; theirs is Gumbel noise, and this is normal, so that it
    goes from one phrase to another without a jump).

    Args:
        encoding: Pitches, and beats of a bar.
        bars: Bars of a phrase.
    """

    def __init__(self, encoding: PianorollEncoding, bars: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encoding, self.bars = encoding, bars

    def build(self, shape: Any) -> None:
        beats, size = self.bars * levels(self.encoding)[0], shape[-1]
        self.directions = self.add_weight(
            name="directions",
            shape=(size, beats * (self.encoding.pitches + 1)),
            initializer=keras.initializers.RandomNormal(stddev=size**-0.5),
            trainable=False,
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "encoding": self.encoding, "bars": self.bars}

    def call(self, noise: Any) -> Any:
        """From `(batch, tracks, size)` to `(batch, bars, steps, pitches + 1, tracks)`."""
        steps, rows = self.encoding.steps, self.encoding.pitches + 1
        beats = levels(self.encoding)[0]
        scores = MELODY * product(noise, self.directions)
        scores = ops.reshape(scores, (-1, noise.shape[1], self.bars, beats, rows))
        scores = ops.transpose(scores, (0, 2, 3, 4, 1))
        return ops.repeat(scores, steps // beats, axis=2)


def quantiles(shares: np.ndarray) -> np.ndarray:
    """The limits, of a normal distribution, between parts that have some shares."""
    from scipy.special import ndtri

    return ndtri(np.clip(np.cumsum(shares)[:-1], 1e-6, 1 - 1e-6)).astype("float32")


def check_leading(encoding: PianorollEncoding, composition: str, hold: float) -> None:
    """Raises a ValueError for arguments of `MuseGAN` that go with another generator."""
    lines = encoding.monophonic & ~drums(encoding)
    others = [repr(track.name) for track, line in zip(encoding.tracks, lines) if not line]
    if others or len(lines) < 2:
        raise ValueError(
            f"generator='leading' is for two tracks or more of one note at a time, and here are "
            f"{', '.join(others) or 'fewer'}. Take generator='compact', or "
            "tracks with voice='highest' or 'lowest'."
        )
    if composition != "hybrid":
        raise ValueError(
            f"composition={composition!r}: with generator='leading' all voices share one harmony. "
            "Take 'hybrid', or generator='compact'."
        )
    if encoding.pitches < LEAST_PITCHES:
        raise ValueError(
            f"encoding has {encoding.pitches} pitches: with generator='leading', which moves "
            f"phrases to other keys, give at least {LEAST_PITCHES}."
        )
    if hold:
        raise ValueError(
            f"hold={hold}: with generator='leading' a note sounds until the next one begins. Leave "
            "hold out."
        )


def build_leading_generator(
    encoding: PianorollEncoding, bars: int, noise_size: int, units: int
) -> tuple[keras.Model, keras.Model]:
    """Builds a model from a dict of noises to logits, `(batch, bars, steps, pitches + 2, tracks)`.

    The logits are of pitches and of silence where a note begins, and of whether one does. The
    arguments are those of `MuseGAN`. Beside it stands a model of what goes into the last layer:
    the drafts, and what voices make of them before they are led, each of that shape.
    """
    names = [f"track_{number}" for number in range(1, len(encoding.tracks) + 1)]
    shapes = noise_shapes("hybrid", len(names), noise_size)
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    given = inputs["given"] = keras.Input(given_shape(encoding, bars), name="given")
    told = given_features(given, encoding, channels_at(units, 0))
    key = Key(name="key")(inputs["style"])
    features, bar = _harmony(encoding, bars, inputs["style"], key, inputs["chords"], told, units)
    drafts, begin = _drafts(encoding, features, bar)
    begins = []
    for track, name in enumerate(names):
        groove = ops.repeat(_and_opposite(inputs["groove"][:, track]), bars, axis=1)
        x = ops.concatenate([groove, ops.concatenate([bar, bar], axis=1)], axis=-1)
        x = leaky_relu(dense(units // 2, f"{name}_groove")(x))
        begins.append(_odd(_little(encoding.steps, f"{name}_begins")(x)))
    drafts, begin = normalised(drafts, 3, SPREAD), bent(begin)
    drafts += Reach(encoding.pitches, len(names), name="reach")(key)
    melodies = Melody(encoding, bars, name="melody_scores")(inputs["melody"])
    grooves = normalised(ops.stack(begins, axis=-1), 2, GROOVE)
    own = ops.concatenate([drafts + melodies, (begin + grooves)[:, :, :, None]], axis=3)
    drafts = ops.concatenate([drafts, begin[:, :, :, None]], axis=3)
    led = Leading(encoding.pitches, len(names), name="leading")(drafts, own, given)
    generator = keras.Model(inputs, led, name="generator")
    return generator, keras.Model(inputs, [drafts, own], name="unled")


def _and_opposite(noise: Any) -> Any:
    """A noise and its opposite, `(batch, 2, size)`."""
    return ops.stack([noise, -noise], axis=1)


def _odd(x: Any) -> Any:
    """What a noise says, less what its opposite does, of which stand the bars in a row."""
    bars = x.shape[1] // 2
    return x[:, :bars] - x[:, bars:]


def _harmony(
    encoding: PianorollEncoding,
    bars: int,
    style: Any,
    key: Any,
    chords: Any,
    told: Any,
    units: int,
) -> tuple[list[Any], Any]:
    """What all tracks share: features of each level of time, and all of a bar's in a row."""
    chords = temporal(chords, bars, units, 2 * style.shape[-1], "chords")
    shared = ops.concatenate([every_bar(style, bars), chords, every_bar(key / 6, bars)], axis=-1)
    x = leaky_relu(dense(units, "harmony")(shared))[:, :, None]  # (batch, bars, 1, units)
    features: list[Any] = []
    for number, (before, steps) in enumerate(itertools.pairwise([1, *levels(encoding)])):
        channels = channels_at(units, number)
        name = f"harmony_{steps}"
        x = leaky_relu(Upsample(channels, steps // before, axis=2, name=name)(x))
        if not number:
            line = ops.reshape(x, (-1, bars * steps, channels)) + told
            x = ops.reshape(beside_added(line, "beats"), (-1, bars, steps, channels))
        features.append(x)
    first = ops.reshape(features[0], (-1, bars, features[0].shape[2] * features[0].shape[3]))
    return features, ops.concatenate([first, shared], axis=-1)


def _drafts(encoding: PianorollEncoding, features: list[Any], bar: Any) -> tuple[Any, Any]:
    """Scores of all voices' pitches and silence, and of whether a note begins."""
    rows, tracks = encoding.pitches + 1, len(encoding.tracks)
    total: Any = 0
    classes: Any = 0
    for number, x in enumerate(features):
        steps = x.shape[2]
        repeats = encoding.steps // steps
        total += ops.repeat(small_logits(rows * tracks, number, f"draft_{steps}")(x), repeats, 2)
        classes += ops.repeat(small_logits(12, number, f"harmony_{steps}_classes")(x), repeats, 2)
    octaves = -(-encoding.pitches // 12)
    classes = ops.tile(classes, (1, 1, 1, octaves))[..., : encoding.pitches]
    classes = ops.pad(classes, ((0, 0), (0, 0), (0, 0), (0, 1)))
    total = ops.reshape(total, (-1, *total.shape[1:3], rows, tracks))
    x = leaky_relu(dense(features[0].shape[-1], "draft_rhythm")(bar))
    begins = _little(encoding.steps * tracks, "draft_begins")(x)
    begins = ops.reshape(begins, (-1, begins.shape[1], encoding.steps, tracks))
    return total + classes[..., None], begins


def _little(rows: int, name: str) -> Linear:
    return Linear(rows, kernel_initializer=keras.initializers.RandomNormal(stddev=0.02), name=name)


def normalised(scores: Any, axis: int, size: float) -> Any:
    """Scores whose mean over an axis is 0, and whose root mean square is of a given size."""
    scores = scores - ops.mean(scores, axis=axis, keepdims=True)
    mean_square = ops.mean(ops.square(scores), axis=axis, keepdims=True)
    return size * scores / ops.sqrt(mean_square + 1e-3)


def bent(scores: Any) -> Any:
    """Scores of beginnings, between -4 and 4; their gradient falls slowly."""
    return scores / ops.sqrt(1 + ops.square(scores / SOFTNESS))


def begin_leading_at(generator: keras.Model, encoding: PianorollEncoding, logits: Any) -> None:
    """Sets the biases of a new generator's drafts: how often each pitch sounds, and notes begin.

    `logits` are `(pitches + 2, tracks)`, the last row of how often a note begins.
    """
    rows, first = encoding.pitches + 1, levels(encoding)[0]
    generator.get_layer(f"draft_{first}").bias.assign(logits[:rows].ravel())
    generator.get_layer("draft_begins").bias.assign(np.tile(logits[rows], encoding.steps))
