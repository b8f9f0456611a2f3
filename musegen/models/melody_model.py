"""A model of melodies, event by event, on any network.

    pitch, duration, position, bar, meter ids  (batch, time) each
      -> embeddings, concatenated              (batch, time, features)
      -> a network (`musegen.networks`)        (batch, time, units)
      -> two softmax heads                     (batch, time, pitch ids), (batch, time, duration ids)

At each position the model sees the pitch and the duration of the event there, and the place in the
meter of the event after it (position, bar, meter), of which it gives the pitch and the duration.

An *opening* is how a piece begins before anything is written: `(numerator, denominator, pickup in
steps, tempo in microseconds per quarter note, how many training pieces begin so)`. Meter, pickup
and tempo are conditions of the model and no part of its likelihood; where the user gives none,
sampling draws one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from musegen._checks import (
    Whole,
    checked_config,
    checked_items,
    checked_kind,
    checked_name,
    checked_rows,
)
from musegen.encoding.melody import Melody
from musegen.encoding.pitch_duration import FEATURE_SIZES, PitchDurationEncoding
from musegen.models.registry import register
from musegen.networks import NETWORKS, Network, build_network
from musegen.sampling.melody import sample
from musegen.settings import declared, settings_of
from musegen.training.gan import gradient_norms
from musegen.training.melody import fit
from musegen.training.melody_windows import MelodyWindows

FEATURE_EMBEDDINGS = {"position": 32, "bar": 16, "meter": 8}
"""Widths of the embeddings of a place in the meter."""

PIECES_AT_ONCE = 16
"""Pieces that are measured in a batch."""

OPENING_COLUMNS = {
    "numerator": (1, 255),
    "denominator": (1, 2**30),
    "pickup in steps": (0, 2**20),
    "microseconds per quarter note": (1, 2**24 - 1),
    "count": (1, 2**31 - 1),
}


@register
@keras.saving.register_keras_serializable("musegen")
@declared
class MelodyModel(keras.Model):
    """A model that predicts the next pitch and the next duration of a melody.

    Takes a dict of id arrays `(batch, time)`: `"pitch"` and `"duration"` of each event, and
    `"position"`, `"bar"` and `"meter"` of the event *after* it, as
    `PitchDurationEncoding.features` computes them. Returns a dict of logits for the event after:
    `"pitch"` `(batch, time, pitch ids)` and `"duration"` `(batch, time, duration ids)`.

    Args:
        encoding: How melodies become ids; the default encoding if None.
        network: The name of a network in `musegen.networks.NETWORKS`, or a network.
        openings: How pieces begin, `(numerator, denominator, pickup, tempo, count)` each, whole
            numbers: 1 to 255, 1 to 2^30, 0 to 2^20 steps, 1 to 16,777,215 microseconds per quarter
            note, and 1 to 2^31 - 1.
        name: The model's name, 1 to 100 printable characters without a slash; that of the network
            if None.
        **settings: The settings of a network that is given by its name.

    Raises:
        ValueError: If an argument is out of its range, or the network has no such setting.
    """

    family = "melody"
    writes = "melodies"
    abilities = ("likelihood",)
    config_names: tuple[str, ...] = ("name", "encoding", "openings", "network")
    """What a config has beside the settings of the class and of its network."""

    def __init__(
        self,
        encoding: PitchDurationEncoding | None = None,
        network: str | Network = "attention-lstm",
        pitch_embedding: Annotated[int, Whole(1, 4096), "Width of the pitches' embedding"] = 128,
        duration_embedding: Annotated[
            int, Whole(1, 4096), "Width of the durations' embedding"
        ] = 64,
        openings: Iterable[Sequence[int]] = (),
        name: str | None = None,
        **settings: Any,
    ) -> None:
        encoding = PitchDurationEncoding() if encoding is None else encoding
        checked_kind("encoding", encoding, PitchDurationEncoding, "a PitchDurationEncoding")
        layer = build_network(network, settings)
        super().__init__(name=checked_name(layer.registered_name if name is None else name))
        self.encoding = encoding
        self.openings = checked_rows("openings", openings, OPENING_COLUMNS, least=0)
        self.pitch_embedding, self.duration_embedding = pitch_embedding, duration_embedding
        self.training_record: dict[str, Any] = {}
        self.sampling_loops: dict[Any, Any] = {}  # compiled once for each shape

        # === Layers ===
        sizes = {"pitch": encoding.pitch_ids, "duration": encoding.duration_ids, **FEATURE_SIZES}
        widths = {"pitch": pitch_embedding, "duration": duration_embedding, **FEATURE_EMBEDDINGS}
        self.input_sizes = sizes
        self.embeddings = {
            key: keras.layers.Embedding(size, widths[key], name=f"{key}_embedding")
            for key, size in sizes.items()
        }
        self.network = layer
        self.softmax_heads = {
            key: keras.layers.Dense(sizes[key], name=f"{key}_head") for key in ("pitch", "duration")
        }

        # === Weights ===
        for embedding in self.embeddings.values():
            embedding.build()
        shape = (None, None, sum(widths.values()))
        self.network.build(shape)
        for head in self.softmax_heads.values():
            head.build(self.network.compute_output_shape(shape))
        names = {"pitch": "pitch_nats", "duration": "duration_nats", "both": "nats"}
        self.nats = {key: keras.metrics.Mean(name=name) for key, name in names.items()}
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        x = ops.concatenate([self.embeddings[key](inputs[key]) for key in self.embeddings], axis=-1)
        x = self.network(x, training=training)
        return {key: head(x) for key, head in self.softmax_heads.items()}

    # === Config ===

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        return {
            "name": self.name,
            "encoding": self.encoding.get_config(),
            "openings": [list(opening) for opening in self.openings],
            "network": self.network.registered_name,
            "pitch_embedding": self.pitch_embedding,
            "duration_embedding": self.duration_embedding,
            **self.network.get_config(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> MelodyModel:
        """Rebuilds the model from its config, with new weights.

        Args:
            config: What `get_config()` returns.
            custom_objects: As in Keras; there are none.

        Raises:
            ValueError: If it is something else.
        """
        network = checked_config(config, (*cls.config_names, *settings_of(cls))).get("network")
        if isinstance(network, str) and network in NETWORKS:
            checked_config(config, settings_of(NETWORKS[network]))
        checked_name(config["name"])
        encoding = PitchDurationEncoding.from_config(config["encoding"])
        return cls(**{**config, "encoding": encoding})

    @property
    def saved_weights(self) -> dict[str, keras.Variable]:
        """What a checkpoint holds, by name: all weights, the network's without its name before."""
        return {variable.path.removeprefix("network/"): variable for variable in self.weights}

    # === Training ===

    fit = fit

    @property
    def networks(self) -> dict[str, Any]:
        """What learns together, by name: the model itself."""
        return {"model": self}

    def random_states(self) -> list[keras.Variable]:
        """Returns the states of the random generators that training draws from."""
        return [one for one in self.non_trainable_variables if "seed_generator_state" in one.path]

    def training_variables(self) -> dict[str, keras.Variable]:
        """Returns all that an interrupted training needs to go on, by name."""
        return {one.path: one for one in (*self.weights, *self.optimizer.variables)}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Computes nats per event, pitch and duration together; events of weight 0 are padding."""
        costs = {
            key: ops.sparse_categorical_crossentropy(y[key], y_pred[key], from_logits=True)
            for key in ("pitch", "duration")
        }
        costs["both"] = costs["pitch"] + costs["duration"]
        # Flat: Keras would average each row first, and so weigh events by their row's padding.
        weights = ops.reshape(sample_weight, (-1,))
        for key, metric in self.nats.items():
            metric.update_state(ops.reshape(costs[key], (-1,)), sample_weight=weights)
        return ops.sum(sample_weight * costs["both"]) / ops.sum(sample_weight)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self.nats.values())

    def gradients(self, seed: int, batch: Any) -> dict[str, float | None]:
        """Computes the norm of each weight's gradient on one batch of `MelodyWindows`.

        Norms are by the names of `saved_weights`, None for a frozen weight. Nothing is drawn.
        """
        inputs, targets, weights = batch

        def loss() -> Any:
            return self.compute_loss(inputs, targets, self(inputs, training=True), weights)

        return gradient_norms(loss, self.saved_weights)

    def count_openings(self, melodies: Iterable[Melody]) -> None:
        """Takes over how some pieces begin.

        Args:
            melodies: The pieces, `Melody` records, at least one.

        Raises:
            ValueError: If they are something else.
        """
        melodies = checked_items("melodies", melodies, Melody, "a list of Melody records")
        counts = Counter(
            (*melody.meters[0][1:], melody.pickup, melody.tempos[0][1]) for melody in melodies
        )
        self.openings = tuple((*opening, count) for opening, count in counts.most_common(64))

    @staticmethod
    def summary_of(record: dict[str, Any]) -> str:
        """Returns what a training record says, in a line."""
        train, validation = record["pieces"]
        return (
            f"trained on {train:,} pieces of {record['corpus']}, {record['val_nats']:.2f} nats per "
            f"event on the {validation:,} of the validation split"
        )

    def costs(self, melodies: Sequence[Melody]) -> list[NDArray[np.float64]]:
        """Measures what it costs to predict each event of some melodies, the past being known.

        Returns for each piece `(events - 1, 2)`, nats of pitch and duration: the start is given.
        """
        costs = [np.zeros((0, 2))] * len(melodies)
        # By length, so that a batch is little padding; windows keep the order of pieces so sorted.
        order = [
            i for i in np.argsort([len(m) for m in melodies], kind="stable") if len(melodies[i]) > 1
        ]
        for start in range(0, len(order), PIECES_AT_ONCE):
            chosen = order[start : start + PIECES_AT_ONCE]
            batch = [melodies[i] for i in chosen]
            windows = MelodyWindows(batch, self.encoding, PIECES_AT_ONCE, length=len(batch[-1]))
            inputs, targets, _ = windows[0]
            logits = self.predict_on_batch(inputs)
            both = np.stack([_costs(logits[n], targets[n]) for n in ("pitch", "duration")], axis=-1)
            for index, row in zip(chosen, both):
                costs[index] = row[: len(melodies[index]) - 1]
        return costs

    # === Sampling ===

    sample = sample

    def step_tables(self) -> dict[str, Any]:
        """Returns what each id adds to what the network's first step takes, `(ids, size)` each.

        An embedding through the network's linear map: done once for all ids before the first step,
        it is a look-up in every step.
        """
        kernel, width = (
            self.network.input_kernel,
            sum(e.output_dim for e in self.embeddings.values()),
        )
        tables, first = {}, 0
        for key, layer in self.embeddings.items():
            last = first + layer.output_dim
            if kernel is None:
                tables[key] = ops.pad(layer.embeddings, ((0, 0), (first, width - last)))
            else:
                tables[key] = ops.matmul(layer.embeddings, kernel[first:last])
            first = last
        return tables

    def step(self, ids: dict[str, Any], state: Any, tables: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Runs one step of the model, as sampling does, on ids of one position, `(batch,)` each.

        Returns the logits (a dict, `(batch, ids)` each), the state, and the network's record.
        """
        projected = sum(ops.take(table, ids[key], axis=0) for key, table in tables.items())
        x, state, record = self.network.step(projected, state)
        return {key: head(x) for key, head in self.softmax_heads.items()}, state, record


def _costs(logits: NDArray, targets: NDArray) -> NDArray[np.float64]:
    """-log p of the targets `(batch, time)` by logits `(batch, time, ids)`."""
    scores = logits.astype(np.float64)
    scores -= scores.max(axis=-1, keepdims=True)
    chosen = np.take_along_axis(scores, targets[..., None], axis=-1)[..., 0]
    return np.log(np.exp(scores).sum(axis=-1)) - chosen
