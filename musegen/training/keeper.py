"""One way to train: Keras's `fit`, made repeatable, resumable, and stopped where it goes wrong.

Everything that an epoch draws (order, transpositions, dropout, noise) depends on the seed and the
epoch's number alone, and a CPU's operations are deterministic as they are used here. So a run that
was killed and started again ends in the same weights, bit for bit, as one that was left alone: all
it has to keep is the model's variables and the history so far. They stand beside the checkpoint, in
`<checkpoint>.resume`, and are written before the first epoch and with every checkpoint; of an epoch
after which nothing is written there is a copy in memory, for Ctrl-C. The checkpoint is written
before the `.resume` of its epoch where the best epoch is kept: a run that was killed between the
two does that epoch again, and comes to the same checkpoint.

What is trained has, beside what every model has (`musegen.models.registry`):

    networks                 what learns, by name: Keras models, whose weights are put back where
                             the loss stops being finite
    training_variables()     all that going on needs, by name: weights, optimizers, averages
    random_states()          variables that hold the state of a random generator, in a fixed order
    average_weights()        optional: a context in which the model has the moving average of its
                             weights, which is what is measured, kept and saved
    draw_progress(history, checkpoint)
                             optional: draws pictures beside a checkpoint
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from musegen._checks import counted
from musegen._stopping import at_stop
from musegen.checkpoint import (
    CheckpointError,
    assign_tensors,
    check_loadable,
    file_tensors,
    model_contents,
    name_after,
    save_checkpoint,
    write_tensors,
)
from musegen.training import TrainingError
from musegen.training.parallel import together, wait_for_others, writes_files
from musegen.training.progress import showing
from musegen.training.resume import ResumeFile


def train(
    model: Any,
    windows: Any,
    *,
    epochs: int,
    settings: dict[str, Any],
    validation: Any = None,
    checkpoint: str | Path | None = None,
    monitor: str | None = None,
    seconds_between_saves: float = 0.0,
    begin: Callable[[], None] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: Any = 0,
) -> keras.callbacks.History:
    """Trains a compiled model, and leaves it with the weights that it is to be used with.

    Args:
        model: The model; the module's first lines say what it offers.
        windows: The batches, with `start_epoch(epoch)`.
        epochs: Passes over them at most, those of an interrupted run among them.
        settings: What defines the run, JSON values, with `"seed"`, `"learning_rate"` and, if it may
            stop early, `"patience"`; only a run with the same ones goes on.
        validation: Batches to measure on after each epoch; None for a model without a measure.
        checkpoint: Where to save the model, with the suffix `.safetensors`; None saves nothing.
        monitor: The figure whose least value marks the best epoch, which is what is kept; None
            keeps the last one.
        seconds_between_saves: How long the last epoch may be unsaved, where that is kept.
        begin: Called before the first epoch of a run that is not resumed.
        callbacks: Keras callbacks, besides.
        verbose: As in `musegen.training.progress.showing`.

    Returns:
        Keras's history of all epochs, those before the run was resumed too.

    Raises:
        TrainingError: If a loss is not finite; the model then has its last good weights.
        CheckpointError: If `checkpoint` belongs to another run, or can't be written.
        KeyboardInterrupt: If it is stopped by Ctrl-C, when the last whole epoch has been saved.
    """
    keeper = Keeper(model, windows, settings, checkpoint, monitor, seconds_between_saves)
    resumed = keeper.resume()
    wait_for_others("resumed")
    if not resumed:
        if begin is not None:
            begin()
        keeper.save()
    over = keeper.epochs >= epochs or keeper.ended
    if resumed and verbose:
        what = "nothing is left to do" if over else "training goes on"
        print(f"{checkpoint}: {keeper.epochs:,} of {epochs:,} epochs were trained; {what}.")
    if not over:
        try:
            with at_stop(keeper.stopped), showing(verbose) as progress, together():
                keras.Model.fit(
                    model,
                    windows,
                    validation_data=validation,
                    epochs=epochs,
                    initial_epoch=keeper.epochs,
                    callbacks=[keeper, *progress, *callbacks],
                    verbose=0,
                    shuffle=False,
                )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(keeper.stopped()) from None
    keeper.finish()
    history = keras.callbacks.History()
    history.set_model(model)
    history.history = keeper.history
    history.epoch = list(range(keeper.epochs))
    return history


class Keeper(keras.callbacks.Callback):
    """Seeds each epoch, keeps the best or last weights, saves, and stops in time; see `train`."""

    def __init__(
        self,
        model: Any,
        windows: Any,
        settings: dict[str, Any],
        checkpoint: str | Path | None = None,
        monitor: str | None = None,
        seconds_between_saves: float = 0.0,
    ) -> None:
        super().__init__()
        self.set_model(model)
        self.windows, self.settings, self.monitor = windows, settings, monitor
        self.file = ResumeFile(checkpoint, settings)
        if self.file.checkpoint is not None:
            name_after(model, self.file.checkpoint)
        self.pause, self.saved = seconds_between_saves, -math.inf
        self.history: dict[str, list[float]] = {}
        self.best_weights: list[list[Any]] | None = None
        self.saved_epochs = 0
        self.unsaved: tuple[Any, ...] | None = (
            None  # the last epoch, while the files have not got it
        )
        self._measured = contextlib.ExitStack()  # while the validation pieces are

    # === What there is of the run ===

    @property
    def epochs(self) -> int:
        """How many epochs have ended."""
        return len(next(iter(self.history.values()), ()))

    @property
    def kept(self) -> int:
        """The epoch whose weights are kept: the best or the last; -1 before the first."""
        if self.monitor is None or not self.epochs:
            return self.epochs - 1
        return int(np.argmin(self.history[self.monitor]))

    @property
    def ended(self) -> bool:
        """Whether the best epoch is so long ago that the run is over."""
        return self.epochs - 1 - self.kept >= self.settings.get("patience", math.inf)

    def record(self) -> dict[str, Any]:
        """Returns what the checkpoint says of its training."""
        values = {name: column[self.kept] for name, column in self.history.items()}
        best = {} if self.monitor is None else {"best_epoch": self.kept}
        return {**self.settings, "epochs_run": self.epochs, **best, **values}

    def resume(self) -> bool:
        """Takes up an interrupted run; returns whether there was one."""
        variables = self.model.training_variables()
        history = self.file.read(self.model.get_config(), variables)
        self.history = history or {}
        self.saved_epochs = self.epochs
        checkpoint = self.file.checkpoint
        best_is_gone = checkpoint is not None and self.epochs and not checkpoint.exists()
        if self.monitor is not None and best_is_gone:
            raise CheckpointError(
                f"{checkpoint} is gone, which {self.file.path.name} goes on from. Put it back, or "
                "move that file away to start anew."
            )
        return history is not None

    def save(self) -> None:
        """Writes what `resume` takes up."""
        self.file.write(self.model.get_config(), self.model.training_variables(), self.history)
        self.saved_epochs = self.epochs

    def save_checkpoint(self) -> None:
        """Writes the model as it is to be used, and the pictures that belong to it before."""
        if self.file.checkpoint is not None:
            with self._average():
                if hasattr(self.model, "draw_progress"):
                    self.model.draw_progress(self.history, self.file.checkpoint)
                self.model.training_record = self.record()
                if writes_files():
                    save_checkpoint(self.model, self.file.checkpoint)
                else:  # it makes weights, which all processes do together
                    check_loadable(self.model)

    def stopped(self) -> str:
        """Saves the last whole epoch if it is not, in any thread; returns what there is then."""
        if self.file.checkpoint is None or not writes_files():
            return ""
        unsaved, self.unsaved = self.unsaved, None
        if unsaved is not None:
            history, variables, header, weights = unsaved
            self.file.write(header["config"], variables, history)
            write_tensors(self.file.checkpoint, header, weights)
            self.saved_epochs = header["training"]["epochs_run"]
        if not self.saved_epochs:
            return "It was in its first epoch, of which nothing is kept."
        done = f"{self.file.checkpoint} is saved after {counted(self.saved_epochs, 'epoch')}"
        return f"{done}; the same training goes on from there."

    def _keep_in_memory(self) -> None:
        if self.file.checkpoint is not None:
            variables = self.model.training_variables().items()
            history = {name: list(column) for name, column in self.history.items()}
            self.model.training_record = self.record()
            with self._average():
                contents = model_contents(self.model)
            self.unsaved = (
                history,
                {name: np.asarray(one).copy() for name, one in variables},
                *contents,
            )

    # === What Keras calls ===

    def on_train_begin(self, logs: Any = None) -> None:
        self.saved = time.monotonic()
        self._good = self._weights()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.windows.start_epoch(epoch)
        for index, state in enumerate(self.model.random_states()):
            seeds = np.random.SeedSequence([self.settings["seed"], epoch, index])
            state.assign(seeds.generate_state(2))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._check(logs, f"step {batch + 1}")

    def on_test_begin(self, logs: Any = None) -> None:
        self._measured.enter_context(self._average())

    def on_test_end(self, logs: Any = None) -> None:
        self._measured.close()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._check(logs, "on the validation pieces")
        with self._average():
            weights = self._weights()
        if not all(np.isfinite(weight).all() for group in weights for weight in group):
            self._stop("in its weights")
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        self._good = weights
        if self.monitor is None:
            self._keep_in_memory()
            last = self.epochs == self.settings["epochs"]
            if last or time.monotonic() >= self.saved + self.pause:
                self.save()
                self.save_checkpoint()
                self.saved, self.unsaved = time.monotonic(), None
        else:
            if self.kept == self.epochs - 1:
                self.best_weights = weights
                self.save_checkpoint()
            self.save()
        if self.ended:
            self.model.stop_training = True

    def finish(self) -> None:
        """Leaves the model as the checkpoint has it, and the checkpoint as it should be."""
        if self.monitor is not None:
            self._restore_best()
        else:
            if self.file.checkpoint is not None:
                there = self.file.checkpoint.exists()
                saved = file_tensors(self.file.checkpoint)[0].get("training") if there else None
                if not isinstance(saved, dict) or saved.get("epochs_run") != self.epochs:
                    self.save_checkpoint()  # it was killed between two files
            if hasattr(self.model, "use_average"):
                self.model.use_average()
        self.model.training_record = self.record()

    def _restore_best(self) -> None:
        if self.best_weights is not None:
            self._put_back(self.best_weights)
        elif self.file.checkpoint is not None:
            _, tensors = file_tensors(self.file.checkpoint)
            assign_tensors(self.model.saved_weights, tensors, str(self.file.checkpoint))

    def _average(self) -> Any:
        """A context in which the model has the weights that it is to be used with."""
        return getattr(self.model, "average_weights", contextlib.nullcontext)()

    def _weights(self) -> list[list[Any]]:
        return [network.get_weights() for network in self.model.networks.values()]

    def _put_back(self, weights: list[list[Any]]) -> None:
        for network, group in zip(self.model.networks.values(), weights, strict=True):
            network.set_weights(group)

    def _check(self, logs: Any, where: str) -> None:
        if not all(math.isfinite(float(value)) for value in (logs or {}).values()):
            self._stop(where)

    def _stop(self, where: str) -> None:
        self._put_back(self._good)
        raise TrainingError(
            f"The loss is not finite any more, in epoch {self.epochs + 1}, {where}. A "
            f"learning_rate below {self.settings['learning_rate']:g} may help. The model has "
            "the weights of the end of the epoch before."
        )
