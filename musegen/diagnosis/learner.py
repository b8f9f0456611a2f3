"""A copy of a melody model that a check trains, step by step, and can train again from the start.

Training here is as `musegen.training.fit` has it (Adam, gradients clipped to norm 1, a cosine
decay), but all windows are padded to one length, so that the step is compiled once, and starting
anew puts the first weights back instead of compiling another model. That makes many short trainings
affordable. What is trained for is compared with its like, and no record to be beaten: a window of
`LENGTH` events forgets what came before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from musegen.diagnosis.subject import check_engine, new_copy
from musegen.encoding.pitch_duration import Melody
from musegen.evaluation.likelihood import likelihood
from musegen.models.melody_model import MelodyModel
from musegen.training.melody_windows import LENGTH_STEP, MelodyWindows

LENGTH = 64
"""Events in a window."""

VALIDATIONS = 8
"""How many times a training is measured, the last being its end."""

LEARNING_RATE = 2e-3
"""That of `musegen.training.fit`, where no other is given."""


class Step(NamedTuple):
    """What a step of training was like.

    Attributes:
        loss: Nats an event, before the step.
        norms: The norm of each trainable variable's gradient.
        ratios: How far each moved: the norm of its change over its own, the larger of before and
            after.
    """

    loss: float
    norms: NDArray[np.float64]
    ratios: NDArray[np.float64]


class Learner:
    """Trains a copy of a model.

    Args:
        model: A melody model; it stays as it is.
        batch_size: Windows a step.
        length: Events a window.
        seed: Seed of the weights and of all that training draws.
        **changes: Arguments of the model that are other ones in the copy.

    Raises:
        NotAsked: If Keras does not run on TensorFlow.
    """

    def __init__(
        self,
        model: MelodyModel,
        batch_size: int = 32,
        length: int = LENGTH,
        seed: int = 0,
        **changes: Any,
    ) -> None:
        check_engine()
        self.model = new_copy(model, seed, **changes)
        self.batch_size, self.length, self.seed = batch_size, length, seed
        self.variables = self.model.trainable_variables
        self.optimizer = keras.optimizers.Adam(LEARNING_RATE, global_clipnorm=1.0)
        self.optimizer.build(self.variables)
        # Seeds of the dropout are among a model's variables, and none of its weights.
        self._all = [*self.model.variables, *self.optimizer.variables]
        self._first = [np.asarray(variable) for variable in self._all]
        self._step = gradient_step(self.model, self.optimizer)

    def steps(
        self,
        melodies: Sequence[Melody],
        count: int,
        learning_rate: float = LEARNING_RATE,
        transpose: int = 0,
        decay: bool = True,
    ) -> Iterator[Step]:
        """Trains from the first weights, a step for each one that is asked for.

        Args:
            melodies: The pieces, drawn anew in every pass over them.
            count: Steps.
            learning_rate: Their size.
            transpose: Semitones by which pieces are moved at most.
            decay: Whether the size falls along a cosine to a hundredth.

        Yields:
            What each step was like.
        """
        for variable, first in zip(self._all, self._first, strict=True):
            variable.assign(first)
        windows = MelodyWindows(
            melodies,
            self.model.encoding,
            self.batch_size,
            self.length,
            shuffle=True,
            transpose=transpose,
            seed=self.seed,
        )
        for number in range(count):
            epoch, index = divmod(number, windows.num_batches)
            if index == 0:
                windows.start_epoch(epoch)
            fall = 0.5 * (1 + math.cos(math.pi * number / count)) if decay else 1.0
            self.optimizer.learning_rate = learning_rate * (0.01 + 0.99 * fall)
            loss, norms, ratios = self._step(*padded(windows[index], self.length))
            yield Step(float(loss), np.asarray(norms, float), np.asarray(ratios, float))

    def train(
        self, train: Sequence[Melody], validation: Sequence[Melody], count: int, **options: Any
    ) -> float:
        """Trains from the first weights, and leaves the model with those that were best.

        Args:
            train: The pieces to train on.
            validation: The pieces to measure on.
            count: Steps.
            **options: See `steps`.

        Returns:
            Nats an event of the validation pieces, the least of `VALIDATIONS` measurements;
            infinite if training came to a loss that is not finite before the first of them.
        """
        when = {math.ceil(count * part / VALIDATIONS) for part in range(1, VALIDATIONS + 1)}
        best, weights = math.inf, None
        for number, step in enumerate(self.steps(train, count, **options), 1):
            if not math.isfinite(step.loss):
                break
            if number in when:
                nats = likelihood(self.model, validation).total
                if nats < best:
                    best, weights = nats, self.model.get_weights()
        if weights is not None:
            self.model.set_weights(weights)
        return best


def padded(batch: Any, length: int) -> Any:
    """A batch of `MelodyWindows` with padding up to a length, rounded up as theirs are."""
    inputs, targets, weights = batch
    room = -(-length // LENGTH_STEP) * LENGTH_STEP - weights.shape[1]

    def pad(values: Any) -> Any:
        return np.pad(values, ((0, 0), (0, room)))

    return (
        {name: pad(values) for name, values in inputs.items()},
        {name: pad(values) for name, values in targets.items()},
        pad(weights),
    )


def gradient_step(model: MelodyModel, optimizer: Any = None) -> Any:
    """A compiled function from a batch to the loss, and by trainable variable norms and ratios.

    See `Step`. Without an optimizer, which must be built, no step is taken, and the ratios are 0.
    """
    import tensorflow as tf

    variables = model.trainable_variables

    @tf.function(reduce_retracing=True)
    def step(inputs: Any, targets: Any, weights: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = model(inputs, training=True)
            loss = model.compute_loss(inputs, targets, outputs, weights)
        zero = tf.UnconnectedGradients.ZERO
        slopes = [
            tf.convert_to_tensor(slope)  # an embedding's is sparse
            for slope in tape.gradient(loss, variables, unconnected_gradients=zero)
        ]
        before = [tf.convert_to_tensor(variable) for variable in variables]
        if optimizer is not None:
            optimizer.apply(slopes, variables)
        after = [tf.convert_to_tensor(variable) for variable in variables]
        ratios = [
            tf.norm(new - old) / tf.maximum(tf.maximum(tf.norm(new), tf.norm(old)), 1e-12)
            for new, old in zip(after, before, strict=True)
        ]
        return loss, tf.stack([tf.norm(slope) for slope in slopes]), tf.stack(ratios)

    return step
