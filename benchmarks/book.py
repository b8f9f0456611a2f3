"""The way of David Foster's "Generative Deep Learning" (2019), chapter 7, to compare with.

A plain version of its LSTM with attention, in today's Keras. What makes the way:

- Files are read by music21 and chordified: a note or chord is its name, a duration its length in
  quarter notes, and ids are given out in the order of appearance.
- The model sees a window of the last 32 notes and predicts the one that follows, so that a window
  teaches one note. Embeddings of 100 and 100, two LSTM layers of 256, a score for each position by
  a dense layer with tanh, a softmax over the window, the weighted sum of the states, and two
  softmax heads. RMSprop at 0.001, batches of 32.
- Writing a note takes one `model.predict` for the note and another for the attention weights.

It differs from the book where that favours the book: targets are ids and not one-hot rows, the
window has one length from the first note on (padded with the start on the left), because `predict`
compiles anew for every other length, and music21 writes no pickles beside the parsed files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from musegen.encoding import Melody

WINDOW = 32
BATCH_SIZE = 32
LEARNING_RATE = 0.001
START = 0


def file_to_ids(
    path: str | Path, note_table: dict[str, int], duration_table: dict[float, int]
) -> tuple[list[int], list[int]]:
    """Reads a MIDI file.

    Args:
        path: The file.
        note_table: Ids of the notes seen so far, by name; new ones are added.
        duration_table: Ids of the durations seen so far, in quarter notes; new ones are added.

    Returns:
        The ids of the notes and of the durations.
    """
    from music21 import chord, converter

    notes, durations = [], []
    whole = converter.parse(path, forceSource=True, storePickle=False).chordify()
    for element in whole.flatten().notesAndRests:
        if isinstance(element, chord.Chord):
            name = ".".join(pitch.nameWithOctave for pitch in element.pitches)
        else:
            name = "rest"
        length = float(element.duration.quarterLength)
        notes.append(note_table.setdefault(name, len(note_table)))
        durations.append(duration_table.setdefault(length, len(duration_table)))
    return notes, durations


def windows(melodies: Sequence[Melody]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Returns a window for every event but the start: the 32 events before it.

    Args:
        melodies: The pieces.

    Returns:
        Pitch and duration ids of the windows, `(events, 32)` each, padded on the left with the
        start; and those of the events that follow, `(events,)` each.
    """
    inputs, targets = [], []
    for ids in ([m.pitches for m in melodies], [m.durations for m in melodies]):
        padded = [np.concatenate([np.full(WINDOW - 1, START), piece[:-1]]) for piece in ids]
        views = [np.lib.stride_tricks.sliding_window_view(piece, WINDOW) for piece in padded]
        inputs.append(np.concatenate(views).astype(np.int32))
        targets.append(np.concatenate([piece[1:] for piece in ids]))
    return inputs, targets


def network(
    pitch_ids: int, duration_ids: int, embedding: int = 100, units: int = 256
) -> tuple[Any, Any]:
    """Builds the model, compiled, and the one that returns its attention weights.

    Both take windows of pitch ids and duration ids, `(batch, 32)` each. The first returns
    probabilities, `(batch, pitch ids)` and `(batch, duration ids)`; the second `(batch, 32)`.
    """
    import keras
    from keras import layers, ops

    pitch = keras.Input((None,), dtype="int32")
    duration = keras.Input((None,), dtype="int32")
    x = ops.concatenate(
        [
            layers.Embedding(pitch_ids, embedding)(pitch),
            layers.Embedding(duration_ids, embedding)(duration),
        ],
        axis=-1,
    )
    x = layers.LSTM(units, return_sequences=True)(x)
    x = layers.LSTM(units, return_sequences=True)(x)  # (batch, window, units)
    scores = layers.Dense(1, activation="tanh")(x)
    weights = ops.softmax(scores, axis=1)
    context = ops.sum(weights * x, axis=1)  # (batch, units)
    heads = [
        layers.Dense(pitch_ids, activation="softmax", name="pitch")(context),
        layers.Dense(duration_ids, activation="softmax", name="duration")(context),
    ]
    model = keras.Model([pitch, duration], heads)
    model.compile(
        keras.optimizers.RMSprop(LEARNING_RATE), loss=["sparse_categorical_crossentropy"] * 2
    )
    return model, keras.Model([pitch, duration], ops.squeeze(weights, axis=-1))


def predict_each(model: Any, attention_model: Any) -> Callable[[list[np.ndarray]], Any]:
    """One step of writing as in the book: two calls of `predict`."""

    def step(window: list[np.ndarray]) -> tuple[Any, Any, Any]:
        pitch, duration = model.predict(window, verbose=0)
        return pitch, duration, attention_model.predict(window, verbose=0)

    return step


def compiled_call(model: Any, attention_model: Any) -> Callable[[list[np.ndarray]], Any]:
    """The same step as one compiled call, which returns the note and the attention weights."""
    import keras
    import tensorflow as tf

    both = keras.Model(model.inputs, [*model.outputs, *attention_model.outputs])
    call = tf.function(lambda window: both(window, training=False))

    def step(window: list[np.ndarray]) -> tuple[Any, Any, Any]:
        pitch, duration, weights = call([tf.constant(ids) for ids in window])
        return pitch.numpy(), duration.numpy(), weights.numpy()

    return step


def write(
    step: Callable[[list[np.ndarray]], Any], notes: int, random: np.random.Generator
) -> tuple[list[int], list[int], list[np.ndarray]]:
    """Writes a melody note by note.

    Args:
        step: From `predict_each` or `compiled_call`.
        notes: How many notes to write.
        random: What draws them.

    Returns:
        Pitch ids, duration ids, and the attention weights of every note, `(32,)` each.
    """
    pitches, durations, attention = [START] * WINDOW, [START] * WINDOW, []
    for _ in range(notes):
        window = [np.array([ids[-WINDOW:]], np.int32) for ids in (pitches, durations)]
        pitch, duration, weights = step(window)
        pitches.append(_draw(pitch[0], random))
        durations.append(_draw(duration[0], random))
        attention.append(weights[0])
    return pitches[WINDOW:], durations[WINDOW:], attention


def _draw(probabilities: np.ndarray, random: np.random.Generator) -> int:
    exact = probabilities.astype(np.float64)
    return int(random.choice(len(exact), p=exact / exact.sum()))
