"""What models have in common that learn by likelihood: config, weights, training, openings."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Self

import keras
import numpy as np

from musegen._checks import (
    Number,
    checked_config,
    checked_kind,
    checked_name,
    checked_rows,
    counted,
)
from musegen.corpus.encoded import fact_of
from musegen.networks import DeclaredNetwork
from musegen.networks.base import all_networks
from musegen.settings import inherited_settings, settings_of
from musegen.training.gan import gradient_norms

OPENING_COLUMNS = {
    "numerator": (1, 255),
    "denominator": (1, 2**30),
    "pickup in steps": (0, 2**20),
    "microseconds per quarter note": (1, 2**24 - 1),
    "count": (1, 2**31 - 1),
}


class LikelihoodModel(keras.Model):
    """A model of a `compute_loss` in nats, of which `nats` has the metrics by name."""

    nats: dict[str, keras.metrics.Metric]
    encoding: Any
    network: DeclaredNetwork
    openings: tuple[tuple[int, ...], ...]
    tonic_share: float | None
    charged: ClassVar[str]
    """What the nats are of: an "event", or a "voice and step"."""
    _encoding_class: ClassVar[Any]
    config_names: ClassVar[tuple[str, ...]] = ("name", "encoding", "openings", "network")
    """What a config has beside the settings of the class and of its network."""

    def _set_up(
        self, encoding: Any, openings: Iterable[Sequence[int]], tonic_share: float | None
    ) -> None:
        """Keeps the arguments that all such models have, and what a new model has of a run."""
        checked_kind(
            "encoding", encoding, self._encoding_class, f"a {self._encoding_class.__name__}"
        )
        self.encoding = encoding
        self.openings = checked_rows("openings", openings, OPENING_COLUMNS, least=0)
        if tonic_share is not None:
            tonic_share = Number(0, 1).check("tonic_share", tonic_share)
        self.tonic_share = tonic_share
        self.training_record: dict[str, Any] = {}
        self.started_from: dict[str, str] = {}  # see `musegen.loading.load_to_train`
        self.sampling_loops: dict[Any, Any] = {}  # compiled once for each shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        return {
            "name": self.name,
            "encoding": self.encoding.get_config(),
            "openings": [list(opening) for opening in self.openings],
            "tonic_share": self.tonic_share,
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
        networks = all_networks()
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

    def _count(self, pieces: Sequence[Any]) -> None:
        """Takes over how pieces begin, and how many of them come home (`musegen.encoding.tonic`).

        Args:
            pieces: The pieces, at least one, in memory or encoded on disk.
        """
        openings = fact_of(pieces, "opening", self.encoding).tolist()
        counts = Counter(map(tuple, openings)).most_common(64)
        self.openings = tuple((*opening, count) for opening, count in counts)
        self.tonic_share = float(np.mean(fact_of(pieces, "home", self.encoding)))
