"""What models have in common that learn by likelihood: config, weights, training, openings."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

import keras
import numpy as np

from musegen._checks import checked_config, checked_name, counted
from musegen.networks import GRID_NETWORKS, NETWORKS, DeclaredNetwork
from musegen.settings import inherited_settings, settings_of
from musegen.training.gan import gradient_norms


class LikelihoodModel(keras.Model):
    """A model of a `compute_loss` in nats, of which `nats` has the metrics by name."""

    nats: dict[str, keras.metrics.Metric]
    encoding: Any
    network: DeclaredNetwork
    openings: tuple[tuple[int, ...], ...]
    charged: ClassVar[str]
    """What the nats are of: an "event", or a "voice and step"."""
    _encoding_class: ClassVar[Any]
    config_names: ClassVar[tuple[str, ...]] = ("name", "encoding", "openings", "network")
    """What a config has beside the settings of the class and of its network."""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        return {
            "name": self.name,
            "encoding": self.encoding.get_config(),
            "openings": [list(opening) for opening in self.openings],
            "network": self.network.registered_name,
            **{name: getattr(self, name) for name in inherited_settings(type(self))},
            **self.network.get_config(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Rebuilds the model from its config, with new weights.

        Args:
            config: What `get_config()` returns.
            custom_objects: As in Keras; there are none.

        Raises:
            ValueError: If it is something else.
        """
        network = checked_config(config, (*cls.config_names, *settings_of(cls))).get("network")
        networks = {**NETWORKS, **GRID_NETWORKS}
        if isinstance(network, str) and network in networks:
            checked_config(config, settings_of(networks[network]))
        checked_name(config["name"])
        encoding = cls._encoding_class.from_config(config["encoding"])
        return cls(**{**config, "encoding": encoding})

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

    @classmethod
    def summary_of(cls, record: dict[str, Any]) -> str:
        """Returns what a training record says, in a line."""
        train, validation = record["pieces"]
        on = f"the {validation:,} of the validation split" if validation else "these"
        nats = record["val_nats" if validation else "nats"]
        return (
            f"trained on {counted(train, 'piece')} of {record['corpus']}, "
            f"{nats:.3f} nats per {cls.charged} on {on}"
        )

    @staticmethod
    def most_common(openings: Iterable[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
        """Returns the most frequent openings, each with how many pieces begin so."""
        return tuple((*opening, count) for opening, count in Counter(openings).most_common(64))
