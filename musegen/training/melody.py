"""Training a melody model: Keras's `fit`, made repeatable and resumable.

Everything that an epoch draws (order, transpositions, dropout) depends on the seed and the epoch's
number alone, and the step is compiled by XLA, whose operations on a CPU are deterministic
(TensorFlow's own switch, `enable_op_determinism`, is for its other operations, and turns XLA off).
So a run that was killed and started again ends in the same weights, bit for bit, as one that was
left alone: all it has to keep is the weights, the optimizer's state and the history so far. They
stand beside the checkpoint, in `<checkpoint>.resume`, and are written before the first epoch and
after every one; the checkpoint itself holds the best epoch so far, by the validation likelihood. It
is written before the `.resume` of its epoch: a run killed between the two does that epoch again,
and comes to the same checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from musegen._checks import checked_int, checked_positive, shown
from musegen.checkpoint import (
    CheckpointError,
    assign_tensors,
    checkpoint_path,
    file_tensors,
    save_checkpoint,
)
from musegen.encoding.pitch_duration import Melody
from musegen.training import TrainingError
from musegen.training.keeper import ResumeFile, as_history
from musegen.training.melody_windows import MelodyWindows


def fit(
    model: Any,
    corpus: Any,
    *,
    epochs: int = 100,
    batch_size: int = 32,
    length: int = 256,
    learning_rate: float = 2e-3,
    transpose: int = 6,
    patience: int = 10,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: Any = "auto",
) -> keras.callbacks.History:
    """Trains a melody model, and leaves it with the weights of its best epoch.

    Adam (Kingma and Ba 2015) with a cosine decay to a hundredth of the learning rate, gradients
    clipped to norm 1.

    Args:
        model: The model, an `AttentionLSTM` for instance.
        corpus: A `Corpus`, or a pair of sequences of `Melody` (training, validation).
        epochs: Passes over the training data at most, 1 to 1,000,000.
        batch_size: Windows a step, 1 to 100,000.
        length: Events a window at most, 1 to 100,000; longer pieces are cut.
        learning_rate: Step size at the beginning, above 0.
        transpose: Semitones by which pieces are moved at random, 0 to 127.
        patience: Stops after so many epochs without a better validation likelihood, 1 to
            1,000,000.
        seed: Seed of all that is drawn, 0 to 2^32 - 1.
        checkpoint: Where to save the best epoch so far, a path with the suffix `.safetensors`; None
            saves nothing. If training was interrupted there, it goes on; if it had ended there,
            nothing is done but loading it.
        callbacks: Keras callbacks, besides.
        verbose: As in Keras: 0 silent, 1 a progress bar, 2 a line an epoch.

    Returns:
        Keras's history: by epoch, nats per event of pitch, duration, and both (`nats`), on training
        and validation data.

    Raises:
        TrainingError: If the loss is not finite; the model then has its last good weights.
        CheckpointError: If `checkpoint` belongs to another training run, or can't be written; what
            was written before is then still there, and training goes on from it.
        ValueError: If an argument is out of its range, or there is no data.
    """
    if checkpoint is not None:
        checkpoint_path(checkpoint, "checkpoint")
    epochs = checked_int("epochs", epochs, 1, 10**6)
    batch_size = checked_int("batch_size", batch_size, 1, 10**5)
    length = checked_int("length", length, 1, 10**5)
    transpose = checked_int("transpose", transpose, 0, 127)
    patience = checked_int("patience", patience, 1, 10**6)
    seed = checked_int("seed", seed, 0, 2**32 - 1)
    learning_rate = checked_positive("learning_rate", learning_rate)
    train, validation = _melodies(model, corpus)
    for pieces, what in ((train, "train"), (validation, "validate")):
        if not pieces:
            raise ValueError(
                f"corpus={shown(corpus)}: it has no piece to {what} on. Give more pieces, of which "
                "not all are nearly the same."
            )
    model.count_openings(train)
    windows = MelodyWindows(
        train, model.encoding, batch_size, length, shuffle=True, transpose=transpose, seed=seed
    )
    validation_windows = MelodyWindows(validation, model.encoding, batch_size, length)

    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate, epochs * windows.num_batches, alpha=0.01
    )
    model.compile(
        optimizer=keras.optimizers.Adam(schedule, global_clipnorm=1.0, name="adam"),
        jit_compile=keras.backend.backend() != "torch",
    )
    model.optimizer.build(model.trainable_variables)
    settings = {
        "corpus": getattr(corpus, "name", "melodies"),
        "pieces": [len(train), len(validation)],
        "events": [windows.events, validation_windows.events],
        "epochs": epochs,
        "batch_size": batch_size,
        "length": length,
        "learning_rate": learning_rate,
        "transpose": transpose,
        "patience": patience,
        "seed": seed,
    }
    keeper = _Keeper(windows, settings, checkpoint)
    if not keeper.resume(model):
        keeper.save()
    if keeper.epochs < epochs and not keeper.ended:
        model.fit_windows(
            windows,
            validation_data=validation_windows,
            epochs=epochs,
            initial_epoch=keeper.epochs,
            callbacks=[keeper, *callbacks],
            verbose=verbose,
            shuffle=False,
        )
    keeper.restore_best()
    model.training_record = keeper.record()
    return as_history(model, keeper.history)


class _Keeper(keras.callbacks.Callback):
    """Seeds each epoch, keeps the best weights, saves what resuming needs, stops in time."""

    def __init__(
        self, windows: MelodyWindows, settings: dict[str, Any], checkpoint: str | Path | None
    ) -> None:
        super().__init__()
        self.windows = windows
        self.settings = settings
        self.file = ResumeFile(checkpoint, settings)
        self.history: dict[str, list[float]] = {}
        self.best_weights: list[Any] | None = None

    @property
    def best(self) -> int:
        """The epoch with the best validation likelihood, -1 before the first."""
        return int(np.argmin(self.history["val_nats"])) if self.history else -1

    @property
    def epochs(self) -> int:
        """How many epochs have ended."""
        return len(self.history.get("val_nats", ()))

    @property
    def ended(self) -> bool:
        return self.epochs - 1 - self.best >= self.settings["patience"]

    def record(self) -> dict[str, Any]:
        """What the checkpoint says of its training."""
        best = {name: values[self.best] for name, values in self.history.items()}
        return {**self.settings, "epochs_run": self.epochs, "best_epoch": self.best, **best}

    def resume(self, model: Any) -> bool:
        """Takes up an interrupted run; says whether there was one."""
        self.set_model(model)
        history = self.file.read(model.get_config(), self._tensors())
        self.history = history or {}
        checkpoint = self.file.checkpoint
        if self.epochs and checkpoint is not None and not checkpoint.exists():
            raise CheckpointError(
                f"{checkpoint} is gone, which {self.file.path.name} goes on from. Put it back, or "
                "move that file away to start anew."
            )
        return history is not None

    def save(self) -> None:
        """Writes what `resume` takes up."""
        self.file.write(self.model.get_config(), self._tensors(), self.history)

    def on_train_begin(self, logs: Any = None) -> None:
        self._good = self.model.get_weights()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.windows.start_epoch(epoch)
        for index, layer in enumerate(self.model.layers):
            if isinstance(layer, keras.layers.Dropout) and layer.rate > 0:
                layer.seed_generator.state.assign(
                    np.random.SeedSequence([self.settings["seed"], epoch, index]).generate_state(2)
                )

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._check("loss", logs, f"step {batch + 1}")

    def _check(self, name: str, logs: Any, where: str) -> None:
        if not math.isfinite(float((logs or {}).get(name, 0.0))):
            self.model.set_weights(self._good)
            raise TrainingError(
                f"The loss is not finite any more, in epoch {self.epochs + 1}, {where}. A "
                f"learning_rate below {self.settings['learning_rate']:g} may help. The model has "
                "the weights of the end of the epoch before."
            )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._check("val_nats", logs, "on the validation pieces")
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        self._good = self.model.get_weights()
        if self.best == self.epochs - 1:
            self.best_weights = self._good
            if self.file.checkpoint is not None:
                self.model.training_record = self.record()
                save_checkpoint(self.model, self.file.checkpoint)
        self.save()
        if self.ended:
            self.model.stop_training = True

    def restore_best(self) -> None:
        """Gives the model the weights of its best epoch."""
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)
        elif self.file.checkpoint is not None:
            _, tensors = file_tensors(self.file.checkpoint)
            weights = {variable.path: variable for variable in self.model.weights}
            assign_tensors(weights, tensors, str(self.file.checkpoint))

    def _tensors(self) -> dict[str, Any]:
        variables = [*self.model.weights, *self.model.optimizer.variables]
        return {variable.path: variable for variable in variables}


def _melodies(model: Any, corpus: Any) -> tuple[list[Melody], list[Melody]]:
    if hasattr(corpus, "train"):
        return tuple(  # type: ignore[return-value]
            [model.encoding.encode(piece.score) for piece in split]
            for split in (corpus.train, corpus.validation)
        )
    pair = isinstance(corpus, (tuple, list)) and len(corpus) == 2
    splits = [list(split) for split in corpus if isinstance(split, (tuple, list))] if pair else []
    if len(splits) != 2 or not all(isinstance(m, Melody) for split in splits for m in split):
        raise ValueError(
            f"corpus={shown(corpus)}: give a corpus (`musegen.corpus.folder` makes one of a folder "
            "of MIDI files), or two lists of `Melody`, to train and to validate on."
        )
    return splits[0], splits[1]
