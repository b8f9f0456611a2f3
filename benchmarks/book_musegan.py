"""The MuseGAN of David Foster's "Generative Deep Learning" (2019), chapter 7, to compare with.

A plain version in today's Keras on TensorFlow, in float32, compiled as a graph without XLA. A
phrase is `bars` bars of 16 steps for some tracks, each with one of 84 rows at every step; networks
see it one-hot with -1 for 0, `(bars, 16, 84, tracks)`. What makes the way:

- The generator takes chords and style `(32,)`, melody and groove `(tracks, 32)`. A temporal network
  makes a vector a bar of the chords, one a track does so of the melody; a bar generator a track
  draws each bar from the four by transposed convolutions, with batch normalisation.
- The critic is a stack of Conv3D over bars, steps and pitches with the tracks as channels, at first
  on the whole grid.
- A step of training is five steps of the critic, each on windows drawn anew, and one of the
  generator, in batches of 64, Adam at 0.001 for both. Every critic step draws noise and runs the
  generator with the rest of the loss, as it is part of the model that the chapter trains.
- A row is a MIDI pitch from 0 to 83, and 83 is what rests in the data became: it sounds. Notes are
  made of equal rows in turn and end at every beat. One phrase a file is written, after `predict`.

It differs from the book where that favours the book: windows are kept as bytes and not as floats,
the root of the penalty has an epsilon, `predict` compiles without XLA, and the generator uses the
statistics of the batch in both kinds of step (in TensorFlow 2 a layer that is frozen uses its
moving averages; the chapter's code is older). The slope of the critic's leaky activation, 0.3, and
the initial weights of the bar generator's dense layer are the defaults of Keras, then as now.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

STEPS = 16
PITCHES = 84
NOISE = 32
BATCH_SIZE = 64
LEARNING_RATE = 0.001
CRITIC_STEPS = 5
PENALTY_WEIGHT = 10.0
STEPS_PER_BEAT = 4


def one_hot(rows: np.ndarray) -> np.ndarray:
    """Makes windows of rows from 0 to 83: `(..., tracks)` to `(..., 84, tracks)`, 1 or else -1."""
    windows = np.full((*rows.shape[:-1], PITCHES, rows.shape[-1]), -1, np.int8)
    np.put_along_axis(windows, rows[..., np.newaxis, :].astype(np.intp), 1, axis=-2)
    return windows


def book_generator(bars: int = 2, tracks: int = 4, narrow: int = 1) -> Any:
    """Builds the generator.

    Args:
        bars: Bars of a phrase, at least 2.
        tracks: Tracks.
        narrow: Divides the numbers of filters, for trying out.

    Returns:
        A model from chords `(batch, 32)`, style `(batch, 32)`, melody `(batch, tracks, 32)` and
        groove `(batch, tracks, 32)` to `(batch, bars, 16, 84, tracks)`, from -1 to 1.
    """
    import keras
    from keras import layers, ops

    chords, style = keras.Input((NOISE,)), keras.Input((NOISE,))
    melody, groove = keras.Input((tracks, NOISE)), keras.Input((tracks, NOISE))
    chords_by_bar = _temporal_network(bars, narrow)(chords)  # (batch, bars, noise)
    melody_by_bar = [_temporal_network(bars, narrow)(melody[:, track]) for track in range(tracks)]
    draw = [_bar_generator(narrow) for _ in range(tracks)]
    phrase = []
    for bar in range(bars):
        parts = []
        for track in range(tracks):
            four = [chords_by_bar[:, bar], style, melody_by_bar[track][:, bar], groove[:, track]]
            parts.append(draw[track](layers.Concatenate()(four)))  # (batch, 1, steps, pitches, 1)
        phrase.append(ops.concatenate(parts, axis=-1))
    return keras.Model([chords, style, melody, groove], ops.concatenate(phrase, axis=1))


def book_critic(bars: int = 2, tracks: int = 4, narrow: int = 1) -> Any:
    """Builds the critic: `(batch, bars, 16, 84, tracks)` to `(batch, 1)`; see `book_generator`."""
    import keras
    from keras import layers

    stack = (
        (128, (2, 1, 1), (1, 1, 1), "valid"),
        (128, (bars - 1, 1, 1), (1, 1, 1), "valid"),  # (batch, 1, steps, pitches, 128)
        (128, (1, 1, 12), (1, 1, 12), "same"),
        (128, (1, 1, 7), (1, 1, 7), "same"),  # (batch, 1, steps, 1, 128)
        (128, (1, 2, 1), (1, 2, 1), "same"),
        (128, (1, 2, 1), (1, 2, 1), "same"),
        (256, (1, 4, 1), (1, 2, 1), "same"),
        (512, (1, 3, 1), (1, 2, 1), "same"),  # (batch, 1, 1, 1, 512)
    )
    phrase = keras.Input((bars, STEPS, PITCHES, tracks))
    x = phrase
    for filters, kernel, strides, padding in stack:
        x = layers.Conv3D(
            filters // narrow, kernel, strides, padding, kernel_initializer=_initial()
        )(x)
        x = layers.LeakyReLU()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(1024 // narrow, kernel_initializer=_initial())(x)
    x = layers.LeakyReLU()(x)
    return keras.Model(phrase, layers.Dense(1, kernel_initializer=_initial())(x))


class BookMuseGAN:
    """Both networks, their training, and the way from noise to a MIDI file.

    Args:
        bars: Bars of a phrase, at least 2.
        tracks: Tracks.
        one_function: Compile the whole step as one function, as today's `train_step` of a Keras
            model is, and not each of the six as a function of its own, as the chapter does. The
            fakes of all six can then be made at once; it takes nearly half as much memory again.
        narrow: Divides the numbers of filters, for trying out.
    """

    def __init__(
        self, bars: int = 2, tracks: int = 4, one_function: bool = False, narrow: int = 1
    ) -> None:
        import keras
        import tensorflow as tf

        self.bars, self.tracks = bars, tracks
        self.generator = book_generator(bars, tracks, narrow)
        self.generator.jit_compile = False
        self.critic = book_critic(bars, tracks, narrow)
        self._optimizers = {}
        for name in ("generator", "critic"):
            optimizer = keras.optimizers.Adam(LEARNING_RATE, beta_1=0.5, beta_2=0.9)
            optimizer.build(getattr(self, name).trainable_variables)
            self._optimizers[name] = optimizer
        if one_function:
            self._critic_step, self._generator_step = self._train_critic, self._train_generator
            self._step = tf.function(self._train)
        else:
            self._critic_step = tf.function(self._train_critic)
            self._generator_step = tf.function(self._train_generator)
            self._step = self._train

    def parameters(self) -> dict[str, int]:
        """Counts the parameters that are trained, of the generator and of the critic."""
        return {
            name: sum(
                int(np.prod(weight.shape)) for weight in getattr(self, name).trainable_variables
            )
            for name in ("generator", "critic")
        }

    def train_step(self, batches: np.ndarray) -> dict[str, float]:
        """Trains the critic once on every batch, and then the generator once.

        Args:
            batches: Windows, `(5, batch, bars, 16, 84, tracks)`, -1 or 1.

        Returns:
            The loss of the critic, its penalty before it is weighted, and the generator's loss.
        """
        names = ("critic_loss", "penalty", "generator_loss")
        return {name: float(loss) for name, loss in zip(names, self._step(batches), strict=True)}

    def fit(
        self,
        windows: np.ndarray,
        *,
        steps: int | None = None,
        minutes: float | None = None,
        batch_size: int = BATCH_SIZE,
        seed: int = 0,
    ) -> list[dict[str, float]]:
        """Trains on windows drawn at random, until the steps are done or the time is up.

        Args:
            windows: `(windows, bars, 16, 84, tracks)`, -1 or 1.
            steps: Steps of the generator.
            minutes: Wall time, compilation in it; the step that is under way is finished.
            batch_size: Windows a batch.
            seed: Seed of the draws. Noise and weights follow `keras.utils.set_random_seed`.

        Returns:
            The losses of every step.

        Raises:
            ValueError: Neither `steps` nor `minutes` is given.
        """
        if steps is None and minutes is None:
            raise ValueError("Say when to stop: give steps, minutes, or both.")
        until = float("inf") if minutes is None else time.perf_counter() + 60 * minutes
        random = np.random.default_rng(seed)
        history: list[dict[str, float]] = []
        while (steps is None or len(history) < steps) and time.perf_counter() < until:
            places = random.integers(0, len(windows), (CRITIC_STEPS, batch_size))
            history.append(self.train_step(windows[places]))
        return history

    def phrases(self, count: int, seed: int) -> np.ndarray:
        """Returns the most likely row of every step, `(count, bars, 16, tracks)`, by `predict`."""
        random = np.random.default_rng(seed)
        shapes = ((NOISE,), (NOISE,), (self.tracks, NOISE), (self.tracks, NOISE))
        noise = [random.normal(0, 1, (count, *shape)).astype(np.float32) for shape in shapes]
        return self.generator.predict(noise, verbose=0).argmax(axis=3)

    def compose_one(self, path: str | Path, seed: int) -> None:
        """Writes one phrase as MIDI through music21, a part a track.

        Args:
            path: The file.
            seed: Seed of the noise.
        """
        from music21 import duration, note, stream, tempo

        score = stream.Score()
        score.append(tempo.MetronomeMark(number=66))
        for rows in self.phrases(1, seed).reshape(-1, self.tracks).T:
            new = np.diff(rows) != 0
            new |= np.arange(1, len(rows)) % STEPS_PER_BEAT == 0
            starts = np.concatenate([[0], np.flatnonzero(new) + 1])
            part = stream.Part()
            for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
                sounding = note.Note(int(rows[start]))
                sounding.duration = duration.Duration(float(end - start) / STEPS_PER_BEAT)
                part.append(sounding)
            score.append(part)
        score.write("midi", fp=path)

    def _train(self, batches: Any) -> tuple[Any, Any, Any]:
        for place in range(len(batches)):
            loss, penalty = self._critic_step(batches[place])
        return loss, penalty, self._generator_step(batches.shape[1])

    def _train_critic(self, real: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        real = tf.cast(real, tf.float32)
        with tf.GradientTape() as tape:
            fake = self.generator(self._noise(len(real)), training=True)
            share = tf.random.uniform((len(real), 1, 1, 1, 1))
            between = share * real + (1 - share) * fake
            with tf.GradientTape() as inner:
                inner.watch(between)
                score = self.critic(between, training=True)
            slopes = inner.gradient(score, between)
            norm = tf.sqrt(tf.reduce_sum(slopes**2, axis=(1, 2, 3, 4)) + 1e-12)
            penalty = tf.reduce_mean((norm - 1) ** 2)
            loss = (
                tf.reduce_mean(self.critic(fake, training=True))
                - tf.reduce_mean(self.critic(real, training=True))
                + PENALTY_WEIGHT * penalty
            )
        self._update("critic", tape, loss)
        return loss, penalty

    def _train_generator(self, count: int) -> Any:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            fake = self.generator(self._noise(count), training=True)
            loss = -tf.reduce_mean(self.critic(fake, training=True))
        self._update("generator", tape, loss)
        return loss

    def _update(self, name: str, tape: Any, loss: Any) -> None:
        weights = getattr(self, name).trainable_variables
        self._optimizers[name].apply(tape.gradient(loss, weights), weights)

    def _noise(self, count: int) -> list[Any]:
        import tensorflow as tf

        shapes = ((NOISE,), (NOISE,), (self.tracks, NOISE), (self.tracks, NOISE))
        return [tf.random.normal((count, *shape)) for shape in shapes]


def seconds_a_step(
    steps: int = 2, one_function: bool = False, batch_size: int = BATCH_SIZE, narrow: int = 1
) -> list[float]:
    """Times steps of training on random windows; the first has compilation in it.

    For `measure.in_fresh_process`, which gives the peak memory besides.
    """
    random = np.random.default_rng(0)
    windows = one_hot(random.integers(0, PITCHES, (256, 2, STEPS, 4)))
    model, seconds = BookMuseGAN(one_function=one_function, narrow=narrow), []
    for step in range(steps):
        start = time.perf_counter()
        model.fit(windows, steps=1, batch_size=batch_size, seed=step)
        seconds.append(time.perf_counter() - start)
    return seconds


def _temporal_network(bars: int, narrow: int) -> Any:
    import keras
    from keras import layers

    noise = keras.Input((NOISE,))
    x = layers.Reshape((1, 1, NOISE))(noise)
    x = _up(x, 1024 // narrow, (2, 1), (1, 1), "valid")  # (batch, 2, 1, 1024)
    x = _up(x, NOISE, (bars - 1, 1), (1, 1), "valid")  # (batch, bars, 1, noise)
    return keras.Model(noise, layers.Reshape((bars, NOISE))(x))


def _bar_generator(narrow: int) -> Any:
    import keras
    from keras import layers

    four = keras.Input((4 * NOISE,))
    x = layers.Dense(1024 // narrow)(four)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.ReLU()(x)
    x = layers.Reshape((2, 1, 512 // narrow))(x)
    x = _up(x, 512 // narrow, (2, 1), (2, 1), "same")
    x = _up(x, 256 // narrow, (2, 1), (2, 1), "same")
    x = _up(x, 256 // narrow, (2, 1), (2, 1), "same")  # (batch, steps, 1, 256)
    x = _up(x, 256 // narrow, (1, 7), (1, 7), "same")
    x = layers.Conv2DTranspose(
        1, (1, 12), (1, 12), "same", activation="tanh", kernel_initializer=_initial()
    )(x)  # (batch, steps, pitches, 1)
    return keras.Model(four, layers.Reshape((1, STEPS, PITCHES, 1))(x))


def _up(x: Any, filters: int, kernel: Any, strides: Any, padding: str) -> Any:
    from keras import layers

    x = layers.Conv2DTranspose(filters, kernel, strides, padding, kernel_initializer=_initial())(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


def _initial() -> Any:
    import keras

    return keras.initializers.RandomNormal(0.0, 0.02)
