"""What models have in common that learn by likelihood: their weights, training and openings."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from musegen.training.gan import gradient_norms


class LikelihoodModel(keras.Model):
    """A model of a `compute_loss` in nats, of which `nats` has the metrics by name."""

    nats: dict[str, keras.metrics.Metric]

    @property
    def saved_weights(self) -> dict[str, keras.Variable]:
        """What a checkpoint holds, by name: all weights, the network's without its name before."""
        return {variable.path.removeprefix("network/"): variable for variable in self.weights}

    @property
    def networks(self) -> dict[str, Any]:
        """What learns together, by name: the model itself."""
        return {"model": self}

    def random_states(self) -> list[keras.Variable]:
        """Returns the states of the random generators that training draws from."""
        return [one for one in self.non_trainable_variables if "seed_generator_state" in one.path]

    @contextlib.contextmanager
    def average_weights(self) -> Iterator[None]:
        """A context in which the model has the moving average of its weights, if there is one."""
        weights = self.trainable_variables
        kept = [np.asarray(weight).copy() for weight in weights]
        self.use_average()
        try:
            yield
        finally:
            for weight, value in zip(weights, kept, strict=True):
                weight.assign(value)

    def use_average(self) -> None:
        """Sets the weights to their moving average, if there is one."""
        self.optimizer.finalize_variable_values(self.trainable_variables)
        for weight in self.trainable_variables:
            # JAX would share their memory with the optimizer, and free it.
            weight.assign(np.asarray(weight).copy())

    def training_variables(self) -> dict[str, keras.Variable]:
        """Returns all that an interrupted training needs to go on, by name."""
        return {one.path: one for one in (*self.weights, *self.optimizer.variables)}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self.nats.values())

    def gradients(self, seed: int, batch: Any) -> dict[str, float | None]:
        """Computes the norm of each weight's gradient on one batch of windows, by name."""
        inputs, targets, *weights = batch

        def loss() -> Any:
            return self.compute_loss(inputs, targets, self(inputs, training=True), *weights)

        return gradient_norms(loss, self.saved_weights)

    @staticmethod
    def counted(openings: Iterable[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
        """Returns the most frequent openings, each with how many pieces begin so."""
        return tuple((*opening, count) for opening, count in Counter(openings).most_common(64))
