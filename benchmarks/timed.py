"""Training a model for given minutes of processor time, and what came of it.

The minutes are the time that all threads of the process spend on a processor (`time.process_time`),
so that other work on the machine takes nothing away from a model. They are what the epochs take,
validation among it, and not what compiling takes: the first epoch, which compiles, counts as the
mean of the others. After each epoch it is reckoned how many epochs the minutes are good for, at
least two; the cosine decay of the learning rate ends with the last of them. Kept are the weights of
the epoch with the best likelihood of the validation split, and the test split is looked at once, at
the end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from musegen.corpus import Corpus
from musegen.encoding import PitchDurationEncoding
from musegen.encoding.melody import FIRST_PITCH
from musegen.evaluation import likelihood

LAST_SHARE = 0.01
"""What the learning rate decays to, as a share of the first one, as in `fit`."""

UNKNOWN = 1e9
"""Steps of a run of which it is not known yet how many there will be."""


class CosineDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A cosine decay over a number of steps that may change while the model trains.

    Args:
        first: The learning rate at the beginning.
        steps: A variable of the optimizer: how many steps there will be.
    """

    def __init__(self, first: float, steps: keras.Variable) -> None:
        self.first, self.steps = first, steps

    def __call__(self, step: Any) -> Any:
        share = ops.minimum(ops.cast(step, "float32") / self.steps, 1.0)
        left = (1 + ops.cos(math.pi * share)) / 2
        return self.first * (LAST_SHARE + (1 - LAST_SHARE) * left)


class Budget(keras.callbacks.Callback):
    """Ends training when the time is used up, and lets the learning rate decay until then.

    Args:
        minutes: The processor time for all epochs.
        learning_rate: Where the learning rate begins.
    """

    def __init__(self, minutes: float, learning_rate: float) -> None:
        super().__init__()
        self.seconds, self.learning_rate = 60 * minutes, learning_rate
        self.epochs: list[float] = []
        """Seconds of processor time that each epoch took."""
        self.training: list[float] = []
        """Seconds of each that were not validation."""

    def on_train_begin(self, logs: Any = None) -> None:
        optimizer = self.model.optimizer
        constant = keras.initializers.Constant(UNKNOWN)
        self.steps = optimizer.add_variable((), constant, name="steps_of_decay")
        optimizer.learning_rate = CosineDecay(self.learning_rate, self.steps)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.begin = time.process_time()

    def on_test_begin(self, logs: Any = None) -> None:
        self.training.append(time.process_time() - self.begin)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epochs.append(time.process_time() - self.begin)
        if len(self.epochs) == 1:
            return
        last = epochs_in(self.seconds, self.epochs)
        self.steps.assign(int(self.model.optimizer.iterations) / len(self.epochs) * last)
        if len(self.epochs) >= last:
            self.model.stop_training = True


def epochs_in(seconds: float, epochs: Sequence[float]) -> int:
    """Returns how many epochs a time is good for, those that were run among them.

    Args:
        seconds: The time.
        epochs: The seconds of each epoch so far, at least two; the first one compiled.
    """
    later = epochs[1:]
    mean = sum(later) / len(later)
    used = mean + sum(later)
    return len(epochs) + max(0, round((seconds - used) / mean))


def melodies(corpus: Corpus) -> dict[str, list[Any]]:
    """Returns the melodies of each split, by the default encoding."""
    encoding = PitchDurationEncoding()
    return {
        split: [encoding.encode(piece.score) for piece in getattr(corpus, split)]
        for split in ("train", "validation", "test")
    }


def fit(
    model: Any, splits: dict[str, list[Any]], minutes: float, learning_rate: float, **options: Any
) -> dict[str, Any]:
    """Trains a model.

    Args:
        model: A new model that learns by likelihood.
        splits: What to train and validate on.
        minutes: The processor time for all epochs.
        learning_rate: As of its `fit`.
        **options: Likewise.

    Returns:
        JSON values: `"validation"`, nats of the validation split; `"parameters"`, those that are
        trained; `"seconds"` that an epoch took, validation left out; `"epochs"`, of which
        `"best_epoch"` is kept; `"minutes"` that they took, and `"compiling"`, the minutes that the
        first took longer than the others. All times are of the processor.
    """
    budget = Budget(minutes, learning_rate)
    history = model.fit(
        (splits["train"], splits["validation"]),
        epochs=10**6,
        learning_rate=learning_rate,
        patience=10**6,
        callbacks=[budget],
        verbose=0,
        **options,
    )
    mean = float(np.mean(budget.epochs[1:]))
    values = history.history["val_nats"]
    return {
        "validation": min(values),
        "parameters": sum(math.prod(weight.shape) for weight in model.trainable_variables),
        "seconds": float(np.median(budget.training[1:])),
        "epochs": len(values),
        "best_epoch": int(np.argmin(values)) + 1,
        "minutes": mean * len(values) / 60,
        "compiling": (budget.epochs[0] - mean) / 60,
    }


def train(
    model: Any, corpus: Corpus, minutes: float, learning_rate: float, **options: Any
) -> dict[str, Any]:
    """Trains a model of melodies, and measures it.

    Args:
        model: A new `MelodyModel`, with the default encoding.
        corpus: What to train, validate and test on.
        minutes: The processor time for all epochs.
        learning_rate: As of `fit`.
        **options: Likewise.

    Returns:
        What `fit` does; `"pitch"` and `"duration"`, nats per event of the test split; and
        `"notes_per_second"` of training.
    """
    splits = melodies(corpus)
    found = fit(model, splits, minutes, learning_rate, **options)
    test = likelihood(model, splits["test"])
    notes = sum(int((melody.pitches >= FIRST_PITCH).sum()) for melody in splits["train"])
    return {
        **found,
        "pitch": test.pitch,
        "duration": test.duration,
        "notes_per_second": notes / found["seconds"],
    }
