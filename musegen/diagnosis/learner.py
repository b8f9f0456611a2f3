"""A copy of a model that a check trains from new weights, and can train again from the same ones.

Training is the library's own (`musegen.training.keeper.train`) with Adam, gradients clipped to norm
1 and a cosine decay, but all windows are padded to one length, so that the step is compiled once,
and starting anew puts the first weights back instead of compiling another model. That makes many
short trainings affordable. They are to be compared with each other, and not to set a record: a
window of `LENGTH` events forgets what came before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from musegen.diagnosis.subject import check_engine, untrained_copy
from musegen.encoding.melody import Melody
from musegen.evaluation.likelihood import likelihood
from musegen.training import TrainingError
from musegen.training.keeper import train
from musegen.training.melody_windows import LENGTH_STEP, MelodyWindows

LENGTH = 64
"""Events in a window."""

EPOCHS = 8
"""The parts of a training, after each of which it is measured."""


class EvenWindows(keras.utils.PyDataset):
    """Batches of windows that are all padded to one length, rounded up as `MelodyWindows` does.

    An epoch goes on where the one before ended; without `steps` it is a pass over the windows.
    """

    def __init__(self, windows: MelodyWindows, length: int, steps: int | None = None) -> None:
        super().__init__()
        self.windows, self.length = windows, -(-length // LENGTH_STEP) * LENGTH_STEP
        self.steps = steps or windows.num_batches
        self.first = 0

    @property
    def num_batches(self) -> int:
        """Batches of an epoch."""
        return self.steps

    def start_epoch(self, epoch: int) -> None:
        """Moves on to an epoch."""
        self.first = epoch * self.steps

    def __getitem__(self, index: int) -> Any:
        passed, place = divmod(self.first + index, self.windows.num_batches)
        if passed != self.windows.epoch:
            self.windows.start_epoch(passed)
        batch = self.windows[place]
        room = (0, 0), (0, self.length - batch[2].shape[1])
        return keras.tree.map_structure(lambda array: np.pad(array, room), batch)


class WatchedAdam(keras.optimizers.Adam):
    """Adam that keeps the norm of each weight's gradient in a step, and how far the weight moved.

    Attributes:
        norms: The norm of each gradient, before it is clipped.
        ratios: The norm of each weight's change over its own, the larger of before and after.
    """

    def build(self, variables: Any) -> None:
        """Makes the optimizer's variables."""
        super().build(variables)
        self.norms, self.ratios = (
            keras.Variable(np.zeros(len(variables), np.float32), trainable=False) for _ in range(2)
        )

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Takes a step; a weight that the loss does not depend on has a gradient of zero."""
        variables = list(trainable_variables)
        grads = [
            ops.zeros_like(variable) if grad is None else ops.convert_to_tensor(grad)
            for grad, variable in zip(grads, variables)
        ]
        old = [ops.copy(variable) for variable in variables]
        super().apply(grads, variables)

        def norms(tensors: Any) -> Any:
            return ops.stack([ops.norm(ops.reshape(tensor, (-1,))) for tensor in tensors])

        own = ops.maximum(ops.maximum(norms(variables), norms(old)), 1e-12)
        self.norms.assign(norms(grads))
        self.ratios.assign(norms([new - was for new, was in zip(variables, old)]) / own)


class Learner:
    """Trains a copy of a model with a likelihood, some settings of which are changed.

    Where it is measured, the steps are rounded down to a multiple of `EPOCHS`; with `decay` their
    size falls along a cosine to a hundredth. Raises `NotApplicable` on another engine than
    TensorFlow.
    """

    def __init__(
        self,
        model: Any,
        steps: int,
        learning_rate: float,
        batch_size: int = 32,
        length: int = LENGTH,
        seed: int = 0,
        decay: bool = True,
        **changes: Any,
    ) -> None:
        check_engine()
        self.model = untrained_copy(model, seed, **changes)
        self.steps, self.batch_size, self.length = steps, batch_size, length
        self.settings = {"seed": seed, "learning_rate": learning_rate}
        rate: Any = learning_rate
        if decay:
            rate = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.01)
        self.optimizer = WatchedAdam(rate, global_clipnorm=1.0)
        self.model.compile(optimizer=self.optimizer, jit_compile=False)
        self.optimizer.build(self.model.trainable_variables)
        self._variables = [*self.model.variables, *self.optimizer.variables]
        self._first = [np.asarray(variable) for variable in self._variables]

    def train(
        self,
        melodies: Sequence[Melody],
        validation: Sequence[Melody] = (),
        transpose: int = 0,
        after: Callable[[float], bool | None] = lambda loss: None,
    ) -> float:
        """Trains from the first weights; `after` gets each step's loss, and says whether to stop.

        Returns the nats per event of the validation pieces with the weights that are best by them;
        infinite if a loss is not finite, nan if there are no such pieces.
        """
        for variable, first in zip(self._variables, self._first, strict=True):
            variable.assign(first)
        epochs = EPOCHS if validation else 1
        drawn = {"shuffle": True, "transpose": transpose, "seed": self.settings["seed"]}

        def windows(pieces: Sequence[Melody], steps: int | None = None, **options: Any) -> Any:
            sizes = self.model, self.batch_size, self.length
            return EvenWindows(MelodyWindows(pieces, *sizes, **options), self.length, steps)

        def begin(index: int, logs: Any) -> None:
            self.model.reset_metrics()  # so that they are of one step

        def end(index: int, logs: dict[str, float]) -> None:
            if after(float(logs["nats"])):
                self.model.stop_training = True

        watch = keras.callbacks.LambdaCallback(on_train_batch_begin=begin, on_train_batch_end=end)
        try:
            train(
                self.model,
                windows(melodies, self.steps // epochs, **drawn),
                epochs=epochs,
                settings={**self.settings, "epochs": epochs},
                validation=windows(validation) if validation else None,
                monitor="val_nats" if validation else None,
                callbacks=[watch],
            )
        except TrainingError:
            return math.inf
        return likelihood(self.model, validation).total if validation else math.nan
